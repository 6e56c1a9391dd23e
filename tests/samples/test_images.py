"""Images of somebody's data set: any form that is clear is read, upright; what would be misread is refused."""

from __future__ import annotations

import gc
import io
import os
import struct

import numpy as np
import pytest
import torch
from PIL import Image

from nbdissect.samples.images import read_image
from support.broden_maker import png

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)


def stored(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    file.seek(0)
    return Image.open(file)


@pytest.fixture
def path(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "1.png")
    return tmp_path / "1.png"


def test_images_paths_and_arrays(path, monkeypatch):
    monkeypatch.setenv("HOME", str(path.parent))
    monkeypatch.chdir(path.parent)
    for value in (
        Image.fromarray(PIXELS),
        path,
        str(path),
        "1.png",
        "~/1.png",
        PIXELS,
        PIXELS[::-1][::-1],
        Image.open(path),
    ):
        image = read_image(value, 0)
        assert image.mode == "RGB"
        assert (np.asarray(image) == PIXELS).all()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_an_orientation_is_applied_once(orientation, kind):
    upright = Image.fromarray(PIXELS.repeat(8, 0).repeat(8, 1))
    turns = [None, None, 0, 3, 1, 5, 4, 6, 2]  # Image.Transpose that undoes it, by orientation
    back = {None: None, 0: 0, 3: 3, 1: 1, 5: 5, 4: 2, 6: 6, 2: 4}[turns[orientation]]
    image = upright if back is None else upright.transpose(Image.Transpose(back))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}.get(kind, {})
    read = read_image(stored(image, kind, exif=exif, **options), 0)
    assert read.size == upright.size
    assert np.abs(np.asarray(read).astype(int) - np.asarray(upright)).mean() < 20
    assert read_image(read, 0).size == upright.size  # not turned once more


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "LA", "RGBA", "CMYK", "YCbCr", "HSV", "PA", "RGBa"])
def test_modes_of_8_bits_stay_as_they_are(mode):
    image = Image.fromarray(PIXELS)
    for step in {"LA": ["L", "LA"], "PA": ["P", "PA"], "RGBa": ["RGBA", "RGBa"]}.get(mode, [mode]):
        image = image.convert(step)
    read = read_image(image, 0)
    assert read.mode == mode
    assert read.tobytes() == image.tobytes()


def test_a_mode_that_pillow_cannot_show_becomes_one_that_it_can():
    image = Image.fromarray(PIXELS).convert("LA").convert("La")
    assert read_image(image, 0).convert("RGB").size == image.size


DEEP = {
    "uint16": lambda: Image.fromarray(np.full((4, 4), 4000, np.uint16)),
    "int32": lambda: Image.fromarray(np.full((4, 4), 4000, np.int32)),
    "float": lambda: Image.fromarray(np.full((4, 4), 0.5, np.float32)),
    "uint16 in a PNG": lambda: stored(Image.fromarray(np.full((4, 4), 4000, np.uint16))),
    "uint16 in a TIFF": lambda: stored(Image.fromarray(np.full((4, 4), 4000, np.uint16)), "TIFF"),
    "float in a TIFF": lambda: stored(Image.fromarray(np.full((4, 4), 0.5, np.float32)), "TIFF"),
    "RGB of 16 bits": lambda: Image.open(io.BytesIO(png(np.full((4, 4, 3), 4000), depth=16))),
    "RGBA of 16 bits": lambda: Image.open(io.BytesIO(png(np.full((4, 4, 4), 4000), depth=16, color=6))),
    "gray and alpha of 16 bits": lambda: Image.open(io.BytesIO(png(np.full((4, 4, 2), 4000), depth=16, color=4))),
}


@pytest.mark.parametrize("name", DEEP)
def test_deep_images_are_refused_with_what_to_do(name):
    with pytest.raises(
        ValueError, match=r"Image 7: it holds (whole numbers of more than 8 bits|floats|16 bits per channel).*uint8"
    ):
        read_image(DEEP[name](), 7)


