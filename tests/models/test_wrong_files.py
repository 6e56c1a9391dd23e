"""Files that are no checkpoints, or not whole, or would run code: each is named, and the model stays as it was."""

from __future__ import annotations

import argparse
import gzip
import json
import os
import pickle
import random
import struct
import tarfile
import zipfile
from contextlib import suppress

import pytest
import torch
from safetensors.torch import save_file

import nbdissect as nd
from nbdissect.models import archives, file_kinds, inert, script_archives, torch_files
from nbdissect.models.checkpoint_reading import read_checkpoint
from support import checkpoints
from support.checkpoints import Runs, trained, write


@pytest.fixture
def net():
    return trained()


@pytest.fixture
def file(tmp_path):
    return tmp_path / "weights.pth"


def refused(path, match, error=ValueError):
    model = trained(seed=9)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(error, match=match) as caught:
        nd.load_checkpoint(model, path)
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in before.items())
    assert "\x1b" not in str(caught.value)
    return str(caught.value)


# --- would run code ---


@pytest.mark.parametrize("legacy", [False, True])
def test_a_whole_model(net, file, legacy):
    torch.save(net, file, _use_new_zipfile_serialization=not legacy)
    said = refused(
        file, r"holds a whole model, an object of the class support\.checkpoints\.Tower, and not its weights"
    )
    assert "so it was not read. Ask for a file of torch.save(model.state_dict(), path)." in said
    assert "torch.save(torch.load(path, weights_only=False).state_dict(), 'weights.pt')" in said


@pytest.mark.parametrize("legacy", [False, True])
def test_code_is_not_run(net, file, tmp_path, legacy):
    touched = tmp_path / "touched"
    content = {"state_dict": net.state_dict(), "extra": Runs(touched)}
    torch.save(content, file, _use_new_zipfile_serialization=not legacy)
    said = refused(file, r"needs builtins\.getattr|needs pathlib\S*touch")
    assert "reading it would run code out of the file, so it was not read. Ask for a safetensors file" in said
    assert not touched.exists()


@pytest.mark.parametrize("name", ["os.system", "posix.system", "builtins.eval", "torch.hub.load", "numpy.load"])
def test_nothing_that_acts_stands_in_the_list(name):
    assert inert.stand_in(name) is None
    assert not inert.is_torchs_own(name)


def test_the_allowed_classes_are_never_made(net, file, monkeypatch):
    """A placeholder stands for them, so that no code of NumPy, pathlib or argparse meets the file."""
    write(file, checkpoints.arguments(net))
    monkeypatch.setattr(argparse, "Namespace", None)
    _, content = read_checkpoint(file)
    assert type(content["acc"]) is type(content["args"]) is type(content["path"]) is inert.Inert
    assert content["meters"] == {"loss": [1.0]}


def test_torchs_list_is_left_as_it_was(net, file):
    if not torch_files._can_allow():
        pytest.skip("this torch has no such list")
    before = set(torch.serialization.get_safe_globals())
    write(file, checkpoints.arguments(net))
    nd.load_checkpoint(trained(seed=2), file)
    assert set(torch.serialization.get_safe_globals()) == before


def test_a_bare_pickle(net, file):
    said = refused(write(file, checkpoints.detectron(net)), "is a bare pickle, not a file of torch.save: detectron2's")
    assert "torch.save({name: torch.as_tensor(array) for name, array in …}, path)" in said
    refused(write(file, pickle.dumps({"net": 1}, protocol=4)), "is a bare pickle")


def test_torchscript_that_names_something_else(net, file, tmp_path):
    checkpoints.scripted(net, file)
    touched = tmp_path / "touched"
    with zipfile.ZipFile(file) as whole:
        records = {name: whole.read(name) for name in whole.namelist()}
    root = next(iter(records)).partition("/")[0]
    records[f"{root}/data.pkl"] = pickle.dumps(Runs(touched), protocol=2)
    with zipfile.ZipFile(file, "w") as changed:
        for name, content in records.items():
            changed.writestr(name, content)
    refused(file, "reading it would run code out of the file")
    assert not touched.exists()


# --- no checkpoint at all ---


PAGE = b"\n<!DOCTYPE html><html><body>Sign in to download</body></html>"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 102530333\n"


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", r"weights\.pth is empty \(0 bytes\): the download or the save that made it failed\. Get it again\."),
        (PAGE, r"is a web page \(HTML or XML\), not a checkpoint: .*“resolve” in place of “blob”"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "is a web page"),
        (POINTER, r"is a Git LFS pointer: a text of 74 bytes in place of the file of 102,530,333 bytes.*`git lfs pull`"),
        (b'{"hidden_size": 8}', r"is JSON without a “weight_map”, so no index of shards"),
        (b'{"hidden_size": ', r"looks like JSON, and isn't whole"),
        (gzip.compress(b"weights", mtime=0), "is compressed by gzip. Unpack it first: gunzip, or tar -xzf"),
        (b"\x89HDF\r\n\x1a\n" + bytes(50), "is an HDF5 file, as Keras writes them"),
        (b"just some text, of nobody's", r"is no checkpoint: it begins with b'just som'\. Files of torch\.save, safetensors"),
        (b"ab", "ends too early: it has 2 bytes"),
        (bytes(5000), "ends too early: it has 5,000 bytes|no checkpoint"),
    ],
)  # fmt: skip
def test_other_files_are_named(file, content, match):
    refused(write(file, content), match)


