"""A result is found again as long as nothing that determines it has changed, and never otherwise."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

import nbdissect as nd
from nbdissect.provenance.cache import Cache
from support import caching
from support.broden_maker import make_broden, save_mask
from support.caching import dissect, net, once
from support.data import Photos
from support.dissections import assert_same
from support.nets import Net
from support.paths import ROOT, TESTS


@pytest.fixture
def runs(monkeypatch):
    """The runs of the engine: a hit has none."""
    from nbdissect.runner import local

    done, run = [], local.run
    monkeypatch.setattr(local, "run", lambda *args, **kwargs: done.append(1) or run(*args, **kwargs))
    return done


def test_the_second_time_nothing_runs(tmp_path, runs):
    cache, data = tmp_path / "new" / "cache", Photos()
    first = dissect(cache, data=data)
    second = dissect(str(cache), data=data)
    assert len(runs) == 1
    assert_same(first, second)
    assert second.data is data
    assert [path.suffix for path in cache.iterdir()] == [".nbd"]
    # One layer, or a list of one: the same result, in the form that was asked for.
    many = dissect(cache, layer=["features"])
    assert len(runs) == 1
    assert many["features"] == first
    dissect(cache, layer=["features", "features.0"], per_image=True)
    again = dissect(cache, layer=["features", "features.0"], per_image=True)
    assert len(runs) == 2
    assert again["features.0"].over([0, 1]).images == 2


def test_no_cache_unless_asked_for(tmp_path, monkeypatch, runs):
    monkeypatch.chdir(tmp_path)
    dissect(None)
    dissect(None)
    assert len(runs) == 2
    assert not list(tmp_path.iterdir())


class Edited(Net):
    def forward(self, x):
        return super().forward(x * 1.0001)


class SameNumbers(Net):
    def forward(self, x):
        return super().forward(x + 0)


def twice(image):
    return torch.tensor(np.array(image)).permute(2, 0, 1) / 128


def test_every_setting_counts(tmp_path, runs):
    given = np.zeros(4, np.float32)
    changes = [
        {},
        {"quantile": 0.2},
        {"top": 3},
        {"batch_size": 5},
        {"semantics": "netdissect-lite"},
        {"per_image": True},
        {"thresholds": given},
        {"thresholds": given + 1},
        {"layer": "features.0"},
        {"transform": once},
        {"transform": twice},
        {"data": Photos(images=7)},
        {"data": Photos(size=(9, 8))},
        {"model": net().double()},
        {"model": net(Edited)},
        {"model": net(SameNumbers)},
    ]
    for count, change in enumerate(changes, 1):
        dissect(tmp_path, **change)
        assert len(runs) == count, change
    for change in changes:
        dissect(tmp_path, **change)
    assert len(runs) == len(changes)


def test_weights_buffers_hooks_and_patches_count(tmp_path, runs):
    dissect(tmp_path)
    models = [net() for _ in range(4)]
    with torch.no_grad():
        models[0].features[0].bias[1] += 1e-6
        models[1].features[1].running_var[0] += 1e-6
    models[2].features[0].register_forward_hook(lambda module, inputs, output: output * 1.00001)
    models[3].features[0].forward = lambda x: torch.nn.functional.conv2d(x, models[3].features[0].weight, padding=1)
    for count, model in enumerate(models, 2):
        dissect(tmp_path, model)
        assert len(runs) == count


def test_what_the_notebook_changes_outside_counts(tmp_path, runs):
    scale = {"by": 1.0}
    for count, by in enumerate((1.0, 2.0), 1):
        scale["by"] = by
        dissect(tmp_path, transform=lambda image: once(image) * scale["by"])
        assert len(runs) == count


def test_an_edited_mask_never_hits(tmp_path, runs):
    root = make_broden(tmp_path / "data")

    def run():
        return dissect(tmp_path / "cache", data=nd.Broden(root), transform=once)

    first = run()
    assert run() == first
    assert len(runs) == 1
    save_mask(root / "images" / "a" / "2_object.png", np.ones((6, 8), int))
    changed = run()
    assert len(runs) == 2
    assert [line.split(":")[0] for line in first.differences(changed)][-1] == "made with data"


def test_labels_that_were_not_counted_are_told_of_again(tmp_path, runs):
    root = make_broden(tmp_path / "data")
    save_mask(root / "images" / "a" / "0_object.png", np.full((6, 8), 2))

    def run():
        with pytest.warns(
            UserWarning, match=r"1 label numbers in the masks are no concept of the chosen categories \(object\)"
        ) as caught:
            d = dissect(tmp_path / "cache", data=nd.Broden(root, categories=["object"]), transform=once)
        assert [warning.filename for warning in caught] == [caching.__file__]
        return d

    first, second = run(), run()
    assert len(runs) == 1
    assert first.provenance.uncounted == second.provenance.uncounted
    assert "were not counted: 2." in str(second.provenance)


def test_a_damaged_entry_is_computed_anew(tmp_path, runs):
    first = dissect(tmp_path)
    (entry,) = tmp_path.iterdir()
    whole = entry.read_bytes()
    for count, content in enumerate((whole[: len(whole) // 2], b"", whole.replace(b"PK", b"KP")), 2):
        entry.write_bytes(content)
        with pytest.warns(
            UserWarning, match=rf"A result in the cache can't be used and is computed anew: .*{entry.name}"
        ) as caught:
            assert dissect(tmp_path) == first
        assert caught[0].filename == caching.__file__
        assert len(runs) == count
        assert entry.read_bytes()[:2] == b"PK"
    assert dissect(tmp_path) == first
    assert len(runs) == 4


def test_an_entry_under_a_wrong_name_is_not_believed(tmp_path, runs):
    dissect(tmp_path)
    (entry,) = tmp_path.iterdir()
    dissect(tmp_path / "other", layer="features.0")
    (other,) = (tmp_path / "other").iterdir()
    entry.write_bytes(other.read_bytes())
    with pytest.warns(UserWarning, match="holds another result than its name says"):
        assert dissect(tmp_path).layer == "features"


def test_a_half_written_entry_is_never_read(tmp_path, runs):
    dissect(tmp_path)
    (entry,) = tmp_path.iterdir()
    entry.rename(tmp_path / f".{entry.name}.0123.tmp")
    dissect(tmp_path)
    assert len(runs) == 2


def test_a_cache_that_can_only_be_read_serves_its_readers(tmp_path, runs):
    dissect(tmp_path / "cache")
    (entry,) = (tmp_path / "cache").iterdir()
    if os.geteuid() == 0:
        # Root may write anywhere: a file where the directory should be stands for what can't be written.
        (tmp_path / "file").write_text("")
        with pytest.warns(
            UserWarning, match=r"The result is not in the cache: .* Choose a directory that can be written to"
        ):
            assert dissect(tmp_path / "file" / "cache").units
        assert len(runs) == 2
    entry.chmod(0o444)
    (tmp_path / "cache").chmod(0o555)
    try:
        before = len(runs)
        for _ in range(3):
            dissect(tmp_path / "cache")
        assert len(runs) == before
        assert [path.name for path in (tmp_path / "cache").iterdir()] == [entry.name]
        if os.geteuid():
            with pytest.warns(UserWarning, match="The result is not in the cache"):
                dissect(tmp_path / "cache", quantile=0.3)
    finally:
        (tmp_path / "cache").chmod(0o755)


@pytest.mark.slow
def test_another_process_finds_the_result(tmp_path, runs):
    code = (
        f"import sys; sys.path[:0] = [{str(TESTS)!r}, {str(ROOT)!r}]\n"
        "import nbdissect.runner.local as local\n"
        "from support.caching import dissect, once\n"
        "if sys.argv[2] == 'hit': local.run = None\n"
        "dissect(sys.argv[1], transform=once)"
    )
    for what, seed in (("miss", "1"), ("hit", "2")):  # sets come in another order
        subprocess.run(
            [sys.executable, "-c", code, tmp_path, what], check=True, env={**os.environ, "PYTHONHASHSEED": seed}
        )


@pytest.mark.parametrize("cache", [True, "", 3])
def test_a_cache_that_is_no_directory(cache):
    with pytest.raises(ValueError, match=r"cache=.*; the path of a directory is needed"):
        dissect(cache)


def test_a_file_is_no_cache(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(ValueError, match="is a file; the path of a directory is needed"):
        Cache(tmp_path / "a")
