"""Checkpoints as other people save them: each kind loads with its report, to the bit, or the model stays as it was."""

from __future__ import annotations

import copy
import json
import warnings
from collections import OrderedDict

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import nbdissect as nd
from nbdissect.models import torch_files
from support import checkpoints
from support.checkpoints import Tower, Wrapped, only, prefixed, trained, write


def snapshot(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def assert_holds(model, state):
    """The model's tensors are those, bit for bit."""
    own = model.state_dict()
    assert own.keys() == state.keys()
    for name, tensor in state.items():
        assert own[name].dtype == Tower().state_dict()[name.rpartition("module.")[2]].dtype
        assert own[name].numpy().tobytes() == tensor.detach().to(own[name].dtype).numpy().tobytes(), name


def loads(path, model=None, *, into=None, **options):
    """Load into a fresh network; the report, and the network."""
    model = Tower() if model is None else model
    report = nd.load_checkpoint(model, path, **options)
    return report, model


def refused(path, match, model=None, error=ValueError, **options):
    """Loading is an error with this text, and leaves the model as it was."""
    model = trained(seed=9) if model is None else model
    before, training = snapshot(model), model.training
    with pytest.raises(error, match=match) as caught:
        nd.load_checkpoint(model, path, **options)
    assert model.training == training
    after = model.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    return str(caught.value)


@pytest.fixture
def net():
    return trained()


@pytest.fixture
def file(tmp_path):
    return tmp_path / "weights.pth"


# --- what loads ---


def halved(net):
    return {name: t.half() if t.is_floating_point() else t for name, t in net.state_dict().items()}


KINDS = {
    "plain": (lambda net: net.state_dict(), "", ""),
    "reordered": (lambda net: OrderedDict(reversed(net.state_dict().items())), "", ""),
    "parameters, not tensors": (lambda net: dict(net.state_dict(keep_vars=True)), "", ""),
    "net and a NumPy number": (lambda net: {"net": net.state_dict(), "acc": np.float64(91.2)}, "net", ""),
    "what else people keep": (checkpoints.arguments, "net", "module."),
    "module.": (lambda net: prefixed(net.state_dict(), "module."), "", "module."),
    "_orig_mod.": (lambda net: prefixed(net.state_dict(), "_orig_mod."), "", "_orig_mod."),
    "both": (lambda net: prefixed(net.state_dict(), "module._orig_mod."), "", "module._orig_mod."),
    "model": (lambda net: {"model": net.state_dict(), "optimizer": checkpoints.optimizer_state(net)}, "model", ""),
    "model in model": (lambda net: {"model": {"state_dict": net.state_dict()}}, "model.state_dict", ""),
    "a list of state dicts": (lambda net: [{"epoch": 1}, net.state_dict()], "1", ""),
    "among other things": (lambda net: {**net.state_dict(), "epoch": 3, "name": "tower"}, "", ""),
    "Lightning": (lambda net: checkpoints.lightning(net.state_dict()), "state_dict", "model."),
    "an average of weights": (
        lambda net: {"n_averaged": torch.tensor(3), **prefixed(net.state_dict(), "module.")},
        "",
        "module.",
    ),
    "a prefix nobody knows": (lambda net: prefixed(net.state_dict(), "my.tower."), "", "my.tower."),
    "one set under two keys": (lambda net: dict.fromkeys(("model", "state_dict"), net.state_dict()), "model", ""),
}

MORE_THAN_TENSORS = ("net and a NumPy number", "what else people keep", "Lightning")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "before torch 1.6"])
def test_kinds_that_load(net, file, kind, legacy, capsys):
    make, where, prefix = KINDS[kind]
    if legacy and not torch_files._can_allow() and kind in MORE_THAN_TENSORS:
        pytest.skip("torch 2.6 or newer reads these")
    torch.save(make(net), file, _use_new_zipfile_serialization=not legacy)
    report, model = loads(file)
    assert_holds(model, net.state_dict())
    assert (report.where, report.prefix, report.into) == (where, prefix, "")
    assert report.loaded == list(net.state_dict())
    assert (report.missing_keys, report.unexpected_keys, report.mismatched) == ([], [], {})
    assert report.complete
    printed = capsys.readouterr().out
    assert printed.startswith(f"{file}: 13 of the 13 tensors of Tower loaded")
    assert not where or f"from {where!r}" in printed
    assert not prefix or f"without the prefix {prefix!r}" in printed
    assert printed == f"{report}\n"
    assert repr(report) == "<CheckpointReport: 13 of the 13 tensors of Tower>"


