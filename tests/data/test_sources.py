"""The lines of docs/sources.md that read a collection without a reader of its own, on files in its format."""

from __future__ import annotations

import re

import numpy as np
from PIL import Image

import nbdissect as nd
from support.paths import ROOT

PAGE = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")


def test_materials_of_opensurfaces_are_read_by_the_lines_of_the_page(tmp_path, monkeypatch):
    code = next(block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "red_color" in block)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos-labels").mkdir()
    labels = np.zeros((20, 30, 3), np.uint8)
    labels[:10, :, 0], labels[10:15, :, 0] = 3, 1  # materials; the other channels hold objects and scenes
    labels[:, :5, 1], labels[..., 2] = 7, 9
    for name in (1, 22):
        Image.effect_noise((60, 40), 50).convert("RGB").save(tmp_path / "photos" / f"{name}.jpg")
        Image.fromarray(labels).save(tmp_path / "photos-labels" / f"{name}.png")
    table = "substance_id,substance_name,red_color\n5,Brick,1\n6,Carpet/rug,3\n"
    (tmp_path / "label-substance-colors.csv").write_text(table)
    names = {"nd": nd}
    exec(code, names)
    data = names["materials"]
    assert [(c.name, c.category) for c in data.concepts] == [("Brick", "material"), ("Carpet/rug", "material")]
    (plane,) = data[0].masks["material"]
    assert [(plane == n).sum() for n in (0, 1, 2)] == [150, 150, 300]


def test_every_reader_that_the_page_names_is_there():
    for name in set(re.findall(r"nd\.LabeledImages\.(\w+)", PAGE)):
        assert callable(getattr(nd.LabeledImages, name))
    assert "Broden-like data, not Broden" in PAGE
