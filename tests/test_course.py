"""The course's notebooks run from top to bottom, and show what they say."""

from __future__ import annotations

import pytest

from support.needs import needed
from support.paths import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs(path, tmp_path):  # takes half a minute
    nbclient, nbformat = needed("nbclient"), needed("nbformat")
    notebook = nbformat.read(path, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "committed without outputs"
    client = nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any(
        "text/html" in output.get("data", {}) and "units are detectors" in output["data"]["text/html"]
        for output in outputs
    )
    assert any("image/png" in output.get("data", {}) for output in outputs)
    nbformat.write(notebook, tmp_path / path.name)
