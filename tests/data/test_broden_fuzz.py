"""Damaged copies of a data set: each gives an error that says where, or the very counts that a second reader finds.

All copies are read in one child process of bounded memory, which is stopped if it hangs (tests/support/broden_child.py).
"""

from __future__ import annotations

import csv
import io
import json
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import zlib
from functools import cache

import numpy as np
import pytest
from PIL import Image

from support import broden_reference
from support.broden_maker import chunk, edit_index, make_broden, png, save_mask, write_table
from support.paths import ROOT, TESTS

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pipes, links and alarms as POSIX has them")

SAME = "the counts of the undamaged data set"
SEEDS = range(200)
TABLES = ["index.csv", "label.csv", "category.csv", "c_color.csv", "c_object.csv", "c_part.csv", "c_scene.csv"]
MASK = "images/a/0_part.png"
DAMAGES = {}


def damages(table):
    """Register some: what is damaged -> (a function that does it, what must come of it: SAME, or a pattern of the error)."""
    assert not set(table) & set(DAMAGES)
    DAMAGES.update(table)


def original(root):
    """Four images, of which the last is a JPEG."""
    make_broden(root)
    Image.open(root / "images/a/3.png").save(root / "images/a/3.jpg")
    (root / "images/a/3.png").unlink()
    edit_index(root, 3, "image", "a/3.jpg")
    return root


def change(name, old, new, count=1):
    """A damage: other bytes in one file."""

    def apply(root):
        content = (root / name).read_bytes()
        assert old in content, "the damage does nothing"
        (root / name).write_bytes(content.replace(old, new, count))

    return apply


def write(name, content):
    return lambda root: (root / name).write_bytes(content)


def append(path, content):
    with path.open("ab") as file:
        file.write(content)


def cell(row, column, value):
    return lambda root: edit_index(root, row, column, value)


def text(name, edit):
    """A damage: another text in one table."""
    return lambda root: (root / name).write_bytes(edit((root / name).read_text(encoding="utf-8")))


def table(name, edit):
    """A damage: other rows in one table, header included."""

    def apply(root):
        with (root / name).open(encoding="utf-8", newline="") as file:
            rows = edit(list(csv.reader(file)))
        write_table(root / name, rows[0], rows[1:])

    return apply


def all_tables(edit):
    def apply(root):
        for name in TABLES:
            text(name, edit)(root)

    return apply


def columns_reversed(rows):
    return [row[::-1] for row in rows]


def linked(name, target):
    """A damage: a link in the place of a file or folder; with target None, to the thing itself moved out of the data set."""

    def apply(root):
        if target is None:
            (root / name).rename(root.parent / f"{root.name}-outside")
            (root / name).symlink_to(root.parent / f"{root.name}-outside")
        else:
            (root / name).unlink()
            (root / name).symlink_to(target)

    return apply


LINK = r"{} *a link that leaves the data set's directory, to .*-outside\. .*follow_links=True"

# Texts that say the same.
damages(
    {
        "nothing": (lambda root: None, SAME),
        "byte order marks": (all_tables(lambda t: b"\xef\xbb\xbf" + t.encode()), SAME),
        "line feeds": (all_tables(lambda t: t.replace("\r\n", "\n").encode()), SAME),
        "carriage returns": (all_tables(lambda t: re.sub("\r?\n", "\r", t).encode()), SAME),
        "blank lines": (all_tables(lambda t: ("\r\n" + re.sub("\r?\n", "\r\n\n\n", t)).encode()), SAME),
        "columns in another order": (lambda root: [table(name, columns_reversed)(root) for name in TABLES], SAME),
        "one more column": (table("index.csv", lambda rows: [[*row, "é,"] for row in rows]), SAME),
        "quoted cells": (all_tables(lambda t: re.sub(r"[^,\r\n]+", r'"\g<0>"', t).encode()), SAME),
        "zeros before a number": (
            table("index.csv", lambda rows: [rows[0], *([*row[:2], "0012", *row[3:]] for row in rows[1:])]),
            SAME,
        ),
        "a number beside a mask twice": (cell(0, "object", "a/0_object.png;1;1"), SAME),
        "a whole number beside an empty mask category": (cell(1, "object", "0"), SAME),
        "a path with a dot": (cell(1, "image", "./a/./1.png"), SAME),
        "a path with two slashes": (cell(1, "image", "a//1.png"), SAME),
    }
)

