"""README and docs: short where they should be, their links lead somewhere, and their examples run."""

from __future__ import annotations

import re
from pathlib import Path
from pkgutil import resolve_name

import numpy as np
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from PIL import Image

import nbdissect as nd

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PYTHON = re.compile(
    r"(?:^<!-- not run: (?P<reason>[^\n]+) -->\n)?^```python\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)
LINK = re.compile(r"\]\(([^)\s]+)\)")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def read(page):
    return page.read_text(encoding="utf-8")


def prose(page):
    """The page without its code."""
    return re.sub(r"`[^`]*`", "", FENCE.sub("", read(page)))


def anchors(page):
    """The names by which headings can be linked to, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", read(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


# --- what a newcomer sees ---


def test_the_readme_is_read_in_a_minute():
    assert len(read(README).splitlines()) <= 120


@each_page
def test_lines_fit_beside_the_code(page):
    lines = read(page).splitlines()
    if page != README:  # a row of a table can't be broken
        lines = [line for line in lines if not line.startswith("|")]
    assert [line for line in lines if len(line) > 100] == []


def test_the_two_commands_are_as_they_were():
    lines = read(README).splitlines()
    assert "python3 -m venv .venv && .venv/bin/pip install '.[lab]' && .venv/bin/python -m nbdissect" in lines
    assert "bash tests/run" in lines


def test_the_picture_is_there_and_loads_fast():
    path = ROOT / "docs" / "gallery.png"
    assert "(docs/gallery.png)" in read(README)
    assert path.stat().st_size <= 300_000
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert picture.width >= 1200
        picture.load()


def test_every_page_is_listed():
    pages = {page.name for page in PAGES if page.parent.name == "docs"} - {"README.md"}
    for index, folder in ((README, "docs/"), (ROOT / "docs" / "README.md", "")):
        assert {f"{folder}{page}" for page in pages} - set(LINK.findall(read(index))) == set()


# --- nothing leads nowhere ---


@each_page
def test_links_lead_somewhere(page):
    for link in LINK.findall(FENCE.sub("", read(page))):
        if re.match(r"https?://", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@each_page
def test_files_that_are_named_exist(page):
    for name in re.findall(r"\b(?:tests|tools|docs|notebooks)/[\w./-]*\w", read(page)):
        assert (ROOT / name).exists() or (page.parent / name).exists(), name


@each_page
def test_names_that_are_promised_exist(page):
    for name in re.findall(r"\bnd\.(\w+)", read(page)):
        assert hasattr(nd, name), name
    for name in re.findall(r"\bnbdissect(?:\.\w+)+", read(page)):
        assert resolve_name(name) is not None


@each_page
def test_spelling_is_american(page):
    british = r"\w*(?:colour|normalis|labelled|initialis|centre|neighbour|behaviour|licence|artefact)\w*"
    assert re.findall(british, prose(page), re.IGNORECASE) == []


# --- examples ---


@pytest.fixture
def shell(tmp_path, monkeypatch):
    """A shell in a folder with what the pages speak of, where nd.demo() gives fewer drawings."""
    import matplotlib as mpl

    mpl.use("Agg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NBDISSECT_DATA", raising=False)
    whole = nd.demo

    def few(**settings):
        model, data = whole(**settings)
        return model, type(data)(n=20)

    monkeypatch.setattr(nd, "demo", few, raising=False)
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    yield shell
    InteractiveShell.clear_instance()


def make_pets(folder):
    """Six pictures of a bright square, a cat, with a smaller one in it, an ear."""
    folder.mkdir()
    for number in range(6):
        picture, cat, ear = np.full((64, 64, 3), 40, "u1"), np.zeros((32, 32), "u1"), np.zeros((32, 32), "u1")
        picture[8:32, 8 + 4 * number : 32 + 4 * number] = 200
        cat[4:16, 4 + 2 * number : 16 + 2 * number] = 255
        ear[4:8, 4 + 2 * number : 8 + 2 * number] = 255
        Image.fromarray(picture).save(folder / f"{number}.jpg")
        Image.fromarray(cat).save(folder / f"{number}.cat.png")
        Image.fromarray(ear).save(folder / f"{number}.ear.png")


def make_masks(folder):
    """Two pictures, with masks of a cat and a dog in the colors in which such masks often are."""
    for name in ("photos", "masks"):
        (folder / name).mkdir()
    for number in range(2):
        Image.fromarray(np.full((8, 8, 3), 90, "u1")).save(folder / "photos" / f"{number}.jpg")
        mask = Image.fromarray(np.eye(8, dtype="u1") * (number + 1)).convert("L")
        mask.putpalette([0, 0, 0, 0, 128, 0, 128, 128, 0])
        mask.save(folder / "masks" / f"{number}.png")


@each_page
def test_examples_run(page, shell, tmp_path):
    blocks = [(block["reason"], block["code"]) for block in PYTHON.finditer(read(page))]
    assert len(blocks) == read(page).count("```python")
    for _, code in blocks:  # those that are not run must at least be Python, or IPython's
        compile(TransformerManager().transform_cell(code), page.name, "exec")
    if page.name == "your-data.md":
        make_pets(tmp_path / "pets")
    if page.name == "your-pictures.md":
        make_masks(tmp_path)
    if page.name == "archive.md":
        model, data = nd.demo()
        nd.dissect(model, "conv5", data=data, progress=False).save("conv5.nbd")
    for reason, code in blocks:
        if reason:
            continue
        with capture_output() as output:
            result = shell.run_cell(code)
        assert result.success, f"{code}\n{output.stdout}"


@pytest.mark.slow
def test_the_figures_are_the_embedded_networks():
    model, data = nd.demo()
    trained = nd.dissect(model, "conv5", data=data, progress=False)
    random = nd.dissect(nd.demo(trained=False)[0], "conv5", data=data, progress=False)
    report, paper = trained.summary().report, trained.summary().paper
    unit = trained.units[89]
    meaning = read(ROOT / "docs" / "what-the-numbers-mean.md")

    assert f"{len(data)} drawings" in read(README)
    assert f"# ({unit.label!r}, {unit.iou:.2f})" in read(README)
    assert f"# ({unit.label!r}, {unit.category!r}, {unit.iou:.2f})" in meaning
    assert repr(unit.ranking(1)[0]) in meaning
    for counts in (report, paper):
        assert f"# ({counts.detectors['all']}, {counts.unique['all']})" in meaning
    assert f"# ({random.detectors()}, {random.unique_detectors()})" in meaning
    for name, d in (("trained", trained), ("random", random)):
        unique = d.summary().report.unique
        kinds = " | ".join(str(unique[kind]) for kind in ("object", "part", "material", "color"))
        row = f"| conv5 | {name} | {d.detectors()} of {len(d.units)} | {unique['all']} | {kinds} |"
        assert row in meaning
    named = re.search(r"In the embedded drawings these are (.+?)\.", meaning, re.DOTALL)[1]
    assert sorted(re.split(r",\s+|\s+and\s+", named)) == sorted(
        limit.concept.name for limit in trained.summary().out_of_reach
    )
