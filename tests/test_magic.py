"""%dissect in a real IPython shell."""

from __future__ import annotations

import re

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

import nbdissect as nd
from nbdissect.magic import complete
from support.data import Angry, Photos
from support.nets import Net, hooks


@pytest.fixture
def shell():
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "nbdissect")
    shell.user_ns.update(model=Net(), photos=Photos(), nd=nd)
    shell.kernel = "something that shows HTML"
    nd.options.renderer = "html"
    yield shell
    nd.options.renderer = "auto"
    InteractiveShell.clear_instance()


def dissect(shell, line):
    with capture_output() as out:
        result = shell.run_line_magic("dissect", line)
    return result, shown(out)


def shown(out):
    """What was displayed, without the progress line."""
    return [
        output.data
        for output in out.outputs
        if not re.search("running the network|counting pixels|images in", output.data.get("text/plain", ""))
    ]


def test_dissects_shows_and_returns(shell):
    d, out = dissect(shell, "model features --data photos -q 0.05 --top 3 --batch-size 2 --min-iou 0.5")
    assert isinstance(d, nd.Dissection)
    assert (d.layer, d.quantile, d.top_images.shape) == ("features", 0.05, (4, 3))
    assert len(out) == 1
    assert "IoU &gt; 0.5" in out[0]["text/html"]
    assert "IoU > 0.5" in out[0]["text/plain"]


def test_a_terminal_gets_the_table(shell):
    del shell.kernel
    _, out = dissect(shell, "model features --data photos -q 0.05")
    assert list(out[0]) == ["text/plain"]
    assert "report rule" in out[0]["text/plain"]


def test_a_notebook_gets_the_gallery_and_after_it_what_stands_in_for_it(shell):
    for renderer, kinds in (("auto", ["widget", "text/html"]), ("widget", ["widget"])):
        nd.options.renderer = renderer
        _, out = dissect(shell, "model features --data photos -q 0.05 --min-iou 0.2")
        assert ["widget" if any("widget-view" in kind for kind in output) else "text/html" for output in out] == kinds
        if renderer == "auto":
            assert "nd.doctor()" in out[1]["text/html"]
            assert "IoU &gt; 0.2" in out[1]["text/html"]


def test_a_run_with_nobody_in_front_of_it_gets_no_widget(shell, monkeypatch):
    nd.options.renderer = "auto"
    parent = {"header": {"msg_id": "1"}, "metadata": {}, "content": {"allow_stdin": False, "code": "%dissect"}}
    monkeypatch.setattr(shell, "get_parent", lambda: parent, raising=False)
    _, out = dissect(shell, "model features --data photos -q 0.05")
    assert [list(output) for output in out] == [["text/plain", "text/html"]]


VIEW = "application/vnd.jupyter.widget-view+json"


def kinds(out):
    return ["widget" if VIEW in output else "text/html" if "text/html" in output else "text" for output in out]


def ran(shell, source):
    with capture_output() as out:
        shell.run_cell(source, store_history=True).raise_error()
    return shown(out)


@pytest.fixture
def gallery(shell):
    """A notebook with a gallery `g` of the result `d`."""
    nd.options.renderer = "auto"
    shell.run_cell(
        "d = nd.dissect(model, 'features', data=photos, quantile=0.05, progress=False); g = d.gallery(only='all', query='1')"
    )
    return shell.user_ns["g"]


@pytest.mark.parametrize("source", ["g", "display(g)", "d.gallery()", "nd.gallery({'a': d, 'b': d})"])
def test_a_gallery_leaves_what_stands_in_for_it(shell, gallery, source):
    live, static = ran(shell, source)
    assert kinds([live, static]) == ["widget", "text/html"]
    assert "data-gallery" in static["text/html"]
    assert static["text/plain"].startswith("features of Net")


def test_what_stands_in_begins_as_the_gallery_stands(shell, gallery):
    gallery.overlay, gallery.sort = "heat", "unit"
    html = ran(shell, "g")[1]["text/html"]
    for part in ('"query":"1"', '"only":"all"', '"overlay":"heat"', '"sort":"unit"'):
        assert part in html