# Texts in another encoding, or cut.
damages(
    {
        "UTF-16": (
            text("index.csv", lambda t: t.encode("utf-16")),
            r"index\.csv, line 1, character 4: the control character '\\x00'\. The file must be UTF-8",
        ),
        "UTF-16 without its mark": (
            text("label.csv", lambda t: t.encode("utf-16-le")),
            r"label\.csv, line 1, character 2: the control character '\\x00'\. The file must be UTF-8",
        ),
        "Latin-1": (
            change("label.csv", b"wheel", b"wh\xe9el"),
            r"label\.csv, line 3, character 5: byte 0xe9 isn't UTF-8",
        ),
        "half a character": (
            change("c_part.csv", b"wheel", b"wh\xc3el"),
            r"c_part\.csv, line 2, character 7: byte 0xc3 isn't UTF-8",
        ),
        "a NUL in a cell": (
            change("index.csv", b"a/1.png", b"a/1\0.png"),
            r"index\.csv, line 3, character 4: the control character '\\x00'",
        ),
        "an escape sequence": (
            change("label.csv", b"wheel", b"\x1b[2Jwheel"),
            r"label\.csv, line 3, character 3: the control character '\\x1b'",
        ),
        "NULs at the end": (
            lambda root: append(root / "index.csv", b"\0" * 4096),
            r"index\.csv, line 6, character 1: the control character '\\x00'",
        ),
        "cut in a line": (text("index.csv", lambda t: t.encode()[:-25]), r"index\.csv, line 5: "),
        "cut in a number": (
            lambda root: (edit_index(root, 3, "scene", "44"), text("index.csv", lambda t: t.encode()[:-3])(root)),
            r"index\.csv, line 5: the file ends here without a line break",
        ),
        "cut in a coverage": (
            change("c_object.csv", b"1.0\r\n", b"1"),
            r"c_object\.csv, line 3: the file ends here without a line break",
        ),
        "cut between lines": (
            text("label.csv", lambda t: "".join(t.splitlines(keepends=True)[:-1]).encode()),
            r"c_object\.csv, line 3, column 'number': '9'; label\.csv doesn't have the number, among its 4",
        ),
        "empty": (write("index.csv", b""), r"index\.csv is an empty file; a header with the columns image, split"),
        "empty labels": (write("label.csv", b"\r\n"), r"label\.csv is an empty file"),
        "no categories": (write("category.csv", b"name\n"), r"category\.csv lists no categories"),
        "no concepts": (
            text("c_scene.csv", lambda t: t.splitlines(keepends=True)[0].encode()),
            r"c_scene\.csv lists no concepts\. Restore it, or leave",
        ),
        "a header that swallowed the only concept": (
            change("c_color.csv", b"coverage\r\n", b"coverage,"),
            r"c_color\.csv lists no concepts",
        ),
        "no images": (
            text("index.csv", lambda t: t.splitlines(keepends=True)[0].encode()),
            r"index\.csv lists no images",
        ),
        "a table that is none": (
            write("c_part.csv", bytes(range(256)) * 40),
            r"c_part\.csv, line 1, character 1: the control character '\\x00'",
        ),
        "an image for a table": (
            lambda root: shutil.copy(root / MASK, root / "label.csv"),
            r"label\.csv, line 1, character 1: byte 0x89 isn't UTF-8",
        ),
    }
)

# Columns, cells and quotes.
damages(
    {
        "a missing column": (
            table("index.csv", lambda rows: [row[:-1] for row in rows]),
            r"index\.csv, line 1: no column 'scene'; found image, split, ih",
        ),
        "a column twice": (
            table("index.csv", lambda rows: [[*row, row[7]] for row in rows]),
            r"index\.csv, line 1: two or more columns 'object'",
        ),
        "a coverage twice": (
            change("c_object.csv", b"frequency", b"coverage"),
            r"c_object\.csv, line 1: two or more columns 'coverage'",
        ),
        "no header": (
            table("label.csv", lambda rows: rows[1:]),
            r"label\.csv, line 1: no column 'number'; found 1, car",
        ),
        "sizes swapped": (
            change("index.csv", b"ih,iw,sh,sw", b"sh,sw,ih,iw"),
            r"png: \d+ × \d+ pixels .*index\.csv, line 2, says",
        ),
        "height and width swapped": (
            change("index.csv", b"sh,sw", b"sw,sh"),
            r"0_object\.png: 6 × 8 pixels .*line 2, says 8 × 6",
        ),
        "names and numbers swapped": (
            change("label.csv", b"number,name", b"name,number"),
            r"label\.csv, line 2, column 'number': 'car'; a whole number",
        ),
        "semicolons": (
            text("category.csv", lambda t: t.replace(",", ";").encode()),
            r"category\.csv, line 1: no column 'name'; found name;first;.*separated by commas",
        ),
        "a cell too many": (
            change("index.csv", b"a/1.png,", b"a/1.png,,"),
            r"index\.csv, line 3: not as many cells \(11\) as the header has columns \(10\)",
        ),
        "an open quote": (
            change("index.csv", b"train", b'"train'),
            r"index\.csv, line 2: .*quotes are closed on the same line",
        ),
        "a quote over two lines": (
            table("index.csv", lambda rows: [*rows[:2], [*rows[2][:1], "train\r\nx", *rows[2][2:]], *rows[3:]]),
            r"index\.csv, line 3: .*quotes are closed",
        ),
        "text after a quote": (
            change("label.csv", b",wheel,", b',"wh"eel,'),
            r"label\.csv, line 3: .*Cells are separated by commas",
        ),
        "a cell of 10 MB": (
            cell(2, "image", "x" * 10_000_000),
            r"index\.csv, line 4: longer than 1,048,576 characters",
        ),
        "a cell of 200 kB": (cell(2, "split", "x" * 200_000), r"index\.csv, line 4: .*field"),
        "a million columns": (
            text("index.csv", lambda t: b"c," * 1_000_000 + t.encode()),
            r"index\.csv, line 1: longer than",
        ),
        "two hundred thousand columns": (
            text("index.csv", lambda t: b"c," * 200_000 + t.encode()),
            r"index\.csv, line 2: not as many cells \(10\) as the header has columns \(200,010\)",
        ),
        "a file without lines": (write("label.csv", b"1" * 3_000_000), r"label\.csv, line 1: longer than"),
        "many empty lines": (
            lambda root: append(root / "c_part.csv", b"\n" * 300_000 + b"x\n"),
            r"c_part\.csv, line 300004: not as many cells",
        ),
    }
)

