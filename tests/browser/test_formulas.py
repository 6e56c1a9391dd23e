"""MathJax, which JupyterLab and Notebook 7 run over every output, leaves the names in ours alone."""

from __future__ import annotations

import pytest

from support.needs import needed
from support.servers import run_cell, serve, shot

FORMULA = """
from IPython.display import HTML
HTML("<p>of somebody else: $x^2$</p>")
"""
NAMES = """
import nbdissect as nd
from support.dissections import dissection
nd.options.renderer = "html"
dissection(names=("US$5 or CA$", "$x^2$", r"\\\\(y\\\\)"), layer="$layer$")
"""
LINE = """
from nbdissect.display.progress import reporter_of
from nbdissect.types import Progress
with reporter_of(True).following("US$5 or CA$") as report: report(Progress("network", 1, 1))
"""


@pytest.mark.parametrize("app", ["lab", "notebook"])
def test_names_are_no_formulas(browser, tmp_path, app):
    needed({"lab": "jupyterlab", "notebook": "notebook"}[app])
    with serve(app, tmp_path) as server:
        page = browser.new_page(viewport={"width": 1100, "height": 900})
        page.set_default_timeout(60_000)
        server.write("formulas.ipynb", [NAMES, LINE, FORMULA])
        server.open(page, "formulas.ipynb")
        for cell in range(3):
            run_cell(page, cell)
        page.locator("mjx-container").first.wait_for()
        outputs = page.locator(".jp-OutputArea-output")
        outputs.filter(has_text="US$5 or CA$: stopped").first.wait_for()
        shot(page, server, "formulas")
        assert page.locator("mjx-container").count() == 1, "that of somebody else"
        assert outputs.filter(has_text="$layer$").first.inner_text().count("US$5 or CA$") >= 1
        page.close()
