"""The run view without a notebook: how it looks in every state, what it says, what its button does."""

from __future__ import annotations

import pytest

from nbdissect.display.bundle import STATIC
from nbdissect.display.run_view import RunView
from support.browser import MODEL, shot

RUNNING = {
    "title": "features.12 of SqueezeNet",
    "doing": "running the network",
    "share": 0.31,
    "figures": "640 of 2,040 images · 19 s left · ~27 s, 70 MB in all",
}
STATES = {
    "running": {**RUNNING, "hint": "the notebook’s ■ stops it and keeps what was seen"},
    "background": {**RUNNING, "cancellable": True},
    "counting": {**RUNNING, "cancellable": True, "cancel": 1, "doing": "counting pixels of what was seen"},
    "done": {"title": RUNNING["title"], "state": "done", "share": 1.0, "doing": "2,040 images in 24.1 s"},
    "stopped": {"title": RUNNING["title"], "state": "stopped", "share": 1.0, "doing": "stopped after 640 of 2,040 images; labels of 320 of them"},
    "failed": {"title": RUNNING["title"], "state": "failed", "share": 1.0,
               "doing": "failed: Image 412 (images/ade20k/ADE_train_00012345.jpg): image file is truncated (17 bytes not processed)"},
    "noticed": {**RUNNING, "notice": "The gallery could not be shown while it filled: Image 7: no such file"},
    "large": {**RUNNING, "figures": "12,640 of 63,305 images · 48 min 10 s left · ~1 h 2 min, 1.1 GB in all", "hint": "■ stops it and keeps what was seen"},
    "long": {**RUNNING, "title": "layer1.0.conv2, layer2.0.downsample.0, layer3.1.conv1, layer4 of ResNetWithALongName", "cancellable": True},
}  # fmt: skip


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 1040, "height": 700})
    yield context.new_page()
    context.close()


def show(page, states, width=1040, scheme="light"):
    """Show views of these states below each other; the models are `window.models`."""
    page.set_viewport_size({"width": width, "height": 700})
    page.emulate_media(color_scheme=scheme)
    page.route("**/*", lambda route: route.fulfill(path=STATIC / "run.js", content_type="text/javascript")
               if route.request.url.endswith(".js") else
               route.fulfill(body="<!doctype html><html lang=en><title>Runs</title><style>body{margin:0}@media(prefers-color-scheme:dark){body{background:#15181d}}</style>"
                             "<main><h1 style='font:0/0 a;margin:0;color:transparent'>Runs</h1></main>", content_type="text/html"))  # fmt: skip
    page.goto("http://run.test/")
    page.evaluate(MODEL)
    views = [RunView(**state) for state in states]
    values = [
        {name: getattr(view, name) for name in view.traits(sync=True) if name not in ("layout", "_esm")}
        for view in views
    ]
    page.evaluate(
        """async all => {
          const { default: widget } = await import('/run.js');
          window.toPython = message => window.sent.push(message);
          window.models = all.map(state => makeModel(state));
          window.ends = window.models.map(model => {
            const el = document.createElement('div');
            document.querySelector('main').append(el);
            return widget.render({model, el});
          });
        }""",
        values,
    )
    page.wait_for_timeout(400)  # the bar has moved to its place


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1040])
def test_looks(page, axe, width, scheme):
    show(page, STATES.values(), width, scheme)
    shot(page, f"run-{scheme}-{width}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate(axe)
    found = page.evaluate("async () => (await axe.run(document, {resultTypes: ['violations']})).violations")
    assert [f"{one['id']}: {one['help']}" for one in found] == []


@pytest.mark.parametrize("width", [400, 700, 800, 1040])
def test_nothing_below_it_moves(page, width):
    heights = set()
    for name in ("running", "background", "counting", "large", "long", "done", "stopped"):
        show(page, [STATES[name]], width)
        heights.add(page.locator("main > div").bounding_box()["height"])
    assert len(heights) == 1


def test_it_follows_the_run_and_ends_with_its_view(page):
    show(page, [STATES["background"]])
    bar = page.get_by_role("progressbar", name="features.12 of SqueezeNet: running the network")
    assert bar.get_attribute("aria-valuenow") == "31"
    assert bar.get_attribute("aria-valuetext") == RUNNING["figures"]
    button = page.get_by_role("button", name="Cancel")
    button.focus()
    page.keyboard.press("Enter")
    page.get_by_text("stopping after this batch…", exact=True).wait_for()
    assert page.evaluate("window.sent") == [{"trait": "cancel", "value": 1}]
    assert page.get_by_role("button").is_disabled()
    page.evaluate("window.models[0].follow('doing', 'counting pixels of what was seen')")
    page.get_by_role("button", name="Stop counting, too").click()
    assert page.evaluate("window.sent[1]") == {"trait": "cancel", "value": 2}
    page.evaluate("window.models[0].follow('doing', 'stopped after 640 of 2,040 images')")
    page.evaluate("window.models[0].follow('state', 'stopped')")
    page.get_by_text("stopped after 640 of 2,040 images", exact=True).wait_for()
    assert page.get_by_role("button").count() == page.get_by_role("progressbar").count() == 0
    assert page.get_by_role("status").inner_text() == "features.12 of SqueezeNet stopped after 640 of 2,040 images"
    page.evaluate("window.ends[0]()")
    assert page.evaluate("window.models[0].listeners()") == 0