# Numbers and names.
NUMBERS = {
    "negative": "-6",
    "a fraction": "6.0",
    "an exponent": "6e0",
    "huge": "9" * 400,
    "ten digits": "4294967302",
    "a blank": " 6",
    "a sign": "+6",
    "Arabic digits": "٦",
    "hexadecimal": "0x6",
    "underscored": "6_0",
    "nothing": "",
    "zero": "0",
}
damages(
    {
        f"height: {name}": (
            cell(1, "sh", number),
            r"index\.csv, line 3, column 'sh': '.*a whole number from 1 on is needed",
        )
        for name, number in NUMBERS.items()
    }
)
damages(
    {
        f"label: {name}": (
            table("label.csv", lambda rows, n=number: [*rows[:2], [n, *rows[2][1:]], *rows[3:]]),
            r"label\.csv, line 3, column 'number': '.*a whole number from 0 on",
        )
        for name, number in NUMBERS.items()
        if name != "zero"
    }
)
damages(
    {
        f"coverage: {number!r}": (
            change("c_part.csv", b"1.5", number.encode()),
            r"c_part\.csv, line 2, column 'coverage': '.*a number is needed, 0 or more",
        )
        for number in ("nan", "inf", "1e999", "-1", "1_5", " 1", "٣", "", "1.5x")
    }
)
damages(
    {
        "whole label: ten digits": (
            cell(1, "scene", "9999999999"),
            r"index\.csv, line 3, column 'scene': '9999999999'; a whole number .*at most 9 digits",
        ),
        "whole label: a fraction": (
            cell(1, "scene", "4.0"),
            r"index\.csv, line 3, column 'scene': '4\.0'; a label number or the path",
        ),
        "whole label: unknown": (
            cell(1, "scene", "4;77"),
            r"index\.csv, line 3, column 'scene': '77'; label number 77 is not in label\.csv",
        ),
        "whole label: unknown, beside a mask": (
            cell(0, "object", "a/0_object.png;65536"),
            r"line 2, column 'object': '65536'; label number 65536 is not",
        ),
        "a label twice": (
            table("label.csv", lambda rows: [*rows, ["1", *rows[2][1:]]]),
            r"label\.csv, line 7, column 'number': '1'; the number belongs to 'car' already",
        ),
        "a concept twice": (
            table("c_object.csv", lambda rows: [*rows, rows[1]]),
            r"c_object\.csv, line 4, column 'number': '1'; the number is in the table already",
        ),
        "a concept of another number": (
            table("c_object.csv", lambda rows: [rows[0], ["1", "3", *rows[1][2:]], *rows[2:]]),
            r"c_object\.csv, line 2, column 'name': 'car'; label\.csv calls number 3 'red-c'",
        ),
        "a concept without a name": (
            lambda root: [change(f, b"wheel", b"")(root) for f in ("label.csv", "c_part.csv")],
            r"c_part\.csv, line 2, column 'name': ''; label\.csv calls",
        ),
        "the concept 0": (
            table("c_part.csv", lambda rows: [rows[0], ["1", "0", *rows[1][2:]]]),
            r"c_part\.csv, line 2, column 'number': '0'; a whole number from 1 on",
        ),
        "a concept that is no label": (
            table("c_part.csv", lambda rows: [rows[0], ["1", "12", *rows[1][2:]]]),
            r"c_part\.csv, line 2, column 'number': '12'; label\.csv doesn't have the number",
        ),
        "a category twice": (
            table("category.csv", lambda rows: [*rows, rows[1]]),
            r"category\.csv, line 6, column 'name': 'color'; the category is in the table already",
        ),
        "an unknown category": (
            table("category.csv", lambda rows: [*rows, ["texture", *rows[1][1:]]]),
            r"c_texture\.csv is missing",
        ),
        "an unknown category with a table": (
            lambda root: (
                table("category.csv", lambda rows: [*rows, ["texture", *rows[1][1:]]])(root),
                shutil.copy(root / "c_part.csv", root / "c_texture.csv"),
            ),
            r"index\.csv, line 1: no column 'texture'",
        ),
        "a category without a name": (
            table("category.csv", lambda rows: [*rows, ["", *rows[1][1:]]]),
            r"category\.csv, line 6, column 'name': ''; a category needs a name",
        ),
        "a category named as a column": (
            table("category.csv", lambda rows: [*rows, ["image", *rows[1][1:]]]),
            r"category\.csv, line 6, column 'name': 'image'; .*other than a fixed column",
        ),
        "a category that leaves": (
            table("category.csv", lambda rows: [*rows, ["/../../secret", *rows[1][1:]]]),
            r"category\.csv, line 6, column 'name': '/\.\./\.\./secret'; .*without / ",
        ),
        "a category of 300 characters": (
            table("category.csv", lambda rows: [*rows, ["x" * 300, *rows[1][1:]]]),
            r"c_x+\.csv can't be read: .*too long",
        ),
        "an image twice": (
            table("index.csv", lambda rows: [*rows, rows[2]]),
            r"index\.csv, line 6, column 'image': 'a/1\.png'; line 3 names the image too",
        ),
        "an image twice, in other words": (
            table("index.csv", lambda rows: [*rows, ["./a/1.png", *rows[2][1:]]]),
            r"index\.csv, line 6, column 'image': '\./a/1\.png'; line 3 names the image too",
        ),
        "sixty thousand layers": (
            cell(0, "part", "a/0_part.png" + ";2" * 60_000),
            r"index\.csv, line 2, column 'part': '.*… \(120,012 characters\); 60,001 entries; at most 1,000",
        ),
        "an image of terapixels": (
            lambda root: [edit_index(root, 1, column, "999999999") for column in ("ih", "iw")],
            r"index\.csv, line 3, column 'ih': '999999999'; that makes 999,999,998,000,000,001 pixels",
        ),
        "masks of gigapixels": (
            lambda root: [edit_index(root, 1, column, "40000") for column in ("sh", "sw")],
            r"index\.csv, line 3, column 'sh': '40000'; that makes 1,600,000,000 pixels",
        ),
        "layers of gigapixels": (
            lambda root: [
                edit_index(root, 0, column, value)
                for column, value in (("sh", "8000"), ("sw", "8000"), ("object", "a/0_object.png;1;1"))
            ],
            r"line 2, column 'sh': '8000'; that makes 192,000,000 pixels",
        ),
    }
)

