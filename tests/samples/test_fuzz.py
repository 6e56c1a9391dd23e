"""Whatever a data set gives: a sample as it is meant, or a ValueError or OSError that names the image."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

import nbdissect as nd
from nbdissect.samples import check_dataset

DTYPES = st.sampled_from(["?", "i1", "u1", "i2", ">u2", "i8", "u8", "f2", "f4", "c8", "O", "U3", "M8[s]"])
SHAPES = st.lists(st.integers(0, 4), max_size=4).map(tuple)
ARRAYS = st.builds(lambda dtype, shape: np.zeros(shape, dtype), DTYPES, SHAPES) | arrays.arrays(np.int16, SHAPES)
IMAGES = st.builds(
    Image.new,
    st.sampled_from(["RGB", "L", "P", "1", "LA", "RGBA", "CMYK", "I", "F", "I;16", "La"]),
    st.tuples(st.integers(0, 5), st.integers(0, 5)),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.complex_numbers(),
    st.text(max_size=4),
    st.binary(max_size=4),
)
TENSORS = st.builds(
    lambda shape, dtype: torch.zeros(shape, dtype=dtype),
    SHAPES,
    st.sampled_from([torch.bool, torch.uint8, torch.int64, torch.float32, torch.bfloat16]),
)
THINGS = SCALARS | ARRAYS | IMAGES | TENSORS | ARRAYS.map(np.ma.asarray)
NESTED = THINGS | st.lists(THINGS, max_size=3) | st.dictionaries(st.text(max_size=2), THINGS, max_size=2)
PARTS = st.dictionaries(st.sampled_from(["object", "part", 7, None]), NESTED, max_size=2)


@settings(max_examples=600, deadline=None)
@given(image=IMAGES | NESTED, masks=PARTS | NESTED, whole=PARTS | NESTED, shape=st.none() | SHAPES | NESTED)
def test_whatever_a_sample_holds(image, masks, whole, shape):
    checked = check_dataset([None] * 7 + [nd.Sample(image, masks, whole, shape)])[7]
    for part, is_right in (("image", is_image), ("masks", are_masks), ("whole", are_numbers), ("shape", is_shape)):
        try:
            found = getattr(checked, part)
        except (ValueError, OSError) as error:
            if not str(error).startswith("Image 7"):
                raise
        else:
            assert is_right(found), (part, found)


@settings(max_examples=300, deadline=None)
@given(item=NESTED)
def test_whatever_a_data_set_gives(item):
    try:
        sample = check_dataset([item])[0]
        _ = sample.image, sample.shape, sample.masks, sample.whole
    except ValueError as error:
        if not str(error).startswith("Image 0"):
            raise
    else:
        raise AssertionError(item)


def is_image(image):
    return image.mode in ("RGB", "L", "P", "1", "LA", "RGBA", "CMYK") and 0 not in image.size and image.convert("RGB")


def are_masks(masks):
    arrays = list(masks.values())
    return all(a.dtype.kind in "iu" and a.ndim == 3 and a.size and a.shape[1:] == arrays[0].shape[1:] for a in arrays)


def are_numbers(whole):
    return all(type(n) is int and 0 <= n < 2**63 for numbers in whole.values() for n in numbers)


def is_shape(shape):
    return len(shape) == 2 and all(type(side) is int and side > 0 for side in shape)
