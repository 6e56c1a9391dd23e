"""Errors under ``%dissect``: ours are one line, those of the user's own code keep their traceback."""

from __future__ import annotations

import re

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

import nbdissect as nd
from nbdissect.notices import raised_by_user_code
from support.data import Photos
from support.nets import Net

SETUP = """
import dataclasses, pathlib
import numpy as np, torch, nbdissect as nd

def reshaped(image):
    x = np.asarray(image) / 255.0
    return torch.tensor(x.transpose(2, 0, 1) - np.array([0.4, 0.4, 0.4])).float()  # numpy's ValueError, our mistake

def missing(image):
    return torch.load(pathlib.Path("nowhere") / "table.pt")  # an OSError out of a library

def sized(image):
    raise ValueError("only 8 pixels")

class Listed(Photos):
    def __getitem__(self, index):
        if index == 3:
            return [][index]
        return super().__getitem__(index)

class Unreadable(Photos):
    def __getitem__(self, index):
        return open(f"nowhere/{index}.png")

class Lazy(Photos):
    @property
    def concepts(self):
        return sorted(None)

class Own(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = torch.nn.Conv2d(3, 4, 3), torch.nn.Linear(9, 2)
    def forward(self, x):
        return self.fc(self.conv(x).flatten(1))  # torch's RuntimeError, our sizes

class Fussy(Own):
    def forward(self, x):
        raise ValueError("only 8 channels")

def loaded():
    return undefined_name

own, fussy = Own(), Fussy()
"""


@pytest.fixture
def shell():
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.user_ns.update(model=Net(), photos=Photos(), Photos=Photos, nd=nd)
    shell.run_line_magic("load_ext", "nbdissect")
    shell.run_cell(SETUP).raise_error()
    yield shell
    InteractiveShell.clear_instance()


def run(shell, line):
    """Return the error of a cell, and all that the cell shows of it."""
    with capture_output() as out:
        result = shell.run_cell(line)
    return result.error_in_exec, re.sub(r"\x1b\[[\d;]*m", "", out.stdout + out.stderr)  # without colors


USERS = [
    ("%dissect model features --data photos --transform reshaped", "in reshaped"),
    ("%dissect model features --data photos --transform missing", "in missing"),
    ("%dissect model features --data photos --transform sized", "in sized"),
    ("%dissect model --data photos --transform sized", "in sized"),
    ("%dissect model features --data Listed()", "[][index]"),
    ("%dissect model features --data Unreadable()", "open(f"),
    ("%dissect model features --data Lazy()", "sorted(None)"),
    ("%dissect own fc --data photos", "self.fc(self.conv"),
    ("%dissect fussy conv --data photos", 'raise ValueError("only 8 channels'),
    ("%dissect model features --data loaded()", "in loaded"),
    ("%dissect loaded() features", "in loaded"),
]


@pytest.mark.parametrize(("line", "frame"), USERS)
def test_the_users_own_error_keeps_its_traceback(shell, line, frame):
    error, shown = run(shell, line)
    assert not isinstance(error, UsageError)
    assert frame in shown
    if "--transform" in line or ("()" in line.partition("--data")[2] and "[index]" in frame):
        assert re.search(r"Image \d+:", shown), "and names the image"


OURS = [
    ("%dissect model features --data nd.Broden('/missing')", "isn't a directory"),
    ("%dissect model nowhere --data photos", "no layer 'nowhere'"),
    ("%dissect model features --data photos -q 2", "quantile"),
    ("%dissect undefined features", "name 'undefined' is not defined"),
    ("%dissect 1/0 features", "ZeroDivisionError"),
    ("%dissect model[ features", "SyntaxError"),
    ("%dissect model features --data photos --cache /dev/null", "cache="),
    ("%dissect model pair --data photos", "returns 2 tensors"),
    ("%dissect model features --batchsize 3", "unrecognized arguments: --batchsize 3. Did you mean '--batch-size'?"),
    ("%dissect model features --dataset=photos", "Did you mean '--data'?"),
]


@pytest.mark.parametrize(("line", "text"), OURS)
def test_an_error_of_ours_is_one_line(shell, line, text):
    error, shown = run(shell, line)
    assert type(error) is UsageError
    assert text in shown
    assert "Traceback" not in shown


def test_a_name_in_an_error_moves_no_cursor(shell):
    shell.user_ns["bad"] = type("Bad\x1b[2J", (), {})()
    _, shown = run(shell, "%dissect bad features")
    assert r"Bad\x1b[2J" in shown


def raised(function):
    try:
        function()
    except Exception as error:
        return error
    return None


def test_whose_error_it_is():
    def mistake(_):
        return {}[0]

    def chain():
        try:
            mistake(0)
        except KeyError as error:
            raise nd.Dissection from error

    assert raised_by_user_code(raised(lambda: sorted([1, 2], key=mistake)))
    assert raised_by_user_code(raised(chain)), "its cause counts"
    assert not raised_by_user_code(raised(lambda: nd.Broden("/missing"))), "ours, though called from here"
    assert not raised_by_user_code(ValueError("never raised"))