# Paths and links.
damages(
    {
        "a path upwards": (
            cell(1, "image", "../index.csv"),
            r"index\.csv, line 3, column 'image': the path '\.\./index\.csv' leaves the images directory; it must lie inside",
        ),
        "a path up and down": (
            cell(0, "part", "a/../../../x.png"),
            r"line 2, column 'part': the path 'a/\.\./.*leaves",
        ),
        "an absolute path": (
            cell(1, "image", "/etc/hostname"),
            r"line 3, column 'image': the path '/etc/hostname' leaves",
        ),
        "a Windows path": (cell(1, "image", "a\\1.png"), r"line 3, column 'image': the path .* leaves"),
        "a Windows drive": (cell(1, "image", "C:1.png"), r"line 3, column 'image': the path 'C:1\.png' leaves"),
        "a long path": (
            cell(1, "image", "a/" * 3000 + "1.png"),
            r"line 3, column 'image': '.*… \(6,005 characters\); a path has at most 1,000",
        ),
        "a long name": (
            cell(1, "image", "a/" + "x" * 600),
            r"a/x+ can't be read: .*too long.*index\.csv, line 3, column 'image'",
        ),
        "no path": (cell(1, "image", ""), r"line 3, column 'image': ''; an empty entry"),
        "a dot": (cell(1, "image", "."), r"images is a directory; .*line 3, column 'image'"),
        "a folder": (
            cell(1, "image", "a/"),
            r"images/a is a directory; a regular file is needed.*line 3, column 'image'",
        ),
        "a path in other letters": (cell(1, "image", "a/１.png"), r"a/１\.png is missing"),
        "a path through a file": (cell(1, "image", "a/1.png/1.png"), "can't be read: Not a directory|is missing"),
        "a missing image": (
            lambda root: (root / "images/a/2.png").unlink(),
            r"a/2\.png is missing\. .*index\.csv, line 4, column 'image'",
        ),
        "a missing mask": (
            lambda root: (root / MASK).unlink(),
            r"0_part\.png is missing\. .*index\.csv, line 2, column 'part'",
        ),
        "a missing folder": (
            lambda root: shutil.rmtree(root / "images"),
            r"0\.png is missing\. .*index\.csv, line 2, column 'image'",
        ),
        "a missing table": (
            lambda root: (root / "label.csv").unlink(),
            r"label\.csv is missing\. A Broden data set holds",
        ),
        "a folder for an image": (
            lambda root: ((root / "images/a/1.png").unlink(), (root / "images/a/1.png").mkdir()),
            r"1\.png is a directory; a regular file is needed",
        ),
        "a folder for a table": (
            lambda root: ((root / "c_part.csv").unlink(), (root / "c_part.csv").mkdir()),
            r"c_part\.csv is a directory",
        ),
        "a pipe for an image": (
            lambda root: ((root / "images/a/1.png").unlink(), os.mkfifo(root / "images/a/1.png")),
            r"1\.png is a pipe; a regular file is needed.*index\.csv, line 3",
        ),
        "a pipe for a mask": (lambda root: ((root / MASK).unlink(), os.mkfifo(root / MASK)), r"0_part\.png is a pipe"),
        "a pipe for a table": (
            lambda root: ((root / "index.csv").unlink(), os.mkfifo(root / "index.csv")),
            r"index\.csv is a pipe",
        ),
        "a linked image": (
            linked("images/a/1.png", None),
            LINK.format(r"1\.png:") + r".*index\.csv, line 3, column 'image'",
        ),
        "a linked mask": (linked(MASK, None), LINK.format(r"0_part\.png:") + ".*line 2, column 'part'"),
        "a linked folder": (linked("images/a", None), LINK.format("images/a:") + ".*line 2, column 'image'"),
        "a linked table": (linked("c_part.csv", None), LINK.format(r"c_part\.csv:")),
        "linked images": (linked("images", None), SAME),
        "a linked neighbour": (
            lambda root: (shutil.copytree(root, f"{root}2"), linked(MASK, f"{root}2/{MASK}")(root)),
            r"0_part\.png: a link that leaves",
        ),
        "a device": (
            linked("images/a/1.png", "/dev/zero"),
            r"1\.png: a link that leaves the data set's directory, to /dev/zero",
        ),
        "a link inside": (
            lambda root: (shutil.copy(root / MASK, root / "elsewhere.png"), linked(MASK, "../../elsewhere.png")(root)),
            SAME,
        ),
        "a link to nothing": (linked(MASK, "nothing.png"), r"0_part\.png is missing.*line 2, column 'part'"),
        "a link to itself": (linked(MASK, "0_part.png"), r"0_part\.png can't be read: .*symbolic links"),
    }
)