def test_the_line_that_converts_a_deep_image_works():
    image = Image.fromarray(np.array([[0, 65535], [32768, 257]], np.uint16))
    with pytest.raises(ValueError, match="Convert it: ") as caught:
        read_image(image, 0)
    line = str(caught.value).split("Convert it: ")[1].split(", with the value")[0]
    assert np.asarray(eval(line)).tolist() == [[0, 255], [128, 1]]


def test_16_bits_per_pixel_are_fine():
    header = struct.pack("<2sIHHIIiiHHIIiiII", b"BM", 54 + 8, 0, 0, 54, 40, 2, 2, 1, 16, 0, 8, 0, 0, 0, 0)
    image = Image.open(io.BytesIO(header + struct.pack("<4H", 0x7FFF, 0, 0, 0x7FFF)))
    assert sorted(np.asarray(read_image(image, 0)).sum(-1).ravel().tolist()) == [0, 0, 765, 765]


@pytest.mark.parametrize(
    ("value", "match"),
    [
        (None, r"is None; a PIL image, a path, or a uint8 array \[height, width, 3\] is needed"),
        (7, "is an int"),
        ([PIXELS], "is a list"),
        (torch.zeros(3, 4, 4), r"is a Tensor of shape \[3, 4, 4\].*to_pil_image"),
        (PIXELS / 255, r"is a float64 array of shape \[6, 8, 3\]; .*\(array \* 255\)"),
        (PIXELS.astype(np.uint16), "is a uint16 array .*65535"),
        (PIXELS.astype(np.int64), "is a int64 array"),
        (PIXELS > 9, "is a bool array"),
        (PIXELS[..., 0], r"is a uint8 array of shape \[6, 8\]; .*np\.stack"),
        (PIXELS.transpose(2, 0, 1), r"shape \[3, 6, 8\]; .*transpose\(1, 2, 0\)"),
        (PIXELS[:0], r"shape \[0, 8, 3\]"),
        (np.ma.masked_equal(PIXELS, 1), "is a uint8 array"),
        (b"1.png", "is a bytes"),
        (Image.new("RGB", (0, 4)), r"it is 4 × 0, without a pixel"),
    ],
)
def test_what_is_no_image(value, match):
    with pytest.raises(ValueError, match=rf"^Image 3: .*{match}"):
        read_image(value, 3)


def test_broken_files_are_named(path, tmp_path):
    content = path.read_bytes()
    (tmp_path / "cut.png").write_bytes(content[: len(content) // 2])
    (tmp_path / "text.png").write_text("<html>")
    for name in ("cut.png", "text.png"):
        with pytest.raises(ValueError, match=rf"^Image 3.*{name}.*Restore the file") as caught:
            read_image(tmp_path / name, 3)
        assert isinstance(caught.value.__cause__, OSError | SyntaxError)
    cut = Image.open(tmp_path / "cut.png")
    with cut, pytest.raises(ValueError, match=r"^Image 3 \(.*cut\.png\): it can't be decoded: .*truncated"):
        read_image(cut, 3)
    with pytest.raises(ValueError, match="^Image 3: it can't be decoded"):
        read_image(Image.open(io.BytesIO(content[: len(content) // 2])), 3)


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "PNG", "WEBP"])
def test_files_of_several_frames_are_read_and_closed(tmp_path, kind):
    """Pillow keeps such a file open for its next frame; left open, it would be a warning, which is an error here."""
    frames = [Image.fromarray(PIXELS), Image.fromarray(255 - PIXELS)]
    frames[0].save(tmp_path / "two", kind, save_all=True, append_images=frames[1:])
    image = read_image(tmp_path / "two", 0)
    gc.collect()
    assert np.asarray(image.convert("RGB")).shape == PIXELS.shape


def test_paths_that_lead_nowhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        FileNotFoundError, match=r"^Image 3: there is no file .*1\.png\. A relative path starts from .*"
    ):
        read_image("1.png", 3)
    with pytest.raises(ValueError, match=r"^Image 3: .* isn't a file"):
        read_image(tmp_path, 3)
    with pytest.raises(ValueError, match=r"^Image 3: ~nobody of this name/1\.png isn't a path"):
        read_image("~nobody of this name/1.png", 3)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ValueError, match="isn't a file"):
        read_image(tmp_path / "pipe.png", 3)
