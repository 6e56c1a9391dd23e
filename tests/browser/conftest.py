"""What the browser tests share: one browser, the dissection of the embedded network, one of a real one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from support.browser import launch
from support.needs import needed
from support.paths import ROOT
from support.servers import serve


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = str(Path(__file__).parent)
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser():
    """Return a headless Chromium; skip where there is none (in CI: fail)."""
    playwright = needed("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        running = launch(driver)
        yield running
        running.close()


@pytest.fixture(scope="module", params=["lab", "notebook"])
def server(request, tmp_path_factory):
    """Return JupyterLab, then Notebook 7."""
    needed({"lab": "jupyterlab", "notebook": "notebook"}[request.param])
    with serve(request.param, tmp_path_factory.mktemp(request.param)) as running:
        yield running


@pytest.fixture
def viewport():
    """Return the size of a small laptop's window."""
    return {"width": 1280, "height": 720}


@pytest.fixture
def page(browser, viewport):
    """Return an empty page for a notebook."""
    context = browser.new_context(viewport=viewport)
    page = context.new_page()
    page.set_default_timeout(60_000)
    yield page
    context.close()


@pytest.fixture(scope="session")
def demo():
    """Return the dissection of the embedded network's last convolution."""
    import nbdissect as nd

    model, data = nd.demo()
    return nd.dissect(model, "conv6", data=data, progress=False)


@pytest.fixture(scope="session")
def anchored():
    """Return the same, its maps at the centers of receptive fields."""
    import nbdissect as nd

    model, data = nd.demo()
    return nd.dissect(model, "conv6", data=data, upsample="receptive-field", progress=False)


@pytest.fixture(scope="session")
def squeezenet():
    """Return 512 units of SqueezeNet over real photographs; skip where they are absent."""
    from support.paths import SHARED

    if not (SHARED / "minibroden").exists():
        pytest.skip(f"no photographs at {SHARED}: the test over real ones is left out")
    import torchvision
    from safetensors.torch import load_file

    import nbdissect as nd

    model = torchvision.models.squeezenet1_1(weights=None)
    model.load_state_dict(load_file(SHARED / "weights" / "squeezenet1_1_imagenet.safetensors"))
    return nd.dissect(model, "features.12", data=nd.Broden(SHARED / "minibroden"), progress=False)


@pytest.fixture(scope="session")
def axe() -> str:
    """Return the text of axe-core; skip where it isn't installed (in CI: fail)."""
    path = ROOT / "node_modules" / "axe-core" / "axe.min.js"
    if not path.exists():
        reason = "axe-core is not installed: npm ci"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path.read_text(encoding="utf-8")