def test_archives_of_other_things(net, file, tmp_path):
    write(tmp_path / "inside.pth", net.state_dict())
    with tarfile.open(file, "w") as archive:
        archive.add(tmp_path / "inside.pth", "inside.pth")
    refused(file, "is a tar archive")
    with zipfile.ZipFile(file, "w") as archive:
        archive.write(tmp_path / "inside.pth", "inside\x1b.pth")
    refused(file, r"is a zip archive of other files \('inside\\x1b.pth', …\)\. Unpack it")
    if hasattr(torch, "export"):
        torch.export.save(torch.export.export(net.eval(), (torch.rand(2, 3, 8, 8),)), file.with_suffix(".pt2"))
        refused(file.with_suffix(".pt2"), "is a program of torch.export, not a checkpoint")


def test_a_missing_file(file, tmp_path):
    write(tmp_path / "LeNet.pth.tar", b"-")
    refused(
        tmp_path / "LeNet.pth", r"There is no file .*LeNet\.pth\. Did you mean 'LeNet\.pth\.tar'\?", FileNotFoundError
    )
    refused(tmp_path / "no" / "LeNet.pth", "There is no file .* There is no directory .*no either", FileNotFoundError)
    refused(
        tmp_path, r"is a directory, and holds none of .* Give one of its files: 'LeNet\.pth\.tar'\.", IsADirectoryError
    )


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes")
def test_a_pipe_is_not_waited_for(file):
    os.mkfifo(file)
    refused(file, "is a pipe; a regular file is needed", OSError)


def test_an_optimizer_alone(net, file):
    state = checkpoints.optimizer_state(net)
    refused(
        write(file, {"optimizer": state, "epoch": 3}),
        r"holds the state of an optimizer \(at 'optimizer'\) and no weights",
    )
    refused(write(file, state), "holds the state of an optimizer and no weights of a network. Ask for")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ({"epoch": 3, "args": None}, "holds no tensors with names; it holds the keys 'epoch', 'args'"),
        ({}, "holds no tensors with names; it holds an empty dict"),
        (torch.rand(3), "holds no tensors with names; it holds a Tensor"),
        ([torch.rand(3)], "holds a list of tensors without names"),
        ({3: torch.rand(3)}, "holds no tensors with names"),
    ],
)
def test_no_named_tensors(file, content, match):
    refused(write(file, content), match)


# --- not whole ---


@pytest.mark.parametrize("share", [0.001, 0.3, 0.97])
@pytest.mark.parametrize("kind", ["zip", "legacy", "script", "safetensors"])
def test_truncated_files(net, file, kind, share):
    checkpoints.save(kind, net, file)
    content = file.read_bytes()
    file.write_bytes(content[: max(12, int(share * len(content)))])
    said = refused(file, "weights.pth (ends too early|is damaged or cut off): .*Get it again|bare pickle")
    if kind == "safetensors" and share > 0.9:
        assert f"{len(file.read_bytes()):,} of {len(content):,} bytes are there" in said


def test_every_cut_and_every_flipped_bit_is_seen(net, file):
    """torch.load itself takes weights with a flipped bit for good ones."""
    torch.save({"net": net.state_dict()}, file)
    content = file.read_bytes()
    state = net.state_dict()
    accepted = 0
    for at in range(40, len(content), 97):
        file.write_bytes(content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :])
        model = trained(seed=9)
        try:
            nd.load_checkpoint(model, file)
        except (ValueError, OSError):
            continue
        accepted += 1  # a bit of the padding between records, or of what nobody reads
        assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in state.items())
    assert accepted < len(range(40, len(content), 97)) / 2


def test_a_file_without_checksums_loads(net, file):
    if not hasattr(torch.serialization, "set_crc32_options"):
        pytest.skip("this torch always writes checksums")
    torch.serialization.set_crc32_options(False)
    try:
        torch.save(net.state_dict(), file)
    finally:
        torch.serialization.set_crc32_options(True)
    nd.load_checkpoint(trained(seed=2), file)


@pytest.mark.parametrize(
    ("header", "match"),
    [
        (b'{"a": 3}', "header can't be read"),
        (b'{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0]}}', "header can't be read"),
        (b"{" * 3000, "header can't be read"),
        (b'{"a": {"dtype": "X7", "shape": [2], "data_offsets": [0, 8]}}', "is damaged"),
        (b'{"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}}', "is damaged"),
    ],
)
def test_damaged_safetensors(file, header, match):
    refused(write(file, struct.pack("<Q", len(header)) + header + bytes(8)), match)