def mask(pixels, **options):
    """A damage: a part mask made from the RGB pixels of the right one."""
    return lambda root: (root / MASK).write_bytes(png(pixels(np.asarray(Image.open(root / MASK))), **options))


def palette_mask(entries, **options):
    """A damage: the part mask with a palette whose first colour is label 2 and whose second is none."""
    return mask(lambda rgb: rgb[..., :1] == 0, color=3, palette=[(2, 0, 0), (0, 0, 0)][:entries], **options)


def one_bit_palette(root):
    """Eight pixels of the mask to a byte."""
    bits = np.packbits(np.asarray(Image.open(root / MASK))[..., 0] == 0, axis=1)
    (root / MASK).write_bytes(png(bits[..., None], depth=1, color=3, palette=[(2, 0, 0), (0, 0, 0)], size=(6, 8)))


def interlaced(root, keep=None):
    """The part mask as Adam7 stores it: seven small pictures, each pixel in one of them."""
    pixels = np.asarray(Image.open(root / MASK))
    starts = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    parts = [pixels[top::down, left::right] for top, left, down, right in starts]
    lines = b"".join(b"\0" + row.tobytes() for part in parts for row in part)[:keep]
    header = struct.pack(">IIBBBBB", 8, 6, 8, 2, 0, 0, 1)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    (root / MASK).write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    assert keep or (np.asarray(Image.open(root / MASK)) == pixels).all()


def saved(name, mode, kind="PNG"):
    """A damage: an image in another mode or format, under its old name."""
    return lambda root: Image.open(root / name).convert(mode).save(root / name, kind)


def unnoticed_flip(root):
    """One bit of a mask flipped so that Pillow decodes another mask without a word."""
    right = (root / MASK).read_bytes()
    labels = np.asarray(Image.open(root / MASK))
    for bit in range(8 * 41, 8 * (len(right) - 16)):
        content = bytearray(right)
        content[bit // 8] ^= 1 << bit % 8
        try:
            read = np.asarray(Image.open(io.BytesIO(content)))
        except Exception:
            continue
        if read.shape == labels.shape and (read != labels).any():
            (root / MASK).write_bytes(content)
            return
    pytest.fail("Pillow notices every flip: then the reader need not check the checksums")


def jpeg_size(height, width):
    """A damage: a JPEG that claims another size in its frame header."""

    def apply(root):
        content = bytearray((root / "images/a/3.jpg").read_bytes())
        at = content.index(b"\xff\xc0") + 5
        content[at : at + 4] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
        (root / "images/a/3.jpg").write_bytes(content)

    return apply


def turned(root):
    """The same compressed pixels, with EXIF data that says: turn me."""
    content = (root / "images/a/3.jpg").read_bytes()
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    (root / "images/a/3.jpg").write_bytes(
        content[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + content[2:]
    )
    with Image.open(root / "images/a/3.jpg") as saved_image:
        assert saved_image.getexif()[0x0112] == 6


@cache
def gigapixels():
    """A valid PNG of 30,000 × 30,000 pixels, one bit each: 112 MB of them in 110 kB."""
    packer = zlib.compressobj(1)
    body = b"".join(packer.compress(bytes(3_751 * 1000)) for _ in range(30)) + packer.flush()
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def comment_bomb(root):
    """The part mask with a comment that unpacks to 100 MB."""
    comment = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(100_000_000), 1))
    mask(lambda rgb: rgb, extra=comment)(root)


def sparse(name):
    """A damage: a file of a terabyte that takes no room."""
    return lambda root: os.truncate(root / name, 1 << 40)


TO_16_BITS = 257  # times a value of 8 bits

