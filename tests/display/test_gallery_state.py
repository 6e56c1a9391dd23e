"""One list of what a gallery can be set to: its traits, its documentation, the page's types."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from dataclasses import asdict, fields
from pathlib import Path

import pytest
import traitlets

from nbdissect.display.gallery import Gallery
from nbdissect.display.gallery_state import GalleryState, UnitList, starting_state, traits_of
from nbdissect.display.protocol import WidgetState
from support.dissections import dissection

ROOT = Path(__file__).parents[2]
SETTINGS = [each.name for each in fields(GalleryState)]


def test_the_pages_types_are_up_to_date():
    spec = importlib.util.spec_from_file_location("generate_state", ROOT / "tools" / "generate_state.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert tool.TARGET.read_text(encoding="utf-8") == tool.generated(), "run python tools/generate_state.py"


def test_every_field_is_a_synced_trait_of_its_type_and_default():
    traits = traits_of(WidgetState)
    assert {name: trait.metadata["sync"] for name, trait in traits.items()} == dict.fromkeys(traits, True)
    assert {name: trait.default() for name, trait in traits.items()} == asdict(WidgetState())
    assert {name for name in traits if traits[name].allow_none} == {"concept", "_chosen"}
    kinds = {name: type(trait) for name, trait in traits.items()}
    assert (kinds["only"], kinds["selected"], kinds["min_iou"]) == (traitlets.Enum, UnitList, traitlets.Float)
    assert traits["only"].values == ("detectors", "unlabelled", "all")
    assert traits["compare"]._trait.__class__ is traitlets.Unicode


def test_a_gallery_syncs_these_and_nothing_else_of_ours():
    base = {"layout", "tooltip", "tabbable", "comm"} | {name for name in Gallery.class_traits() if name.startswith("_")}
    ours = {name for name, trait in Gallery.class_traits().items() if trait.metadata.get("sync")} - base
    assert ours == {each.name for each in fields(WidgetState) if not each.name.startswith("_")}


@pytest.mark.parametrize("name", [*(name for name in SETTINGS if not name.startswith("_")), "shown"])
def test_every_setting_is_documented(name):
    assert f"\n    {name} : " in Gallery.__doc__


def test_a_gallery_begins_as_a_page_begins():
    d = dissection()
    for cut in (0.04, 0.99):
        assert Gallery(d, min_iou=cut).state() == starting_state({"layer4": d}, cut)


def test_the_page_learns_of_the_state_without_torch():
    code = "import sys, nbdissect.display.protocol; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