def test_half_precision_is_widened_exactly(net, file):
    report, model = loads(write(file, halved(net)))
    assert_holds(model, halved(net))
    assert report.notes == ["12 tensors of float16 became float32, exactly."]
    report, model = loads(write(file, net.state_dict()), Tower().half())
    assert report.notes == ["12 tensors of float32 became float16, rounded: model.to() sets the model's dtype."]
    assert torch.equal(model.left.weight, net.left.weight.half())


def test_equal_layers_are_not_swapped(net, file):
    """By position, as a widely read tutorial goes, they would be."""
    state = net.state_dict()
    order = [name for name in state if not name.startswith(("left", "right"))]
    order[6:6] = ["right.weight", "right.bias", "left.weight", "left.bias"]
    _, model = loads(write(file, OrderedDict((name, state[name]) for name in order)))
    assert torch.equal(model.left.weight, net.left.weight)
    assert not torch.equal(model.left.weight, net.right.weight)


@pytest.mark.parametrize("prefix", ["", "model.", "module.model."])
def test_safetensors(net, file, prefix):
    save_file(prefixed(net.state_dict(), prefix), file)
    report, model = loads(file)
    assert_holds(model, net.state_dict())
    assert (report.where, report.prefix) == ("", prefix)


@pytest.mark.parametrize("what", ["the index", "the directory"])
def test_safetensors_in_shards(net, tmp_path, what):
    index = checkpoints.sharded(net.state_dict(), tmp_path)
    report, model = loads(index if what == "the index" else tmp_path)
    assert_holds(model, net.state_dict())
    assert report.path == str(index)