# Kinds of images.
damages(
    {
        "an image that is empty": (
            write("images/a/1.png", b""),
            r"a/1\.png: not a readable image; it is empty\. Allowed are JPEG, PNG",
        ),
        "a mask that is empty": (
            write(MASK, b""),
            r"0_part\.png: not a readable image; a mask is a PNG file, it is empty",
        ),
        "text for an image": (
            write("images/a/1.png", b"<html>404</html>"),
            r"a/1\.png: not a readable image; it begins with b'<html>40'",
        ),
        "text for a mask": (
            write(MASK, b"<html>404</html>"),
            r"0_part\.png: not a readable image; a mask is a PNG file, it begins with b'<html>40'",
        ),
        "PostScript for an image": (
            write("images/a/1.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 16 12\n%%EndComments\n"),
            r"a/1\.png: not a readable image; it begins with b'%!PS-Ado'",
        ),
        "a mask of 16 bits": (
            mask(lambda rgb: rgb, depth=16),
            r"0_part\.png: a PNG of 16 bits, RGB; a mask is RGB of 8 bits",
        ),
        "a mask of 16 bits, scaled": (
            mask(lambda rgb: rgb.astype(int) * TO_16_BITS, depth=16),
            r"0_part\.png: a PNG of 16 bits",
        ),
        "a grey mask": (
            mask(lambda rgb: rgb[..., :1], color=0),
            r"0_part\.png: a PNG of 8 bits, grayscale; .*Save it as that",
        ),
        "a grey mask of 16 bits": (
            mask(lambda rgb: rgb[..., :1], color=0, depth=16),
            r"0_part\.png: a PNG of 16 bits, grayscale",
        ),
        "a mask with alpha": (
            mask(lambda rgb: np.dstack([rgb, rgb[..., 0] * 0 + 255]), color=6),
            r"0_part\.png: a PNG of 8 bits, RGBA",
        ),
        "a grey mask with alpha": (
            mask(lambda rgb: rgb[..., :2], color=4),
            r"0_part\.png: a PNG of 8 bits, grayscale with alpha",
        ),
        "a mask of an unknown kind": (mask(lambda rgb: rgb, color=5), r"0_part\.png: a PNG of 8 bits, color type 5"),
        "a mask with a palette": (palette_mask(2), SAME),
        "a mask with a palette of one bit": (one_bit_palette, SAME),
        "a mask with a short palette": (
            palette_mask(1),
            r"0_part\.png: damaged \(a pixel takes color 1 of a palette of 1\)",
        ),
        "a mask without its palette": (mask(lambda rgb: rgb[..., :1], color=3), r"0_part\.png: damaged"),
        "an interlaced mask": (interlaced, SAME),
        "an interlaced mask with fewer rows": (
            lambda root: interlaced(root, keep=-4),
            r"0_part\.png: damaged \(fewer pixels than the 6 × 8",
        ),
        "a mask by another writer": (mask(lambda rgb: rgb), SAME),
        "a mask with words": (mask(lambda rgb: rgb, extra=chunk(b"tEXt", b"Comment\0hand-made")), SAME),
        "a mask and more": (lambda root: append(root / MASK, b"more"), SAME),
        "a JPEG for a mask": (
            saved(MASK, "RGB", "JPEG"),
            r"0_part\.png: not a readable image; a mask is a PNG file, it begins with b'\\xff",
        ),
        "a bitmap for a mask": (saved(MASK, "RGB", "BMP"), r"0_part\.png: not a readable image; a mask is a PNG file"),
        "a mask of another size": (
            mask(lambda rgb: rgb[:5]),
            r"0_part\.png: 5 × 8 pixels \(height × width\); index\.csv, line 2, says 6 × 8",
        ),
        "a mask on its side": (mask(lambda rgb: rgb.transpose(1, 0, 2)), r"0_part\.png: 8 × 6 pixels .* says 6 × 8"),
        "a mask with fewer rows than it claims": (
            mask(lambda rgb: rgb[:4], size=(6, 8)),
            r"0_part\.png: damaged \(fewer pixels than the 6 × 8",
        ),
        "a mask with blue": (
            mask(lambda rgb: rgb + np.uint8([0, 0, 7])),
            r"0_part\.png, row 0, column 0: a pixel with blue 7; a label is red",
        ),
        "a mask with a number that is no label": (
            lambda root: save_mask(root / MASK, np.pad([[77]], ((2, 3), (5, 2)))),
            r"0_part\.png, row 2, column 5: label number 77 is not in label\.csv",
        ),
        "a mask of inverted bytes": (
            mask(lambda rgb: rgb[..., ::-1]),
            r"0_part\.png, row \d, column \d: a pixel with blue 2",
        ),
        "a mask of the other byte order": (
            mask(lambda rgb: rgb[..., [1, 0, 2]]),
            r"0_part\.png, row \d, column \d: label number 512 is not",
        ),
        "an image of another size": (
            lambda root: Image.new("RGB", (15, 12)).save(root / "images/a/1.png"),
            r"a/1\.png: 12 × 15 pixels .*line 3, says 12 × 16",
        ),
        "an image with alpha": (
            saved("images/a/1.png", "RGBA"),
            r"a/1\.png: an image of mode 'RGBA'; allowed: RGB, L\. Save it as RGB",
        ),
        "an image with a palette": (saved("images/a/1.png", "P"), r"a/1\.png: an image of mode 'P'; allowed"),
        "an image of 16 bits per channel": (
            write("images/a/1.png", png(np.full((12, 16, 3), 4000), depth=16)),
            r"a/1\.png: an image of 16 bits per channel, of which only the upper 8 would be read",
        ),
        "an image of 16 bits": (saved("images/a/1.png", "I;16"), r"a/1\.png: an image of mode 'I;16'; allowed"),
        "a CMYK image": (saved("images/a/3.jpg", "CMYK", "JPEG"), r"a/3\.jpg: an image of mode 'CMYK'; allowed"),
        "a GIF image": (
            saved("images/a/3.jpg", "P", "GIF"),
            r"a/3\.jpg: not a readable image; it begins with b'GIF87a",
        ),
        "a grey image": (saved("images/a/3.jpg", "L", "JPEG"), SAME),
        "a PNG named JPEG": (lambda root: shutil.copy(root / "images/a/1.png", root / "images/a/3.jpg"), SAME),
        "a turned image": (turned, SAME),
    }
)

