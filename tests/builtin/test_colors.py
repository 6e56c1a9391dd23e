"""The colour namer."""

from __future__ import annotations

import numpy as np
import pytest

from nbdissect.builtin.color_names import COLOR_NAMES, name_colors, srgb_to_lab


def _name(*rgb: int) -> str:
    return COLOR_NAMES[int(name_colors(np.array(rgb, dtype=np.uint8)))]


def test_the_eleven_basic_terms() -> None:
    assert " ".join(COLOR_NAMES) == "black blue brown grey green orange pink purple red white yellow"
    assert len(COLOR_NAMES) == 11


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((0, 0, 0), "black"),
        ((255, 255, 255), "white"),
        ((128, 128, 128), "grey"),
        ((255, 0, 0), "red"),
        ((0, 128, 0), "green"),
        ((0, 0, 255), "blue"),
        ((255, 255, 0), "yellow"),
        ((255, 140, 0), "orange"),
        ((128, 0, 128), "purple"),
        ((255, 192, 203), "pink"),
        ((139, 69, 19), "brown"),
        # things people have seen
        ((135, 206, 235), "blue"),  # a clear sky
        ((178, 34, 34), "red"),  # brick
        ((34, 139, 34), "green"),  # a wood
        ((20, 30, 60), "blue"),  # a sky at night
        ((92, 64, 51), "brown"),  # dark chocolate
        ((211, 211, 211), "grey"),
        ((255, 105, 180), "pink"),
        ((250, 218, 94), "yellow"),
        ((75, 0, 130), "purple"),
    ],
)
def test_names_that_people_agree_on(rgb: tuple[int, int, int], name: str) -> None:
    assert _name(*rgb) == name


def test_whole_images_keep_their_shape_and_every_colour_has_a_name() -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 48, 3), dtype=np.uint8)
    named = name_colors(image)
    assert named.shape == (64, 48)
    assert set(np.unique(named)) <= set(range(11))
    assert all(int(named[y, x]) == int(name_colors(image[y, x])) for y, x in ((0, 0), (31, 17), (63, 47)))


def test_every_name_is_used() -> None:
    levels = np.arange(0, 256, 15, dtype=np.uint8)
    grid = np.stack(np.meshgrid(levels, levels, levels), -1)
    assert set(np.unique(name_colors(grid))) == set(range(11))


def test_lab_of_known_colours() -> None:
    # CIE values of the sRGB primaries and white, as published with the standard's matrix
    rgb = np.array([[255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255], [0, 0, 0]], dtype=np.uint8)
    expected = [
        [100.0, 0.0, 0.0],
        [53.24, 80.09, 67.20],
        [87.73, -86.18, 83.18],
        [32.30, 79.19, -107.86],
        [0.0, 0.0, 0.0],
    ]
    np.testing.assert_allclose(srgb_to_lab(rgb), expected, atol=0.06)


@pytest.mark.parametrize(
    "wrong", [np.zeros((4, 4, 3)), np.zeros((4, 4), dtype=np.uint8), np.zeros((3, 4), dtype=np.uint8)]
)
def test_other_arrays_are_refused_by_name(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"uint8 array with three channels last.*got (float64|uint8) with shape"):
        name_colors(wrong)