def test_one_name_for_all_that_stand_in_for_one_gallery(shell, gallery):
    outputs = ran(shell, "g") + ran(shell, "g.query = ''; display(g, g)")
    assert kinds(outputs) == ["widget", "text/html"] * 3
    assert {output[VIEW]["model_id"] for output in outputs[::2]} == {gallery.model_id}
    assert gallery.stands_for.startswith("nbdissect-")
    pages = [output["text/html"] for output in outputs[1::2]]
    assert all(page.startswith(f'<div id="{gallery.stands_for}">') for page in pages)
    assert len({re.search('id="(in-nbdissect-[^"]+)-data"', page)[1] for page in pages}) == 3
    assert '"query":"1"' in pages[0]
    assert '"query":""' in pages[1]
    assert gallery.stands_for not in ran(shell, "d.gallery()")[1]["text/html"]


def test_a_closed_gallery_is_shown_anew(shell, gallery):
    gallery.close()
    assert kinds(ran(shell, "g")) == ["widget", "text/html"]


def test_a_gallery_in_a_box_is_a_widget(shell, gallery):
    (box,) = ran(shell, "import ipywidgets; display(ipywidgets.VBox([g]))")
    assert VIEW in box
    assert gallery.stands_for == ""


def test_a_gallery_follows_the_renderer(shell, gallery):
    nd.options.renderer = "widget"
    assert kinds(ran(shell, "display(g)")) == ["widget"]
    nd.options.renderer = "html"
    (output,) = ran(shell, "g.min_iou = 0.2; g")
    assert "IoU &gt; 0.2" in output["text/html"]
    assert "data-gallery" not in output["text/html"]


def test_a_gallery_in_a_terminal_says_what_it_is(shell, gallery, capsys):
    del shell.kernel
    shell.run_cell("g", store_history=True)
    assert "<Gallery of features (4 units)>" in capsys.readouterr().out


def test_a_gallery_with_nobody_in_front_of_it_opens_no_widget(shell, gallery, monkeypatch):
    import comm

    parent = {"header": {"msg_id": "1"}, "metadata": {}, "content": {"allow_stdin": False, "code": "d.gallery()"}}
    monkeypatch.setattr(shell, "get_parent", lambda: parent, raising=False)
    before = len(comm.get_comm_manager().comms)
    (output,) = ran(shell, "h = d.gallery(query='2'); h.query = '3'; h")
    assert kinds([output]) == ["text/html"]
    assert '"query":"3"' in output["text/html"]
    assert len(comm.get_comm_manager().comms) == before
    shell.run_cell("h.close()").raise_error()
    assert len(comm.get_comm_manager().comms) == before
    # Who asks for a widget gets one.
    assert kinds(ran(shell, "import ipywidgets; display(ipywidgets.VBox([h]))")) == ["widget"]
    nd.options.renderer = "widget"
    assert kinds(ran(shell, "display(h)")) == ["widget"]


def test_keeps_the_result_in_a_cache(shell, tmp_path, monkeypatch):
    from nbdissect.runner import local

    line = f"model features --data photos -q 0.05 --cache '{tmp_path / 'my cache'}'"
    first, _ = dissect(shell, line)
    monkeypatch.setattr(local, "run", None)
    second, out = dissect(shell, line)
    assert second == first
    assert kinds(out) == ["text/html"]
    with pytest.raises(UsageError, match=r"cache='.*p\.html' is a file; the path of a directory is needed"):
        (tmp_path / "p.html").write_text("")
        dissect(shell, f"model features --data photos --cache {tmp_path / 'p.html'}")


def test_writes_the_page(shell, tmp_path, capsys):
    path = tmp_path / "out.html"
    d, _ = dissect(shell, f"model features --data photos -q 0.05 --min-iou 0.2 --html '{path}'")
    assert "IoU &gt; 0.2" in path.read_text(encoding="utf-8")
    d, _ = dissect(shell, f"model features --data photos -q 0.05 --html {tmp_path / 'nowhere' / 'out.html'}")
    assert d.layer == "features", "a page that can't be written loses no result"
    dissect(shell, f"model features features.0 --data photos -q 0.05 --html {path}")
    assert "features.0" in path.read_text(encoding="utf-8")


