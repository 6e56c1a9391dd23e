"""A second reader of the Broden format, for tests: slow, short, and sharing nothing with ours.

What it can't make sense of raises some exception. It decodes PNG files itself, checksums included;
only JPEG it leaves to Pillow.
"""

from __future__ import annotations

import csv
import io
import struct
import zlib

import numpy as np
from PIL import Image


def decode_png(content):
    """RGB pixels of a PNG with 8 bits per sample, or with a palette of 1 to 8; not interlaced."""
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    at, header, data, palette = 8, None, b"", None
    while True:
        length, kind = struct.unpack(">I4s", content[at : at + 8])
        body = content[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack(">I", content[at + 8 + length : at + 12 + length])
        assert checksum == zlib.crc32(kind + body)
        at += 12 + length
        if kind == b"IHDR":
            header = struct.unpack(">IIBBBBB", body)
        elif kind == b"PLTE":
            palette = np.frombuffer(body, np.uint8).reshape(-1, 3)
        elif kind == b"IDAT":
            data += body
        elif kind == b"IEND":
            break
    width, height, depth, color, _, _, interlaced = header
    samples = {2: 3, 3: 1}[color]
    assert not interlaced
    assert depth == 8 or color == 3
    lines = np.frombuffer(zlib.decompress(data), np.uint8).reshape(height, -1)
    wide = lines.shape[1] - 1 + samples
    pixels = np.zeros((height + 1, wide), dtype=int)  # with a row above and a pixel to the left, of 0
    for y, line in enumerate(lines):
        for x, value in enumerate(line[1:].tolist()):
            left, above, corner = pixels[y + 1, x], pixels[y, x + samples], pixels[y, x]
            guess = [0, left, above, (left + above) // 2, paeth(left, above, corner)][line[0]]
            pixels[y + 1, x + samples] = (value + guess) % 256
    pixels = pixels[1:, samples:].astype(np.uint8)
    if color == 2:
        return pixels.reshape(height, width, 3)
    bits = np.unpackbits(pixels, axis=1).reshape(height, -1, depth)[:, :width]
    return palette[bits @ (1 << np.arange(depth)[::-1])]


def paeth(left, above, corner):
    return min((left, above, corner), key=lambda value: abs(left + above - corner - value))


def read_rows(path):
    text = path.read_bytes().decode("utf-8-sig")
    lines = [line for line in csv.reader(io.StringIO(text, newline="")) if line]
    assert all(len(line) == len(lines[0]) for line in lines)
    assert len(set(lines[0])) == len(lines[0])
    return [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]


def facts(root):
    """Everything that can be read, and the pixels of each concept."""
    categories = [row["name"] for row in read_rows(root / "category.csv")]
    coverage = {}
    for place, category in enumerate(categories):
        for row in read_rows(root / f"c_{category}.csv"):
            key = (float(row["coverage"]), place, row["name"])
            coverage[int(row["number"])] = max(key, coverage.get(int(row["number"]), key))
    known = {0} | {int(row["number"]) for row in read_rows(root / "label.csv")}
    images, truth = [], dict.fromkeys(coverage, 0)
    for row in read_rows(root / "index.csv"):
        content = (root / "images" / row["image"]).read_bytes()
        # A greyscale photograph is no palette and no RGB: Pillow knows those as well.
        plain = content.startswith(b"\x89PNG") and content[25] in (2, 3)
        pixels = decode_png(content) if plain else np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
        assert pixels.shape[:2] == (int(row["ih"]), int(row["iw"]))
        shape = int(row["sh"]), int(row["sw"])
        masks, whole, layers = {}, {}, []
        for category in categories:
            parts = row[category].split(";") if row[category] else []
            if any(not part.isdigit() for part in parts):
                masks[category] = [layer(root, part, shape) for part in parts]
                layers += masks[category]
            elif parts:
                whole[category] = [int(part) for part in parts]
                layers += [np.full(shape, int(part)) for part in parts]
        assert all(mask.shape == shape for mask in layers)
        assert all(known.issuperset(np.unique(mask).tolist()) for mask in layers)
        for number in truth:
            truth[number] += int(np.any([mask == number for mask in layers], axis=0).sum()) if layers else 0
        images.append(describe(row["image"], pixels, masks, whole))
    concepts = [[number, name, categories[place]] for number, (_, place, name) in sorted(coverage.items())]
    return {"concepts": concepts, "images": images, "truth": {str(number): truth[number] for number in sorted(truth)}}


def layer(root, part, shape):
    if part.isdigit():
        return np.full(shape, int(part))
    pixels = decode_png((root / "images" / part).read_bytes()).astype(int)
    assert not pixels[..., 2].any()
    return pixels[..., 0] + 256 * pixels[..., 1]


def describe(name, pixels, masks, whole):
    """One image in a form that can be compared and sent as JSON."""
    return {
        "name": name.replace("//", "/").replace("./", ""),
        "image": [*pixels.shape, zlib.crc32(np.ascontiguousarray(pixels, dtype=np.uint8))],
        "masks": {category: np.asarray(mask).tolist() for category, mask in masks.items()},
        "whole": {category: list(numbers) for category, numbers in whole.items()},
    }
