"""Importing is light; names are found; threads respect the quota."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

import nbdissect as nd
from nbdissect.engine.threads import allowed_threads, limited_threads


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_import_is_light():
    code = "import sys, nbdissect; print([m for m in ('torch', 'matplotlib', 'IPython', 'ipywidgets', 'PIL') if m in sys.modules])"
    assert python(code) == "[]"


def test_opening_results_needs_no_torch():
    code = (
        "import sys, nbdissect as nd; nd.read_csv, nd.Dissection, nd.Broden, nd.options; print('torch' in sys.modules)"
    )
    assert python(code) == "False"


def test_every_public_name_is_there():
    for name in nd.__all__:
        assert getattr(nd, name) is not None
        assert name in dir(nd)
    with pytest.raises(AttributeError, match="has no attribute 'disect'"):
        nd.disect


def test_options():
    with pytest.raises(AttributeError, match="nbdissect has no option 'dta'; there are data, renderer, embed_mb"):
        nd.options.dta = 1
    assert "nd.options.data = None" in repr(nd.options)
    with pytest.raises(ValueError, match="renderer='svg'; allowed are 'auto', 'widget', 'html'"):
        nd.options.renderer = "svg"
    assert nd.options.renderer == "auto"
    for wrong in (-1, float("nan"), "5", None, True):
        with pytest.raises(ValueError, match="a number of megabytes is needed, 0 or more"):
            nd.options.embed_mb = wrong
    assert nd.options.embed_mb == 5


def test_doctor_tells_what_there_is(capsys):
    nd.doctor()
    told = capsys.readouterr().out
    for name in (
        "python:",
        "torch:",
        "anywidget:",
        "threads:",
        "memory:",
        "device:",
        "front end:    none: this is no notebook",
    ):
        assert name in told


def test_doctor_works_without_torch():
    assert "can't be imported" in python("import sys; sys.modules['torch'] = None; import nbdissect as nd; nd.doctor()")


def test_default_data(monkeypatch, tmp_path):
    from nbdissect.data.resolve import resolve_data
    from support.broden_maker import make_broden

    monkeypatch.delenv("NBDISSECT_DATA", raising=False)
    assert resolve_data().drawings
    monkeypatch.setenv("NBDISSECT_DATA", str(make_broden(tmp_path / "a")))
    assert resolve_data().path == tmp_path / "a"
    monkeypatch.setattr(nd.options, "data", make_broden(tmp_path / "b"))
    assert resolve_data().path == tmp_path / "b"


@pytest.mark.parametrize(
    ("files", "membership", "expected"),
    [
        ({"cpu.max": "150000 100000"}, "0::/", 1),
        ({"cpu.max": "max 100000", "a/b/cpu.max": "max 100000", "a/cpu.max": "100000 100000"}, "0::/a/b", 1),
        ({"cpu/a/cpu.cfs_quota_us": "50000", "cpu/a/cpu.cfs_period_us": "100000"}, "3:cpu,cpuacct:/a\n1:memory:/z", 1),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, "3:cpu,cpuacct:/", None),
        ({"cpu.max": "nonsense"}, "0::/", None),
        ({}, None, None),
    ],
)
def test_the_cgroups_quota_limits_threads(tmp_path, files, membership, expected):
    for name, text in files.items():
        (tmp_path / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / name).write_text(text + "\n")
    if membership is not None:
        (tmp_path / "cgroup").write_text(membership)
    free = allowed_threads(tmp_path / "none", tmp_path / "none")
    assert allowed_threads(tmp_path / "root", tmp_path / "cgroup") == (expected or free)


def test_threads_are_restored(monkeypatch):
    before = torch.get_num_threads()
    monkeypatch.setattr("nbdissect.engine.threads.allowed_threads", lambda: 1)
    with limited_threads() as threads:
        assert threads == torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