def test_not_shown_twice_in_one_cell_but_again_in_the_next(shell):
    with capture_output() as out:
        shell.run_cell("%dissect model features --data photos -q 0.05", store_history=True)
    assert sum("text/html" in output for output in shown(out)) == 1
    with capture_output() as out:
        shell.run_cell("_", store_history=True)
    assert sum("text/html" in output for output in shown(out)) == 1


def test_several_layers(shell):
    d, _ = dissect(shell, "model features features.0 --data photos -q 0.05")
    assert list(d) == ["features", "features.0"]


def test_a_list_of_layers(shell):
    table, _ = dissect(shell, "model --data photos")
    assert "features.0" in [layer.name for layer in table]


def test_quotes_expressions_and_local_names(shell):
    shell.user_ns["Photos"] = Photos
    d, _ = dissect(shell, '\'[model][0]\' "features" --data "Photos(9)" -q 0.05')
    assert d.images == 9
    shell.user_ns["local"] = None
    shell.run_cell("def f(local):\n    %dissect local features --data photos -q 0.05\nf(model)").raise_error()


def test_forward_is_an_expression(shell):
    class Keywords(Net):
        def forward(self, *, pixel_values):
            return super().forward(pixel_values)

    shell.user_ns.update(model=Keywords(), call=lambda model, x: model(pixel_values=x))
    line = "model features --data photos -q 0.05 --forward"
    d, _ = dissect(shell, f"{line} 'lambda model, x: model(pixel_values=x)'")
    assert d.provenance.forward.startswith("<function <lambda>>")
    assert dissect(shell, f"{line} call")[0] == d
    assert (
        next(row for row in dissect(shell, "model --data photos --forward call")[0] if row.name == "features").units
        == 4
    )
    with pytest.raises(UsageError, match=r"^forward is an int; a function of the model and a batch is needed"):
        dissect(shell, f"{line} 3")
    with pytest.raises(UsageError, match=r"^--forward: name 'cal' is not defined\. Did you mean 'call'\?"):
        dissect(shell, f"{line} cal")


@pytest.mark.parametrize(
    "line",
    [
        "model --data photos features -q 0.05 features.0",
        "model $names --data photos -q 0.05",
        "model {names[:2]} --data photos -q 0.05;",
        "model features features.0 --data photos -q 0.05  # both",
    ],
)
def test_options_anywhere_and_layers_from_variables(shell, line):
    shell.user_ns["names"] = ["features", "features.0"]
    d, _ = dissect(shell, line)
    assert list(d) == ["features", "features.0"]


def test_a_result_is_returned_though_its_images_cannot_be_read_any_more(shell):
    shell.user_ns["photos"] = Angry(
        OSError("gone"), 26
    )  # read for the check that it repeats itself, in both passes, and no more
    d, out = dissect(shell, "model features --data photos -q 0.05")
    assert d.images == 8
    assert "units are detectors" in out[0]["text/html"]


def test_a_path_as_data(shell, tmp_path):
    from support.broden_maker import make_broden

    d, _ = dissect(shell, f"model features --data {make_broden(tmp_path / 'broden')} -q 0.05")
    assert d.images == 4


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("", "Say which model: %dissect model lists its layers"),
        ("modle features", "model: name 'modle' is not defined. Did you mean 'model'?"),
        ("zzzz features", "Run the cell that makes it first"),
        ("1/0 features", "'1/0' can't be evaluated: ZeroDivisionError"),
        ("photos features", "model is a Photos; a torch.nn.Module is needed"),
        ("model feature --data photos", "Net has no layer 'feature'. The closest are features"),
        ("model features --data nowhere", "--data: 'nowhere' is neither a variable nor a directory"),
        ("model features --data nd.Broden('/missing')", "FileNotFoundError: /missing isn't a directory"),
        ("model features --data model", "data is a Net without 'concepts'"),
        ("model features --data photos -q 2", "quantile=2.0; a number between 0 and 1"),
        ("model features --data photos --min-iou 7", "--min-iou 7; a number from 0 to 1"),
        ("model features --data photos -q much", "invalid float value: 'much'"),
        ("model features --data photos --semantics lite", "allowed are 'paper' and 'netdissect-lite'"),
        ("model features --bogus", "unrecognized arguments: --bogus"),
        ("model pair --data photos", "Layer 'pair' returns 2 tensors"),
    ],
)
def test_errors_are_one_usage_error(shell, line, text):
    with pytest.raises(UsageError) as caught:
        shell.run_line_magic("dissect", line)
    assert type(caught.value) is UsageError
    assert text in str(caught.value)
    assert hooks(shell.user_ns["model"]) == 0


