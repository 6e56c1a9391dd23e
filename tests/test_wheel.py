"""What is installed: the package, all that it reads, its license; no tests, and nothing of the page's sources."""

from __future__ import annotations

import email
import os
import subprocess
import sys
import zipfile

import pytest

from support.needs import needed
from support.paths import ROOT
from support.settings import pyproject


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel that the checkout gives, built without a network."""
    needed("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder],
        cwd=ROOT,
        env={**os.environ, "SOURCE_DATE_EPOCH": "315532800"},
        check=True,
        capture_output=True,
    )
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def test_it_holds_the_package_whole_and_nothing_else(wheel):
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    files = [path for path in (ROOT / "nbdissect").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert held == {path.relative_to(ROOT).as_posix() for path in files}
    for name in held:
        assert wheel.read(name) == (ROOT / name).read_bytes()


def test_it_holds_what_the_package_reads(wheel):
    held = set(wheel.namelist())
    static = {
        f"nbdissect/display/static/{name}"
        for name in (
            *("gallery.js", "gallery.css", "page.js", "run.js", "run.css"),
            *("browse.js", "browse.css", "layers.js", "layers.css"),
        )
    }
    assert static | {"nbdissect/py.typed", "nbdissect/__init__.py"} <= held
    assert [name for name in held if name.endswith(".safetensors")] == ["nbdissect/builtin/demo.safetensors"]


def test_it_says_what_it_is(wheel):
    (folder,) = {name.split("/")[0] for name in wheel.namelist() if ".dist-info/" in name}
    assert {name.removeprefix(f"{folder}/") for name in wheel.namelist() if name.startswith(folder)} == {
        "METADATA",
        "RECORD",
        "WHEEL",
        "licenses/LICENSE",
    }
    assert wheel.read(f"{folder}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
    told = email.message_from_bytes(wheel.read(f"{folder}/METADATA"))
    project = pyproject()["project"]
    assert (told["Name"], told["Version"]) == (project["name"], project["version"])
    assert told["License-Expression"] == project["license"]
    needs = [need for need in told.get_all("Requires-Dist") if "extra ==" not in need]
    assert needs == sorted(project["dependencies"])
    assert told.get_payload().startswith("# ")