# Damaged images, and bombs.
damages(
    {
        "a flip that Pillow doesn't notice": (
            unnoticed_flip,
            r"0_part\.png: damaged \(wrong checksum in the part 'IDAT' at byte 33\)\. Restore the file, or remove line 2",
        ),
        "a flip in a name": (
            change(MASK, b"IDAT", b"IDAU"),
            r"0_part\.png: damaged \(wrong checksum in the part 'IDAU'",
        ),
        "no end": (
            lambda root: (root / MASK).write_bytes((root / MASK).read_bytes()[:-12]),
            r"0_part\.png: damaged \(cut off after",
        ),
        "half a mask": (lambda root: os.truncate(root / MASK, 50), r"0_part\.png: damaged \(cut off after 50 bytes\)"),
        "a signature only": (
            lambda root: os.truncate(root / MASK, 8),
            r"0_part\.png: damaged \(cut off after 8 bytes\)",
        ),
        "half a JPEG": (
            lambda root: os.truncate(root / "images/a/3.jpg", 700),
            r"a/3\.jpg: damaged \(.*truncated.*remove line 5",
        ),
        "a JPEG's beginning": (
            lambda root: os.truncate(root / "images/a/3.jpg", 20),
            r"a/3\.jpg: (damaged|not a readable image)",
        ),
        "no header in a PNG": (
            write(MASK, b"\x89PNG\r\n\x1a\n" + chunk(b"IEND", b"")),
            r"0_part\.png: damaged \(a header of 0 bytes, not 13\)",
        ),
        "a part of 4 GB": (
            write(MASK, b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffIHDR" + bytes(50)),
            r"0_part\.png: damaged \(cut off",
        ),
        "a mask that claims 100,000 × 100,000": (
            mask(lambda rgb: rgb, size=(100_000, 100_000)),
            r"0_part\.png: 100000 × 100000 pixels .*says 6 × 8",
        ),
        "an image that claims 100,000 × 100,000": (
            lambda root: (root / "images/a/1.png").write_bytes(png(np.zeros((12, 16, 3)), size=(100_000, 100_000))),
            r"a/1\.png: 100000 × 100000 pixels .*says 12 × 16",
        ),
        "a JPEG that claims 65,000 × 65,000": (
            jpeg_size(65_000, 65_000),
            r"a/3\.jpg: far more pixels than index\.csv, line 5, says: 12 × 16\. It was not unpacked",
        ),
        "a JPEG that claims 10,000 × 10,000": (jpeg_size(10_000, 10_000), r"a/3\.jpg: (10000 × 10000|far more) pixels"),
        "a mask of gigapixels": (
            lambda root: (root / MASK).write_bytes(gigapixels()),
            r"0_part\.png: 30000 × 30000 pixels",
        ),
        "an image of gigapixels": (
            lambda root: (root / "images/a/1.png").write_bytes(gigapixels()),
            r"a/1\.png: 30000 × 30000 pixels",
        ),
        "gigapixels that the index knows of": (
            lambda root: (
                (root / "images/a/1.png").write_bytes(gigapixels()),
                [edit_index(root, 1, column, "30000") for column in ("ih", "iw")],
            ),
            r"index\.csv, line 3, column 'ih': '30000'; that makes 900,000,000 pixels",
        ),
        "a comment of 100 MB": (comment_bomb, r"0_part\.png: damaged \("),
        "an image of a terabyte": (
            sparse("images/a/1.png"),
            r"a/1\.png has 1,099,511,627,776 bytes; an image or mask has at most",
        ),
        "a mask of a terabyte": (sparse(MASK), r"0_part\.png has 1,099,511,627,776 bytes"),
        "a table of a terabyte": (sparse("c_part.csv"), r"c_part\.csv, line 4: longer than"),
    }
)


def random_damage(root, seed):
    """One to three small accidents in one file of any kind."""
    rng = random.Random(seed)
    files = sorted(path for path in root.rglob("*") if path.is_file())
    # The tables are a third of the files and two thirds of the ways to be wrong.
    path = root / rng.choice(TABLES) if rng.random() < 0.6 else rng.choice(files)
    content = bytearray(path.read_bytes())
    for _ in range(rng.randint(1, 3)):
        if not content:
            break
        at = rng.randrange(len(content))
        lines = bytes(content).splitlines(keepends=True)
        first, second = rng.randrange(len(lines)), rng.randrange(len(lines))
        match rng.randrange(10 if path.suffix == ".csv" else 5):
            case 0:
                content[at] ^= 1 << rng.randrange(8)
            case 1:
                del content[at:]
            case 2:
                del content[at : at + rng.randint(1, 8)]
            case 3:
                content[at:at] = bytes(rng.randrange(256) for _ in range(rng.randint(1, 4)))
            case 4:
                content[:] = rng.choice(files).read_bytes()
            case 5:
                lines[first], lines[second] = lines[second], lines[first]
                content[:] = b"".join(lines)
            case 6:
                content[:] = b"".join(lines[:first] + lines[first + 1 :])
            case 7:
                content[:] = b"".join([*lines[: first + 1], lines[second], *lines[first + 1 :]])
            case _:  # a digit or a separator for another
                content[at] = ord(rng.choice('0123456789,;"/.\n'))
    path.write_bytes(content)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """What came of each damage, by its name or seed: the directory, and what the child process says of it."""
    home = tmp_path_factory.mktemp("damaged")
    base = original(home / "original")
    roots = {}
    for number, (name, (apply, _)) in enumerate(DAMAGES.items()):
        roots[name] = home / f"{number}" / "broden"
        shutil.copytree(base, roots[name])
        apply(roots[name])
    for seed in SEEDS:
        roots[seed] = home / f"seed{seed}" / "broden"
        shutil.copytree(base, roots[seed])
        random_damage(roots[seed], seed)
    (home / "list").write_text("".join(f"{root}\n" for root in roots.values()), encoding="utf-8")
    paths = os.pathsep.join([str(TESTS), str(ROOT), os.environ.get("PYTHONPATH", "")])
    child = subprocess.run(
        [sys.executable, TESTS / "support" / "broden_child.py", home / "list"],
        env={**os.environ, "PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    told = [json.loads(line) for line in child.stdout.splitlines()]
    assert len(told) == len(roots), f"the child died at {list(roots)[len(told)]!r}: {child.stderr[-3000:]}"
    yield {name: (root, outcome) for (name, root), outcome in zip(roots.items(), told, strict=True)}
    shutil.rmtree(home)  # the pipes among them are nothing for others to walk into


def check_error(root, outcome):
    """Whatever is wrong: the right kind of error, naming a file of the data set, in our words and not too many."""
    said = outcome["error"]
    assert outcome["wanted"], f"{outcome['kind']}: {said}"
    assert outcome["kind"] in {"BrodenError", "FileNotFoundError", "PermissionError", "NotADirectoryError", "OSError"}
    assert str(root) in said
    assert len(said.replace(str(root), "")) < 1000
    assert said.isprintable()
    assert not re.search("decompression bomb|cannot identify|0x7f|BytesIO|Errno", said)
    if table := re.search(r"[a-z_]+\.csv(?= |:|,)", said.replace(str(root) + "/", "")):
        beyond = r"is missing|is an empty file|lists no|can't be read|is a |link|leaves"
        assert re.search(rf"{re.escape(table[0])}, line \d+|{beyond}", said), said


@pytest.mark.parametrize("name", DAMAGES)
def test_each_damage_is_named_or_harmless(outcomes, name):
    root, outcome = outcomes[name]
    expected = DAMAGES[name][1]
    if expected == SAME:
        assert outcome.get("read", outcome)["truth"] == outcomes["nothing"][1]["read"]["truth"]
        assert outcome["read"]["concepts"] == outcomes["nothing"][1]["read"]["concepts"]
        if "interlaced" not in name:  # the second reader doesn't know how
            assert outcome["read"] == broden_reference.facts(root)
    else:
        assert "error" in outcome, "it was read as if nothing were wrong"
        check_error(root, outcome)
        assert re.search(expected, outcome["error"]), outcome["error"]


@pytest.mark.parametrize("seed", SEEDS)
def test_accidents_are_named_or_read_as_a_second_reader_does(outcomes, seed):
    root, outcome = outcomes[seed]
    if "read" in outcome:
        assert outcome["read"] == broden_reference.facts(root)
    else:
        check_error(root, outcome)


def test_accidents_take_both_ways(outcomes):
    """Else one of the two readers would be judged by nothing."""
    read = sum("read" in outcomes[seed][1] for seed in SEEDS)
    assert len(SEEDS) / 20 < read < len(SEEDS) / 2
    different = sum(
        outcomes[seed][1].get("read", outcomes["nothing"][1]["read"])["truth"]
        != outcomes["nothing"][1]["read"]["truth"]
        for seed in SEEDS
    )
    assert different >= 3


def test_the_counts_are_those_of_the_pixels(outcomes):
    """The undamaged data set, counted by hand: both readers could be wrong in the same way."""
    root, outcome = outcomes["nothing"]
    labels = {
        name: np.asarray(Image.open(root / "images/a" / name))[..., 0]
        for name in ("0_object.png", "2_object.png", "0_part.png", "2_part.png")
    }
    expected = {
        "1": 2 * 48,  # beside each object mask stands a 1 for the whole image
        "2": sum(int((labels[name] == 2).sum()) for name in ("0_part.png", "2_part.png")),
        "3": 2 * 48,
        "4": 2 * 48,
        "9": sum(int((labels[name] == 9).sum()) for name in ("0_object.png", "2_object.png")),
    }
    assert outcome["read"]["truth"] == expected
