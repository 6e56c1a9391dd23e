"""The gallery's page without a notebook: a real browser, a real `Gallery`, and a model between them.

The page gets the built module and a model object with the members that a widget manager gives it;
what it sends reaches `Gallery` in this process, and what `Gallery` sends reaches the page.
"""

from __future__ import annotations

import base64
import os
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nbdissect.display.bundle import STATIC
from support.paths import SCREENSHOTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from nbdissect.display.gallery import Gallery

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

MODEL = """
const decode = text => new DataView(Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer);
const revive = value => value && typeof value === "object"
  ? ("$bytes" in value ? decode(value.$bytes)
     : Array.isArray(value) ? value.map(revive)
     : Object.fromEntries(Object.entries(value).map(([k, v]) => [k, revive(v)])))
  : value;
window.makeModel = state => {
  const values = revive(state), handlers = new Map(), dirty = new Set();
  const fire = (event, ...rest) => [...(handlers.get(event) ?? [])].forEach(handler => handler(...rest));
  const model = {
    get: name => values[name],
    set(name, value) { values[name] = value; dirty.add(name); fire("change:" + name); },
    save_changes() { for (const name of dirty) window.toPython({trait: name, value: values[name]}); dirty.clear(); },
    on(event, handler) { handlers.set(event, [...(handlers.get(event) ?? []), handler]); },
    off(event, handler) { handlers.set(event, (handlers.get(event) ?? []).filter(other => other !== handler)); },
    async send(content) {
      window.sent.push(content);
      if (window.silent) return;
      const {reply, buffers} = await window.toPython({message: content});
      setTimeout(() => fire("msg:custom", reply, buffers.map(decode)), window.delay ?? 0);
    },
    follow(name, value) { values[name] = value; fire("change:" + name); },
    listeners: () => [...handlers.values()].reduce((sum, list) => sum + list.length, 0),
  };
  return model;
};
window.sent = [];
"""


def launch(playwright: Any) -> Browser:
    """Return a Chromium; skip where there is none, but not in CI, where that is a failure."""
    if not CHROMIUM.exists():
        reason = f"no browser at {CHROMIUM}: apt-get install chromium, or set CHROMIUM"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)


def plain(value: Any) -> Any:
    if isinstance(value, bytes | memoryview):
        return {"$bytes": base64.b64encode(bytes(value)).decode()}
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def state_of(gallery: Gallery) -> dict[str, Any]:
    """Return the traits that the page gets."""
    names = [name for name in gallery.traits(sync=True) if name not in ("layout", "tabbable", "tooltip")]
    return {name: plain(getattr(gallery, name)) for name in names if name != "_esm"}


def connect(page: Page, gallery: Gallery) -> None:
    """Let models in the page, and in its frames, reach `gallery`."""

    def to_python(message: dict[str, Any]) -> Any:
        if "trait" in message:
            setattr(gallery, message["trait"], message["value"])
            return None
        reply, buffers = gallery._answer(message["message"])
        return {"reply": reply, "buffers": [base64.b64encode(buffer).decode() for buffer in buffers]}

    page.expose_function("toPython", to_python)


def install(
    page: Page, gallery: Any, html: str = "", url: str = "http://gallery.test/", module: str = "gallery.js"
) -> None:
    """Serve a page with the module; connect its model to `gallery`."""

    def serve(route: Any) -> None:
        if route.request.url.endswith(".js"):
            route.fulfill(path=STATIC / module, content_type="text/javascript")
        elif route.request.url == url:
            route.fulfill(
                body=html
                or "<!doctype html><html lang=en><title>Gallery</title><style>body{margin:0}</style>"
                "<main><h1 style='font:0/0 a;margin:0;color:transparent'>Gallery</h1><div id=host></div></main>",
                content_type="text/html",
            )
        else:
            route.fulfill(status=404)

    page.route("**/*", serve)
    connect(page, gallery)
    page.add_init_script(MODEL)
    page.goto(url)
    page.evaluate(
        """async state => { window.model = makeModel(state); const made = (await import('/gallery.js')).default;
          window.widget = typeof made === 'function' ? made() : made; }""",
        state_of(gallery),
    )


def show(page: Page) -> None:
    """Render a view of the gallery into the page."""
    page.evaluate(
        """async () => {
          window.endModel ??= window.widget.initialize?.({model: window.model});
          window.endView = window.widget.render({model: window.model, el: document.getElementById('host')});
        }"""
    )


def put(page: Page, gallery: Gallery, **traits: Any) -> None:
    """Set traits in Python, and bring what changed to the page as a widget manager would."""
    before = {name: getattr(gallery, name) for name in gallery.traits(sync=True)}
    for name, value in traits.items():
        setattr(gallery, name, value)
    for name, value in before.items():
        if getattr(gallery, name) is not value and getattr(gallery, name) != value:
            page.evaluate("([name, value]) => window.model.follow(name, value)", [name, plain(getattr(gallery, name))])


def settle(page: Page, timeout: float = 20_000) -> None:
    """Wait until every picture in view has been drawn."""
    page.wait_for_function(
        """() => { const root = document.getElementById('host').shadowRoot;
          return [...root.querySelectorAll('canvas[data-state]')].filter(c => {
            const b = c.getBoundingClientRect(); return b.bottom > 0 && b.top < innerHeight; })
            .every(c => c.dataset.state !== 'coming'); }""",
        timeout=timeout,
    )


@contextmanager
def opened(
    browser: Browser, gallery: Any, width: int = 1040, *, module: str = "gallery.js", **options: Any
) -> Iterator[Page]:
    """A page of this width with the gallery in it."""
    context = browser.new_context(viewport={"width": width, "height": options.pop("height", 1200)}, **options)
    page = context.new_page()
    page.errors = []  # type: ignore[attr-defined]
    page.on("pageerror", lambda error: page.errors.append(str(error)))  # type: ignore[attr-defined]
    page.on("console", lambda m: page.errors.append(m.text) if m.type == "error" else None)  # type: ignore[attr-defined]
    install(page, gallery, module=module)
    show(page)
    try:
        yield page
    finally:
        context.close()


def shot(page, name):
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


def cell(page, address):
    return page.get_by_role("gridcell", name=re.compile(f"^{re.escape(address)} "))


def show_all(page: Page) -> None:
    """Ask for all units: a notebook's list ends after the first ones."""
    page.get_by_role("button", name=re.compile(r"^All [\d,]+$")).click()


def scroll(page: Page, to: int) -> None:
    """Scroll the page, and wait until the cards there are drawn."""
    page.evaluate(
        "async y => { scrollTo(0, y); for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame); }", to
    )


@contextmanager
def menu(page: Page, name: str = "More") -> Iterator[None]:
    """Open a menu of the toolbar for a while."""
    button = page.get_by_role("button", name=name, exact=True)
    button.click()
    yield
    if button.get_attribute("aria-expanded") == "true":
        button.click()


def best_label(d):
    return d.units[int(d.best_iou.argmax())].label


def focused(page):
    return page.evaluate("""(() => { const active = document.getElementById('host').shadowRoot.activeElement;
      return active?.dataset.address ?? active?.ariaLabel ?? ''; })()""")


def violations(page, axe):
    page.evaluate(axe)
    found = page.evaluate("async () => (await axe.run(document, {resultTypes: ['violations']})).violations")
    return [f"{one['id']}: {one['help']} ({node['html'][:120]})" for one in found for node in one["nodes"]]


def until(page, holds, patience=5_000):
    """Let the page and Python talk until it holds; assert that it does in the end."""
    for _ in range(patience // 50):
        if holds():
            return
        page.wait_for_timeout(50)
    assert holds()
