"""Archives changed by chance, with knowledge of their structure: what opens is shown in every form, and agrees with itself."""

from __future__ import annotations

import numpy as np
import pytest

import nbdissect as nd
from support.archive_mutants import bases, mutant
from support.showing import is_inert, show

SEEDS = range(4)


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    return bases(tmp_path_factory.mktemp("originals"))


def test_what_is_changed_opens_and_is_shown_as_it_was(originals, tmp_path):
    """Else the mutants would be refused for what is wrong with all of them."""
    for path in originals:
        assert show(nd.load(path), nd.load(originals[-1]), tmp_path).wrong == []


@pytest.mark.parametrize("seed", SEEDS)
def test_a_changed_archive_is_refused_or_shown(originals, tmp_path, seed):
    """More of them, their memory and seconds: benchmarks/fuzz_archive.py."""
    rng, other, opened = np.random.default_rng(seed), nd.load(originals[0]), 0
    for number in range(12):
        done = mutant(originals[number % len(originals)], tmp_path / "mutant.nbd", rng)
        try:
            result = nd.load(tmp_path / "mutant.nbd")
        except (ValueError, OSError) as error:
            text = str(error)
        else:
            text, opened = "mutant.nbd", opened + 1
            assert show(result, other, tmp_path).wrong == [], done
        assert is_inert(text), done
        assert "mutant.nbd" in text, done
    assert opened
