"""One sample, checked where it comes in, and views of data sets.

In: a data set, whoever wrote it. Out: the same samples, checked, or a ValueError or OSError that names the image.
Called by all that read samples: runs, the table of layers, digests, galleries, archives.
"""

from __future__ import annotations

from nbdissect.samples.checked import CheckedDataset, CheckedSample, check_dataset
from nbdissect.samples.repeatable import check_repeatable, check_same
from nbdissect.samples.subset import Indexable, Subset, comes_with_package

__all__ = [
    "CheckedDataset",
    "CheckedSample",
    "Indexable",
    "Subset",
    "check_dataset",
    "check_repeatable",
    "check_same",
    "comes_with_package",
]
