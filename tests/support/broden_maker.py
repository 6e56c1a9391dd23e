"""Writes a small data set in the Broden format, for tests to read and to damage."""

from __future__ import annotations

import csv
import struct
import zlib

import numpy as np
from PIL import Image

LABELS = [
    (1, "car", "object(3)"),
    (2, "wheel", "part(3)"),
    (3, "red-c", "color(4)"),
    (4, "street-s", "scene(2)"),
    (9, "both", "object(1);part(1)"),
]
CONCEPTS = {
    "color": [(3, "red-c", 4.0)],
    "object": [(1, "car", 3.0), (9, "both", 1.0)],
    "part": [(2, "wheel", 1.5), (9, "both", 1.0)],
    "scene": [(4, "street-s", 2.0)],
}
COLUMNS = ["image", "split", "ih", "iw", "sh", "sw", *CONCEPTS]


def write_table(path, header, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def save_mask(path, labels):
    labels = np.asarray(labels)
    Image.fromarray(np.stack([labels % 256, labels // 256, labels * 0], axis=-1).astype(np.uint8)).save(path)


def make_broden(root, images=4, size=(12, 16), shape=(6, 8)):
    """Write the data set and return its directory; image i has noise, an object and a part mask, or a whole-image label."""
    rng = np.random.default_rng(0)
    (root / "images" / "a").mkdir(parents=True)
    rows = []
    for i in range(images):
        Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).save(root / "images" / "a" / f"{i}.png")
        row = [f"a/{i}.png", "train", *size, *shape, "", "", "", ""]
        if i % 2:
            row[9] = "4"
        else:
            save_mask(root / "images" / "a" / f"{i}_object.png", rng.choice([0, 1, 9], shape))
            save_mask(root / "images" / "a" / f"{i}_part.png", rng.choice([0, 2], shape))
            row[6], row[7], row[8] = "3", f"a/{i}_object.png;1", f"a/{i}_part.png"
        rows.append(row)
    write_table(root / "index.csv", COLUMNS, rows)
    write_table(
        root / "label.csv",
        ["number", "name", "category", "frequency", "coverage", "syns"],
        [(*label, 1, 1.0, "") for label in LABELS],
    )
    write_table(
        root / "category.csv",
        ["name", "first", "last", "count", "frequency"],
        [(name, 1, 9, 1, 1) for name in CONCEPTS],
    )
    for category, concepts in CONCEPTS.items():
        rows = [(k + 1, number, name, 1, coverage) for k, (number, name, coverage) in enumerate(concepts)]
        write_table(root / f"c_{category}.csv", ["code", "number", "name", "frequency", "coverage"], rows)
    return root


def edit_index(root, row, column, value):
    """Replace one cell of index.csv."""
    with (root / "index.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    rows[row + 1][COLUMNS.index(column)] = value
    write_table(root / "index.csv", rows[0], rows[1:])


def png(pixels, *, depth=8, color=2, palette=None, size=None, extra=b""):
    """A PNG file of samples [height, width, channels], written by hand so that any kind can be made.

    color: 0 greyscale, 2 RGB, 3 palette, 4 greyscale with alpha, 6 RGBA. size: (height, width) to claim instead.
    """
    pixels = np.asarray(pixels).astype(">u2" if depth == 16 else np.uint8)
    height, width = size or pixels.shape[:2]
    parts = [chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))]
    if palette is not None:
        parts.append(chunk(b"PLTE", np.asarray(palette, dtype=np.uint8).tobytes()))
    parts += [
        extra,
        chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in pixels))),
        chunk(b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