# --- shards ---


def test_shards_that_are_missing_or_of_another_model(net, tmp_path):
    index = checkpoints.sharded(net.state_dict(), tmp_path)
    second = tmp_path / "model-00002-of-00002.safetensors"
    content = second.read_bytes()
    second.unlink()
    refused(
        index,
        r"names 2 shards, and 1 of them are not beside it: model-00002-of-00002\.safetensors\. Download them into the same",
        FileNotFoundError,
    )
    save_file({"other": torch.rand(2)}, second)
    refused(
        index, "holds 'left.bias', which isn't there: index and shards are of different models or versions|isn't there"
    )
    second.write_bytes(content)
    said = refused(second, "doesn't fit Tower")
    assert "It is one shard of several: give the index beside it" in said


@pytest.mark.parametrize("shard", ["../other.safetensors", "/etc/passwd", "a\\b", "..", "", 3, "index.json"])
def test_an_index_leads_nowhere_else(tmp_path, shard):
    index = tmp_path / "index.json"
    index.write_text(json.dumps({"weight_map": {"weight": shard}}), encoding="utf-8")
    refused(index, "the bare name of a file beside the index is needed")


def test_an_index_that_names_an_index(tmp_path):
    for one, two in (("a.json", "b.json"), ("b.json", "a.json")):
        (tmp_path / one).write_text(json.dumps({"weight_map": {"weight": two}}), encoding="utf-8")
    refused(tmp_path / "a.json", "is an index, and an index names it as a shard")


# --- the reader for older torch ---


def test_the_reader_of_our_own_agrees_with_torchs(net, file, monkeypatch):
    write(file, checkpoints.arguments(net))
    monkeypatch.setattr(torch_files, "_can_allow", lambda: False)
    one, two = trained(seed=2), net.state_dict()
    nd.load_checkpoint(one, file)
    assert all(torch.equal(one.state_dict()[name], tensor) for name, tensor in two.items())
    assert script_archives.read_pickled(file)["epoch"] == 5
    torch.save(checkpoints.arguments(net), file, _use_new_zipfile_serialization=False)
    refused(
        file,
        r"weights\.pth has the format before torch 1\.6, and holds argparse\.Namespace beside .* torch 2\.6 or newer reads it",
    )


# --- hostile files ---


def rewritten(file, change):
    """Rewrite an archive's pickle, with right checksums."""
    with zipfile.ZipFile(file) as whole:
        records = {name: whole.read(name) for name in whole.namelist()}
    with zipfile.ZipFile(file, "w") as changed:
        for name, content in records.items():
            changed.writestr(name, change(content) if name.endswith("/data.pkl") else content)


def test_a_tar_archive_with_the_mark_of_another_kind(net, file, tmp_path):
    """Older torch would read it as a tar archive, whatever weights_only says."""
    torch.save(net.state_dict(), tmp_path / "inside", _use_new_zipfile_serialization=False)
    header = tarfile.TarInfo("x" * 20)
    header.size = 4
    block = bytearray(header.tobuf(tarfile.GNU_FORMAT))
    mark = file_kinds._LEGACY
    block[: len(mark)] = mark
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block[:512])
    write(file, bytes(block) + b"abcd" + bytes(508 + 1024))
    assert tarfile.is_tarfile(file)
    refused(file, "is a tar archive")


def test_a_pickle_that_wants_all_memory(net, file):
    checkpoints.scripted(net, file)
    number = b"r" + struct.pack("<I", 0xFFFFFFF0)
    rewritten(file, lambda content: content[:-1] + number + b".")
    refused(file, "is damaged or cut off: its pickle numbers an object 4,294,967,280")


def test_a_record_that_unpacks_to_too_much(net, file, monkeypatch):
    monkeypatch.setattr(archives, "_MOST_UNPACKED", 1000)
    torch.save(net.state_dict(), file)
    with zipfile.ZipFile(file) as whole:
        records = {name: whole.read(name) for name in whole.namelist()}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as changed:
        for name, content in records.items():
            changed.writestr(name, content)
    refused(file, "data.pkl would unpack to")


@pytest.mark.parametrize("kind", ["zip", "legacy", "script", "safetensors"])
def test_mutated_files_end_in_our_errors(net, file, kind):
    rng = random.Random(kind)
    checkpoints.save(kind, net, file)
    whole = file.read_bytes()
    model = trained(seed=9)

    def mutated(content):
        content = bytearray(content)
        for _ in range(rng.randint(1, 3)):
            content[rng.randrange(len(content))] = rng.randrange(256)
        return bytes(content)

    for _ in range(40):
        file.write_bytes(whole)
        if kind in ("zip", "script"):
            rewritten(file, mutated)
        else:
            file.write_bytes(mutated(whole[:2000]) + whole[2000:])
        with suppress(ValueError, OSError):
            nd.load_checkpoint(model, file)


def test_an_address_is_no_file():
    refused("https://example.org/LeNet.pth", "There is no file .* Download it first", FileNotFoundError)
