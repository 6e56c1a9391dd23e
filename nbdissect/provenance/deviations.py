"""What still differs from a published study in a dissection by its protocol, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

from nbdissect.engine.paper_preprocessing import CaffeNormalize
from nbdissect.text import plural

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from nbdissect.engine.preprocessing import Normalize
    from nbdissect.results.upsampling import ReceptiveField

IMAGES, CONCEPTS = 63_305, 1_197
"""What Broden holds."""

_BEFORE_RELU = (nn.modules.conv._ConvNd, nn.modules.batchnorm._BatchNorm)  # noqa: SLF001 - the base of them all


def deviations(
    layer: str,
    module: nn.Module,
    transform: Normalize,
    data: Any,
    field: ReceptiveField,
    shapes: Collection[tuple[int, int]],
) -> Iterator[str]:
    """Yield what differs from the paper's programs, most important first.

    Parameters
    ----------
    layer, module
        The layer and its module.
    transform : Normalize
        What the network is fed.
    data : data set
    field : ReceptiveField
        Of the layer.
    shapes : collection of (int, int)
        Of masks, of some images.
    """
    if isinstance(transform, CaffeNormalize):
        yield (
            "The network doesn't say what it was trained with, so it gets what the paper's did, values 0 to 255 less Caffe's mean, "
            "blue first: right for weights that came from Caffe, wrong for others."
        )
    else:
        yield (
            "The network says how it was trained, so it is fed that (mean and standard deviation, red first), and not values "
            "0 to 255 less Caffe's mean, blue first."
        )
    concepts = len(data.concepts)
    if (len(data), concepts) != (IMAGES, CONCEPTS):
        yield (
            f"The data are {plural(len(data), 'image')} with {plural(concepts, 'concept')}; the paper's are Broden's "
            f"{IMAGES:,} with {CONCEPTS:,}."
        )
    if getattr(data, "image_size", None) != transform.size:
        yield (
            f"Images are brought to {transform.size[0]} × {transform.size[1]} (bilinear, the whole image); the paper's are "
            "stored at the size that its networks take."
        )
    if isinstance(module, _BEFORE_RELU):
        yield (
            f"{layer} ({type(module).__name__}) returns values from before a ReLU that may follow. In Caffe the ReLU works in "
            "place, and the paper's layers hold values from after it: dissect the module of the ReLU."
        )
    odd = [shape for shape in sorted(shapes) if not field.falls_on_pixels(shape)]
    if odd:
        yield (
            f"Masks of {odd[0][0]} × {odd[0][1]} are no whole part of images of {field.image[0]} × {field.image[1]}: the centers of receptive "
            "fields are kept where they are, while the paper's program rounds them to whole pixels of masks half as large as the image."
        )
    yield "Thresholds are exact; the paper's program estimates them from a sketch of the activations."
    yield "All shared pixels are counted; the paper's program keeps at most 2,048 counts of unit and concept of an image."
    yield "A mask is where a map is above its threshold, as in the paper's program; the paper's text says at or above it."
    yield "torch computes the network, and maps are interpolated in float32: single pixels at the edge of a mask may differ."