def test_drawings_are_warned_of(shell):
    shell.user_ns["world"] = Photos()
    shell.user_ns["world"].drawings = True
    _, out = dissect(shell, "model features --data world -q 0.05")
    for kind in ("text/html", "text/plain"):
        assert "Probed with drawings: not evidence about what this network sees in photographs" in out[0][kind]


def test_completion():
    names = {"model": Net(), "net": Net(), "photos": Photos(), "number": 3, "_hidden": Net()}
    assert complete("%dissect ", names) == ("", ["model", "net"])
    assert complete("r = %dissect mo", names) == ("mo", ["model"])
    assert complete("%dissect model features.", names)[1] == ["features.0", "features.1", "features.2"]
    assert complete("%dissect model.features ", names)[1] == ["0", "1", "2"]
    assert "features" not in complete("%dissect model features ", names)[1]
    assert complete("%dissect model fc --data ", names)[1] == ["photos"]
    assert complete("%dissect model fc --qu", names)[1] == ["--quantile"]
    assert complete("%dissect model fc --semantics n", names)[1] == ["netdissect-lite"]
    assert complete("%dissect model --data photos f", names)[1][0] == "features"
    assert complete("%dissect model fc --ca", names)[1] == ["--cache"]
    assert complete("%dissect model fc --cache ", names)[1] == [], "a path: the shell's business"
    assert complete("%dissect model --cache results f", names)[1][0] == "features"
    assert complete("%dissect model() ", names)[1] == []
    assert complete("print(model) ", names)[1] == []


def test_completion_in_the_shell(shell):
    line = "%dissect model features."
    with provisionalcompleter():
        found = [completion.text for completion in shell.Completer.completions(line, len(line))]
    assert found[:3] == ["features.0", "features.1", "features.2"]


def test_the_shell_completes_the_path_of_a_cache(shell, tmp_path):
    (tmp_path / "results").mkdir()
    line = f"%dissect model features --cache {tmp_path}/res"
    with provisionalcompleter():
        found = [completion.text for completion in shell.Completer.completions(line, len(line))]
    assert any(name.endswith("results/") for name in found)


def test_loading_twice_and_unloading(shell):
    matchers = len(shell.Completer.custom_matchers)
    shell.run_line_magic("reload_ext", "nbdissect")
    nd.load_ipython_extension(shell)
    assert len(shell.Completer.custom_matchers) == matchers
    shell.run_line_magic("unload_ext", "nbdissect")
    assert "dissect" not in shell.magics_manager.magics["line"]
    assert len(shell.Completer.custom_matchers) == matchers - 1


def test_help(shell):
    text = shell.object_inspect("%dissect")["docstring"]
    assert "--quantile" in text
    assert "%dissect model features.12 --data data" in text


def test_the_table_of_layers_follows_the_protocol(shell):
    table, _ = dissect(shell, "model --data photos --protocol cvpr2017")
    assert "as Caffe's networks were" in table.fed
    assert table.line.of("features") == "%dissect model features --data photos --protocol cvpr2017"
    with pytest.raises(UsageError, match="protocol='cvpr2016'; allowed are None and 'cvpr2017'"):
        dissect(shell, "model --data photos --protocol cvpr2016")
