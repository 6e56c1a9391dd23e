"""The gallery in pages as other hosts make them: emulated, since these hosts can't run in a test.

VS Code draws outputs in a frame of another origin, with a policy and theme classes of its own, as high as its
content: the editor around it scrolls. Quarto's pages change their theme by classes of the body. Colab may drop
the bytes of a widget.
"""

from __future__ import annotations

import re
from contextlib import contextmanager

import pytest

from nbdissect.display.bundle import STATIC
from nbdissect.display.gallery import Gallery
from nbdissect.display.saved_output import static_html
from support.browser import MODEL, cell, connect, state_of
from support.dissections import dissection
from support.paths import SCREENSHOTS

# As VS Code's notebooks set it where the policy is switched on; its own scripts come from the frame's origin.
POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' https: http: data:; font-src 'self' https:; connect-src https:; child-src https: data: blob:"
)
FRAME = """<!doctype html><html lang=en style="--vscode-editor-background:{color}"><head><meta charset=utf-8>
<meta http-equiv=Content-Security-Policy content="{policy}"><title>Outputs</title>
<style>body{{margin:0;padding:0 20px;background:{color};font-family:sans-serif}}</style></head>
<body class="vscode-body {theme}" data-vscode-theme-kind="{theme}"><div id=container><div class=output_container>
<div class="output" id=host></div>{more}</div></div></body></html>"""
EDITOR = """<!doctype html><html lang=en><title>Editor</title>
<style>body{margin:0;height:100vh;overflow:hidden}main{height:100vh;overflow-y:auto}
iframe{display:block;border:0;width:100%;height:6000px}</style>
<main><p style="height:200px">A cell</p><iframe src="http://webview.test/" sandbox="allow-scripts allow-same-origin"
 title="Outputs"></iframe></main></html>"""
MOUNT = """async state => { window.model = makeModel(state);
  window.widget = (await import('/gallery.js')).default();
  window.widget.initialize({model: window.model});
  window.widget.render({model: window.model, el: document.getElementById('host')}); }"""


@contextmanager
def editor(browser, gallery, theme="vscode-light", more="", width=900, policy=POLICY):
    """An editor with a frame of outputs, and in it the gallery."""
    color = "#1e1e1e" if theme in ("vscode-dark", "vscode-high-contrast") else "#ffffff"
    frame = FRAME.format(policy=policy, theme=theme, color=color, more=more)
    context = browser.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda m: page.errors.append(m.text) if m.type == "error" else None)

    def serve(route):
        if route.request.url.endswith("/gallery.js"):
            route.fulfill(path=STATIC / "gallery.js", content_type="text/javascript")
        else:
            route.fulfill(body=frame if "webview" in route.request.url else EDITOR, content_type="text/html")

    context.route("**/*", serve)
    page.add_init_script(MODEL)
    connect(page, gallery)
    page.goto("http://editor.test/")
    inside = page.frame(url=re.compile("webview"))
    inside.evaluate(MOUNT, state_of(gallery))
    try:
        yield page, inside
    finally:
        context.close()


def theme_of(frame):
    return frame.locator(".gallery").get_attribute("data-theme")


@pytest.mark.parametrize(
    ("marks", "theme"),
    [
        ("vscode-light", "light"),
        ("vscode-dark", "dark"),
        ("vscode-high-contrast", "dark"),
        ("vscode-high-contrast-light vscode-high-contrast", "light"),
    ],
)
def test_vs_code(browser, demo, marks, theme):
    g = Gallery(demo)
    with editor(browser, g, marks) as (page, inside):
        inside.get_by_role("grid", name="Units").wait_for()
        inside.locator(".strip canvas[data-state=here]").first.wait_for()
        assert theme_of(inside) == theme
        best = g.shown[0]
        cell(inside, f"conv6:{best}").click()
        inside.get_by_role("region", name=f"conv6:{best}").wait_for()
        page.screenshot(path=SCREENSHOTS / f"vscode-{theme}-{len(marks)}.png")
        assert page.errors == [], "the policy refuses nothing that the gallery needs"


def test_vs_code_changes_its_theme(browser, demo):
    with editor(browser, Gallery(demo)) as (_, inside):
        inside.get_by_role("grid", name="Units").wait_for()
        inside.evaluate("document.body.className = 'vscode-body vscode-dark'")
        inside.locator(".gallery[data-theme=dark]").wait_for(timeout=2_000)