def test_shards_of_torch(net, tmp_path):
    places = dict.fromkeys(net.state_dict(), "part.bin")
    (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": places}), encoding="utf-8")
    write(tmp_path / "part.bin", net.state_dict())
    _, model = loads(tmp_path)
    assert_holds(model, net.state_dict())


def test_torchscript_gives_its_weights(net, file):
    checkpoints.scripted(net, file)
    report, model = loads(file)
    assert_holds(model, net.state_dict())
    assert (report.where, report.prefix) == ("", "")
    # The buffer that isn't saved in a state dict stands in the archive, and the model has it anyway.
    assert report.unexpected_keys == []


def test_a_model_that_is_wrapped_itself(net, file):
    for wrapper in (nn.DataParallel, lambda net: nn.DataParallel(nn.DataParallel(net))):
        report, model = loads(write(file, {"net": net.state_dict()}), wrapper(Tower()))
        assert_holds(model, prefixed(net.state_dict(), report.into))
        assert report.into.strip(".").split(".")[0] == "module"
    report, model = loads(write(file, prefixed(net.state_dict(), "module.")), nn.DataParallel(Tower()))
    assert (report.prefix, report.into) == ("", "")


def test_the_part_that_is_wanted_of_a_larger_file(file):
    torch.manual_seed(0)
    whole = Wrapped()
    report, model = loads(write(file, whole.state_dict()))
    assert_holds(model, whole.backbone.state_dict())
    assert report.prefix == "backbone."
    assert report.notes == ["Left in the file, not behind this prefix: decoder (2 tensors)."]


# --- several sets ---


def test_moco(net, file):
    key = trained(seed=2)
    state = {
        **prefixed(net.state_dict(), "module.encoder_q."),
        **prefixed(key.state_dict(), "module.encoder_k."),
        "module.queue": torch.rand(8, 16),
    }
    write(file, {"epoch": 200, "arch": "tower", "state_dict": state, "optimizer": checkpoints.optimizer_state(key)})
    said = refused(file, "holds 2 sets of weights that fit Tower equally well, with other values")
    assert "key='state_dict.module.encoder_q' or key='state_dict.module.encoder_k'" in said
    for name in ("encoder_q", "module.encoder_q", "state_dict.module.encoder_q", "module.encoder_q."):
        report, model = loads(file, key=name)
        assert_holds(model, net.state_dict())
        assert (report.where, report.prefix) == ("state_dict", "module.encoder_q.")
    assert report.notes == ["Left in the file, not behind this prefix: module.encoder_k, module.queue (14 tensors)."]


def test_dino(net, file):
    teacher = trained(seed=2)
    write(
        file,
        {
            "student": {**prefixed(net.state_dict(), "module.backbone."), "module.head.last.weight": torch.rand(3, 3)},
            "teacher": {**prefixed(teacher.state_dict(), "backbone."), "head.last.weight": torch.rand(3, 3)},
        },
    )
    said = refused(file, "2 sets of weights that fit Tower equally well")
    assert "key='student.module.backbone' or key='teacher.backbone'" in said
    report, model = loads(file, key="teacher")
    assert_holds(model, teacher.state_dict())
    assert (report.where, report.prefix) == ("teacher", "backbone.")


AVERAGES = {
    "state_dict_ema": (lambda net, ema: {"state_dict": net, "state_dict_ema": ema}, "state_dict_ema", "", "state_dict"),
    "model_ema in modules": (
        lambda net, ema: {"model": net, "model_ema": {"module": prefixed(ema, "module.")}},
        "model_ema.module",
        "module.",
        "model",
    ),
    "one dict": (lambda net, ema: {**net, **prefixed(ema, "ema.")}, "", "ema.", ""),
    "one dict, two prefixes": (
        lambda net, ema: {**prefixed(net, "online."), **prefixed(ema, "ema_model.")},
        "",
        "ema_model.",
        "online",
    ),
}


@pytest.mark.parametrize("kind", AVERAGES)
def test_averages_are_preferred_and_it_is_said(net, file, kind):
    average = trained(seed=2)
    make, where, prefix, key = AVERAGES[kind]
    write(file, make(net.state_dict(), average.state_dict()))
    report, model = loads(file)
    assert_holds(model, average.state_dict())
    assert (report.where, report.prefix) == (where, prefix)
    assert f"The running average (EMA) was preferred to the weights that it averages: key={key!r}." in str(report)
    _, model = loads(file, key=key)
    assert_holds(model, net.state_dict())


def test_averages_without_names(net, file):
    shadow = [p.detach() for p in net.parameters()]
    refused(
        write(file, {"decay": 0.9, "shadow_params": shadow}),
        r"holds a list of tensors without names \(at 'shadow_params'\)\. By their order alone, two equal layers could be swapped",
    )
    _, model = loads(write(file, {"ema": {"shadow_params": shadow}, "model": net.state_dict()}))
    assert_holds(model, net.state_dict())


def test_two_averages_are_a_choice(net, file):
    sets = {name: trained(seed=k).state_dict() for k, name in enumerate(("model", "ema_0.99", "ema_0.999"))}
    refused(write(file, sets), "holds 3 sets of weights .* key='model', key='ema_0.99' or key='ema_0.999'")


def test_two_places_in_the_model(net, file):
    model = nn.ModuleDict({"first": trained(seed=2), "second": trained(seed=3)})
    refused(
        write(file, net.state_dict()),
        r"fits 2 places in ModuleDict equally well: first, second\. .*nd\.load_checkpoint\(model\.first, …\)",
        model=model,
    )


def test_a_key_that_leads_nowhere(net, file):
    write(file, {"net": net.state_dict(), "other": {"weight": torch.rand(2)}})
    refused(file, "has no weights at 'nett'. Weights that fit lie at 'net'", key="nett")
    refused(file, "What .*weights.pth holds at 'other' has no tensor of the model's names and shapes", key="other")
    refused(file, "key is an int; the name of a set in the file is needed", key=3)


# --- what fits in part ---


def test_another_head(net, file):
    state = trained(seed=2, classes=10).state_dict()
    said = refused(
        write(file, {"net": state}), r"doesn't fit Tower: it has 11 of its 13 tensors \(at 'net'\)\.", model=net
    )
    assert "Different: head.weight ([10, 4] in the file, [5, 4] in the model), head.bias" in said
    assert "strict=False loads what fits, and the rest of the model keeps its values." in said
    before = snapshot(net)
    report, _ = loads(file, net, strict=False)
    assert set(report.mismatched) == {"head.weight", "head.bias"}
    assert_holds(net, {**state, "head.weight": before["head.weight"], "head.bias": before["head.bias"]})


def test_the_backbone_alone(net, file):
    state = only(trained(seed=2).state_dict(), "stem", "left", "right")
    said = refused(write(file, state), r"it has 11 of its 13 tensors\.", model=net)
    assert "Not in the file: head.weight, head.bias." in said
    before = snapshot(net)
    report, _ = loads(file, net, strict=False)
    assert report.missing_keys == ["head.weight", "head.bias"]
    assert_holds(net, {**before, **state})
    # Into a larger model, at its place there.
    report, model = loads(write(file, net.state_dict()), Wrapped(), strict=False)
    assert (report.into, report.missing_keys) == ("backbone.", ["decoder.weight", "decoder.bias"])
    assert_holds(model.backbone, net.state_dict())


def test_more_than_the_model_has(net, file):
    state = {**net.state_dict(), **{f"more.{k}.weight": torch.rand(2) for k in range(7)}}
    said = refused(write(file, state), r"it has 13 of its 13 tensors")
    assert (
        "Not in the model: more.0.weight, more.1.weight, more.2.weight, more.3.weight, more.4.weight and 2 more."
        in said
    )
    report, model = loads(file, strict=False)
    assert_holds(model, net.state_dict())
    assert len(report.unexpected_keys) == 7


def test_renamed_tensors_are_named_and_not_guessed(net, file):
    state = {name.replace("left.", "left_conv."): tensor for name, tensor in net.state_dict().items()}
    said = refused(write(file, state), "it has 11 of its 13 tensors")
    assert "Perhaps renamed: 'left_conv.weight' for 'left.weight', 'left_conv.bias' for 'left.bias'." in said


def test_models_that_know_other_names_of_their_tensors(net, file):
    """transformers 5 writes ``encoder.layer.0`` and makes ``layers.0``."""

    class Pretrained(Tower):
        @classmethod
        def from_pretrained(cls, path):
            return cls()

    state = {name.replace("left.", "encoder.layer.0."): tensor for name, tensor in net.state_dict().items()}
    said = refused(write(file, state), "doesn't fit Pretrained", model=Pretrained())
    assert "Files of transformers may hold other names than its models: Pretrained.from_pretrained(directory)" in said
    refused(
        write(file, only(net.state_dict(), "stem")),
        r"(?s)doesn't fit Pretrained((?!transformers).)*$",
        model=Pretrained(),
    )


def test_another_network(file):
    other = nn.Sequential(nn.Conv2d(3, 8, 5), nn.Linear(3, 2))
    said = refused(write(file, {"net": other.state_dict()}), "No tensor of .* has name and shape of one of Tower")
    assert "The file at 'net': 0.weight [8, 3, 5, 5], 0.bias [8], 1.weight [2, 3], 1.bias [2]." in said
    assert "Tower: stem.0.weight [4, 3, 3, 3], " in said
    refused(file, "No tensor of", strict=False)
    said = refused(write(file, trained(width=6).state_dict()), "it has 2 of its 13 tensors", model=Tower())
    assert "It seems to belong to another network, or to one made with other settings." in said


def test_counters_and_buffers_that_nobody_needs(net, file):
    state = net.state_dict()
    del state["stem.1.num_batches_tracked"]
    state["grid"] = torch.zeros(4)
    report, model = loads(write(file, state))
    assert report.complete
    assert torch.equal(model.stem[1].running_mean, net.stem[1].running_mean)
    assert torch.equal(model.grid, Tower().grid), "what the model computes itself is not the file's"


def test_quantized_weights_are_not_taken_for_numbers(net, file):
    state = {**net.state_dict(), "left.weight": net.left.weight.detach().mul(10).to(torch.int8)}
    refused(write(file, state), r"Different: left.weight \(int8 in the file, float32 in the model\)")
    state["left.weight"] = net.left.weight.detach().to_sparse()
    refused(write(file, state), r"Different: left.weight \(sparse_coo in the file\)")


def test_shared_weights(file):
    def tied():
        model = nn.ModuleDict({"a": nn.Linear(3, 3), "b": nn.Linear(3, 3)})
        model["b"].weight = model["a"].weight
        return model

    source = tied()
    state = dict(source.state_dict())
    del state["b.weight"]  # safetensors files hold such a tensor once
    report, model = loads(write(file, state), tied())
    assert report.complete
    assert torch.equal(model["b"].weight, source["a"].weight)
    state["b.weight"] = torch.zeros(3, 3)
    refused(write(file, state), "b.weight is the same tensor under another name, and .* holds two that differ", tied())


# --- models ---


def test_models_that_cant_be_filled(net, file):
    write(file, net.state_dict())
    with pytest.raises(ValueError, match="model is a OrderedDict; a torch.nn.Module is needed"):
        nd.load_checkpoint(net.state_dict(), file)
    with pytest.raises(ValueError, match="Weights of Tower are on the meta device"):
        nd.load_checkpoint(Tower().to("meta"), file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lazy layers say that they are new
        lazy = nn.Sequential(nn.LazyConv2d(3, 3))
    with pytest.raises(ValueError, match="Sequential is lazy: 0.weight gets its shape with the first batch"):
        nd.load_checkpoint(lazy, file)
    with pytest.raises(ValueError, match="ReLU has no parameters or buffers"):
        nd.load_checkpoint(nn.ReLU(), file)
    refused(None, "path is None; the path of a checkpoint is needed")


def test_a_load_that_breaks_in_the_middle_is_undone(net, file):
    class Breaks(nn.Linear):
        error = KeyError("no")

        def _load_from_state_dict(self, *args):
            super()._load_from_state_dict(*args)
            raise self.error

    write(file, net.state_dict())
    model = trained(seed=3)
    head = Breaks(4, 5)
    model.head = head
    refused(file, "Tower refused the weights of .*weights.pth: 'no' The model is as it was", model=model)
    head.error = KeyboardInterrupt()
    before = snapshot(model)
    with pytest.raises(KeyboardInterrupt):
        nd.load_checkpoint(model, file)
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in before.items())


def test_older_names_that_the_model_knows(file):
    class New(nn.Linear):
        _version = 2

        def _load_from_state_dict(self, state_dict, prefix, local_metadata, *args):
            if local_metadata.get("version", 1) < 2:
                state_dict[f"{prefix}weight"] = state_dict.pop(f"{prefix}kernel")
            super()._load_from_state_dict(state_dict, prefix, local_metadata, *args)

    old = nn.Sequential(nn.Linear(3, 3))
    state = old.state_dict()
    state["0.kernel"] = state.pop("0.weight")
    report, model = loads(write(file, prefixed(state, "module.")), nn.Sequential(New(3, 3)))
    assert report.loaded == ["0.weight", "0.bias"]
    assert torch.equal(model[0].weight, old[0].weight)
    new = nn.Sequential(New(3, 3))
    wrapped = nn.DataParallel(new).state_dict()  # with its versions
    _, model = loads(write(file, {"net": wrapped}), nn.Sequential(New(3, 3)))
    assert torch.equal(model[0].weight, new[0].weight)


def test_modes_gradients_and_the_file_are_left_alone(net, file):
    write(file, net.state_dict())
    content = file.read_bytes()
    model = Tower().eval()
    model.left.train()
    model.head.weight.requires_grad_(requires_grad=False)
    same = copy.copy(list(model.parameters()))
    nd.load_checkpoint(model, file)
    assert (model.training, model.left.training) == (False, True)
    assert not model.head.weight.requires_grad
    assert all(one is two for one, two in zip(same, model.parameters(), strict=True))
    assert file.read_bytes() == content


def test_counters_of_another_kind_are_passed_over(net, file):
    """Averaging turns them into floats."""
    state = {**net.state_dict(), "stem.1.num_batches_tracked": torch.tensor([3.5])}
    report, model = loads(write(file, state))
    assert report.complete
    assert "stem.1.num_batches_tracked" not in report.loaded
    assert int(model.stem[1].num_batches_tracked) == 0
    assert torch.equal(model.left.weight, net.left.weight)


def test_an_average_without_buffers_is_mentioned(net, file):
    average = {name: tensor.detach() for name, tensor in trained(seed=2).named_parameters()}
    report, model = loads(write(file, {"model": net.state_dict(), "ema": average}))
    assert_holds(model, net.state_dict())
    assert report.notes == [
        "A running average (EMA) in the file has 10 of the model's tensors alone: key='ema', strict=False."
    ]
    report, model = loads(file, key="ema", strict=False)
    assert torch.equal(model.left.weight, average["left.weight"])
    assert report.missing_keys == ["stem.1.running_mean", "stem.1.running_var"]


def test_long_histories_hide_nothing(net, file):
    history = [{"loss": float(k), "nested": {"accuracy": [k]}} for k in range(3000)]
    _, model = loads(write(file, {"history": history, "net": net.state_dict()}))
    assert_holds(model, net.state_dict())


def test_what_contains_itself_ends(net, file):
    content = {"net": net.state_dict()}
    content["self"] = content
    content["list"] = [content]
    report, model = loads(write(file, content))
    assert_holds(model, net.state_dict())
    assert report.where == "net"


@pytest.mark.skipif(not torch_files._can_allow(), reason="older torch saves no floats of 8 bits")
def test_other_dtypes(net, file):
    state = {**net.state_dict(), "left.weight": net.left.weight.detach().to(torch.float8_e4m3fn)}
    report, model = loads(write(file, state))
    assert torch.equal(model.left.weight, state["left.weight"].float())
    assert len(report.notes) == 1
    state["left.weight"] = net.left.weight.detach().to(torch.bfloat16)
    assert loads(write(file, state))[0].notes == ["1 tensor of bfloat16 became float32, exactly."]


def test_values_that_are_no_numbers(net, file):
    odd = torch.tensor([0x7FC00001, -4194303, 0x7F800000, -(1 << 31)], dtype=torch.int32).view(torch.float32)
    state = {**net.state_dict(), "left.bias": odd}  # two NaN of their own, infinity, minus zero
    _, model = loads(write(file, {"model": state, "best": {name: tensor.clone() for name, tensor in state.items()}}))
    assert_holds(model, state)
    assert model.left.bias.detach().view(torch.int32).tolist() == odd.view(torch.int32).tolist()
