"""The bar graph: pyplot's current figure, shown once by a notebook, drawn where one wishes."""

from __future__ import annotations

import io
import pickle
from dataclasses import replace

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from PIL import Image

from nbdissect.results.dissection import DRAWINGS
from support.dissections import dissection
from support.needs import needed
from support.paths import ROOT, TESTS


@pytest.fixture(autouse=True)
def _figures():
    plt.close("all")
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def d():
    return dissection()


def pixels(figure_or_pyplot):
    file = io.BytesIO()
    figure_or_pyplot.savefig(file, format="png", dpi=50)
    return np.asarray(Image.open(file).convert("L"))


def test_it_is_the_current_figure(d):
    figure = d.plot()
    assert isinstance(figure, Figure)
    assert plt.gcf() is figure
    assert np.array_equal(pixels(plt), pixels(figure))
    assert pixels(plt).min() < 100, "and not blank"


def test_it_can_be_pickled(d):
    again = pickle.loads(pickle.dumps(d.plot()))
    assert len(again.axes[0].patches) == len(d.plot().axes[0].patches)


def test_in_axes_of_ones_own(d):
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    assert d.plot(right, min_iou=0.02) is figure
    assert not left.patches
    assert [label.get_text() for label in right.get_xticklabels()]
    assert "IoU > 0.02" in right.get_title(loc="left")
    assert plt.get_fignums() == [figure.number]


def test_what_a_reader_must_know_stands_under_ones_own_axes_too(d):
    _, ax = plt.subplots()
    replace(d, drawings=True).plot(ax=ax)
    assert DRAWINGS[:30] in ax.get_xlabel()


@pytest.mark.parametrize("ax", [0.1, "axes", plt])
def test_axes_that_are_none(d, ax):
    with pytest.raises(ValueError, match=r"ax=.*; matplotlib Axes are needed.*d\.plot\(min_iou=0\.1\)"):
        d.plot(ax)
    assert plt.get_fignums() == []


def test_concepts_that_never_occur_are_not_called_too_small(d):
    truth = d.truth.copy()
    truth[1] = 0
    intersection = d.intersection.copy()
    intersection[:, 1] = 0
    notes = replace(d, truth=truth, intersection=intersection).plot()._supxlabel.get_text().replace("\n", " ")
    assert "Without a pixel in these images: wheel." in notes
    assert "wheel (IoU" not in notes


CELLS = {
    "as the value of a cell": ("d.plot()", 1),
    "as no value": ("d.plot();", 1),
    "displayed": ("display(d.plot())", 1),
    "in a loop": ("for cut in (0.02, 0.04): display(d.plot(min_iou=cut))", 2),
    "changed and displayed again": ("f = d.plot(); display(f); f.suptitle('x'); display(f)", 2),
    "saved, then shown": (
        "d.plot(); plt.savefig(file := io.BytesIO()); blank = Image.open(file).convert('L').getextrema()[0] > 99",
        1,
    ),
    "shown by pyplot": ("d.plot(); plt.show()", 1),
    "in axes": ("fig, ax = plt.subplots(); d.plot(ax=ax);", 1),
    "beside another": ("plt.plot([1, 2]); d.plot()", 2),
    "nothing": ("plt.get_fignums(), blank", 0),
}


@pytest.mark.slow
def test_a_notebook_shows_it_once(tmp_path):
    """In a kernel with the backend that shows all open figures at the end of a cell."""
    client, nbformat = needed("nbclient"), needed("nbformat")
    start = (
        f"import sys; sys.path[:0] = {[str(ROOT), str(TESTS)]}\n"
        "import io\nfrom matplotlib import pyplot as plt\nfrom PIL import Image\nfrom support.dissections import dissection\nd = dissection()"
    )
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [
        nbformat.v4.new_code_cell(source) for source in (start, *(source for source, _ in CELLS.values()))
    ]
    client.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [sum("image/png" in output.get("data", {}) for output in cell.outputs) for cell in notebook.cells[1:]]
    assert dict(zip(CELLS, shown, strict=True)) == {name: images for name, (_, images) in CELLS.items()}
    assert notebook.cells[-1].outputs[0]["data"]["text/plain"] == "([], False)"