def test_a_long_list_in_vs_code_is_drawn_where_the_editor_is_scrolled_to(browser, demo):
    """The frame is as high as its outputs and scrolls nothing: what is in view only the editor around it decides."""
    with editor(browser, Gallery(demo, only="all")) as (page, inside):
        inside.get_by_role("button", name=re.compile("^All 160")).click()
        inside.locator(".card").first.wait_for()
        before = inside.get_by_role("gridcell").first.get_attribute("data-address")
        page.locator("main").evaluate("m => m.scrollTop = 4000")
        inside.wait_for_function(
            "before => { const root = document.getElementById('host').shadowRoot;"
            " const drawn = [...root.querySelectorAll('.card')];"
            " return drawn.length <= 60 && drawn.some(c => { const b = c.getBoundingClientRect();"
            " return b.top > 3600 && b.top < 4700; }); }",
            arg=before,
        )


def test_what_stands_in_stays_where_vs_codes_policy_lets_no_script_of_an_output_run(browser):
    d = dissection()
    with editor(browser, Gallery(d), more=static_html(d, "stand-in")) as (_, inside):
        summary = inside.get_by_text("units are detectors").first
        assert summary.is_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_quarto(browser, theme):
    """A page of Quarto's: a column of text, the theme as a class of the body, the output within a figure."""
    d = dissection()
    body = (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Report</title>"
        "<style>:root{--bs-body-bg:#fff}.quarto-dark{background:#222;color:#eee}*{box-sizing:border-box}"
        "main{max-width:800px;margin:auto}img{max-width:100%}table{width:100%}</style>"
        f'<body class="nav-fixed fullcontent quarto-{theme}"><main class="content"><div class="cell" data-execution_count=1>'
        f'<div class="cell-output cell-output-display">{static_html(d, "stand-in")}</div></div></main></html>'
    )
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light")
    page = context.new_page()
    asked, errors = [], []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda r: asked.append(r.url) if r.url.startswith("http") else None)
    page.route("http://report.test/", lambda route: route.fulfill(body=body, content_type="text/html"))
    page.goto("http://report.test/")
    page.get_by_role("grid", name="Units").wait_for()
    assert theme_of(page) == theme
    other = {"light": "dark", "dark": "light"}[theme]
    page.evaluate(f"document.body.classList.replace('quarto-{theme}', 'quarto-{other}')")
    page.locator(f".gallery[data-theme={other}]").wait_for(timeout=2_000)
    page.evaluate(f"document.body.classList.replace('quarto-{other}', 'quarto-{theme}')")
    page.locator(".strip canvas[data-state=here]").first.wait_for()
    page.screenshot(path=SCREENSHOTS / f"quarto-{theme}.png")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    assert (asked, errors) == (["http://report.test/"], [])
    context.close()


def test_where_bytes_are_dropped_what_stands_in_draws_the_gallery(browser):
    """Colab may drop the bytes of a widget's state: it says so, and the output after it draws the gallery by itself."""
    d = dissection()
    g = Gallery(d)
    g.stands_for = "stand-in"
    page = browser.new_page(viewport={"width": 1100, "height": 900})
    html = f"<!doctype html><html lang=en><meta charset=utf-8><title>Colab</title><div id=host></div>{static_html(d, 'stand-in')}</html>"

    def serve(route):
        if route.request.url.endswith(".js"):
            route.fulfill(path=STATIC / "gallery.js", content_type="text/javascript")
        else:
            route.fulfill(body=html, content_type="text/html")

    page.route("http://**/*", serve)
    page.add_init_script(MODEL)
    connect(page, g)
    page.goto("http://colab.test/")
    state = state_of(g)
    for table in state["_tables"]:
        for value in table.values():
            if isinstance(value, dict):
                del value["data"]
    page.evaluate(MOUNT, state)
    assert (
        page.locator("#host").get_by_role("alert").inner_text().startswith("The numbers of this gallery didn’t arrive")
    )
    grid = page.locator("#stand-in").get_by_role("grid", name="Units")
    grid.wait_for()
    page.locator("#stand-in .strip canvas[data-state=here]").first.wait_for()
    assert grid.is_visible()
    page.screenshot(path=SCREENSHOTS / "bytes-dropped.png", full_page=True)
    page.close()
