"""What made a result is written down; a digest follows every edit and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import nbdissect as nd
from nbdissect.builtin.world import World
from nbdissect.engine.batches import Batcher
from nbdissect.provenance.data_digest import DigestingDataset
from nbdissect.provenance.model_digest import code_digest, output_digest, weights_digest
from nbdissect.results.provenance import UPSAMPLING, Provenance
from nbdissect.text import describe
from support.broden_maker import edit_index, make_broden, save_mask
from support.data import Photos
from support.dissections import Squares, photographs
from support.nets import Net


def test_a_dissection_says_what_made_it():
    torch.manual_seed(0)
    data = Photos()
    data.credit, data.licence = "A. Nonymous", "CC0"
    d = nd.dissect(Net(), ["features.0", "features"], data=data, quantile=0.1, progress=False)
    p = d["features"].provenance
    assert (p.layer, p.quantile, p.semantics, p.upsampling, p.categories) == (
        "features",
        0.1,
        "paper",
        UPSAMPLING,
        ("object",),
    )
    assert (p.nbdissect, p.torch, p.dtype, p.device) == (nd.__version__, torch.__version__, "float32", "cpu")
    assert (p.credit, p.licence, p.model) == ("A. Nonymous", "CC0", "support.nets.Net")
    assert p.transform.startswith("Normalize(size=(8, 8), mean=(0.485")
    assert p.weights.startswith("blake2b:")
    assert p.data.startswith("blake2b:")
    assert p.date.endswith("+00:00")
    assert d["features.0"].provenance.differences(p) == ["layer: features.0 / features"]
    assert "licence     CC0" in str(p)
    assert "provenance" not in repr(d)


def test_it_survives_the_archive(tmp_path):
    d = nd.dissect(Net(), "features", data=Photos(), quantile=0.1, progress=False)
    d.save(tmp_path / "a.nbd")
    assert nd.load(tmp_path / "a.nbd").provenance == d.provenance
    d = photographs()
    assert Provenance.from_json(d.provenance.to_json()) == d.provenance
    unknown = Provenance.from_json(Provenance().to_json())
    assert np.isnan(unknown.quantile)
    assert unknown.differences(Provenance()) == []


def test_the_embedded_data_tell_their_licence():
    p = nd.dissect(Net(), "features", data=World(n=20), quantile=0.1, progress=False).provenance
    assert p.licence == "BSD-3-Clause"
    assert p.data == World(n=20).digest()
    assert (
        len(
            {
                World(n=20).digest(),
                World(n=21).digest(),
                World(n=20, seed=1).digest(),
                World(n=20, split="train").digest(),
            }
        )
        == 4
    )


def test_the_digest_of_weights_follows_every_one_of_them():
    torch.manual_seed(0)
    model = Net()
    before = weights_digest(model)
    assert weights_digest(model) == before
    assert weights_digest(model.to(memory_format=torch.channels_last)) == before
    for tensor in (*model.parameters(), *model.buffers()):
        with torch.no_grad():
            kept = tensor.clone()
            tensor.add_(1)
            assert weights_digest(model) != before
            tensor.copy_(kept)
    assert weights_digest(model) == before
    assert weights_digest(model.double()) != before
    odd = torch.nn.Module()
    odd.register_buffer("a", torch.tensor([1.0, 2.0], dtype=torch.bfloat16))
    odd.register_buffer("b", torch.tensor(3))
    odd.register_buffer("c", torch.tensor([1 + 2j]).conj())
    odd.register_buffer("d", torch.empty(0))
    odd.register_buffer("e", torch.eye(3).to_sparse())
    assert weights_digest(odd) == weights_digest(odd)


def test_the_digest_of_a_directory_follows_every_file(tmp_path):
    root = make_broden(tmp_path / "a")
    before = nd.Broden(root).digest()
    assert nd.Broden(make_broden(tmp_path / "b")).digest() == before  # wherever it lies
    assert nd.Broden(root, categories=["object"]).digest() != before
    image = root / "images" / "a" / "3.png"
    kept = image.read_bytes()
    nd_image = nd.Broden(root)[3].image
    nd_image.putpixel((0, 0), (1, 2, 3))
    nd_image.save(image)
    assert nd.Broden(root).digest() != before
    image.write_bytes(kept)
    assert nd.Broden(root).digest() == before
    save_mask(root / "images" / "a" / "2_part.png", np.zeros((6, 8), int))
    masked = nd.Broden(root).digest()
    assert masked != before
    edit_index(root, 1, "scene", "")
    assert nd.Broden(root).digest() != masked


class Plain(Squares):
    """Counts how often a sample is made."""


def squares(**changes):
    data = Plain((nd.Concept(1, "car", "object"), nd.Concept(4, "wheel", "part")), images=5, side=8, grid=4)
    for name, value in changes.items():
        setattr(data, name, value)
    return data


def test_other_data_are_digested_while_they_are_read():
    data = squares()
    d = nd.dissect(Net(), "features", data=data, quantile=0.1, progress=False)
    assert data.read.count(3) == 1  # image and labels at once
    assert d.data is data
    assert d.provenance.data == DigestingDataset(squares()).digest()


def test_the_digest_of_other_data_follows_pixels_and_labels():
    before = DigestingDataset(squares()).digest()
    samples = [squares()[index] for index in range(5)]

    def digest(**changes):
        class Edited(Plain):
            def __getitem__(self, index):
                return replace(samples[index], **changes) if index == 2 else samples[index]

        return DigestingDataset(Edited(squares().concepts, images=5)).digest()

    assert digest() == before
    image = samples[2].image.copy()
    image.putpixel((7, 7), (0, 0, 0))
    mask = samples[2].masks["object"].copy()
    mask[0, 3, 3] = 4
    assert (
        len(
            {before, digest(image=image), digest(masks={"object": mask}), digest(masks={}), digest(whole={"part": [4]})}
        )
        == 5
    )
    # The same labels in another type are the same labels.
    assert digest(masks={"object": samples[2].masks["object"].astype(np.uint8)}) == before


def test_an_inherited_digest_is_not_trusted_for_other_samples():
    class Flipped(World):
        def __getitem__(self, index):
            sample = super().__getitem__(index)
            return replace(sample, masks={name: mask[:, ::-1] for name, mask in sample.masks.items()})

    class Wrapped:
        def __init__(self, data):
            self.data = data

        def __getattr__(self, name):
            return getattr(self.data, name)

        def __len__(self):
            return 2

        def __getitem__(self, index):
            return self.data[index + 1]

    assert DigestingDataset(World(n=3)).digest() == World(n=3).digest()
    assert (
        len(
            {
                DigestingDataset(data).digest()
                for data in (World(n=3), Flipped(n=3), Wrapped(World(n=3)), Wrapped(World(n=4)))
            }
        )
        == 3
    )


def test_data_that_can_not_be_digested_do_not_cost_the_result():
    class Forgetful(Photos):
        def digest(self):
            raise RuntimeError

        def __getitem__(self, index):
            return super().__getitem__(index)

    with pytest.warns(UserWarning, match="The record of this result leaves out the data set's digest"):
        d = nd.dissect(Net(), "features", data=Forgetful(), quantile=0.1, progress=False)
    assert d.provenance.data == ""
    assert d.units[0].label == "thing"


def test_words_hold_no_addresses():
    assert describe(lambda x: x) == "<function test_words_hold_no_addresses.<locals>.<lambda>>"

    class Bad:
        def __repr__(self):
            raise ValueError

    assert describe(Bad()) == "<Bad>"


def function(source):
    space = {}
    exec(source, space)
    return space["f"]


def test_the_digest_of_code_follows_what_the_code_does():
    texts = [
        "def f(x): return x + 1",
        "def f(x): return x + 2",
        "def f(x): return x in {'a', 'b'}",
        "def f(x, y=1): return x + y",
        "def f(x, y=2): return x + y",
        "K = 1\ndef f(x): return x + K",
        "K = 2\ndef f(x): return x + K",
        "def g(x): return x\ndef f(x): return g(x)",
        "def g(x): return -x\ndef f(x): return g(x)",
    ]
    digests = [code_digest([function(text)]) for text in texts]
    assert len(set(digests)) == len(texts)
    assert digests == [code_digest([function("# a comment\n\n" + text)]) for text in texts]

    def scaled(by):
        return lambda x: x * by

    assert code_digest([scaled(2)]) == code_digest([scaled(2)]) != code_digest([scaled(3)])
    model, patched = Net(), Net()
    patched.features[0].forward = lambda x: x
    assert code_digest(Net().modules()) == code_digest(model.modules()) != code_digest(patched.modules())


def test_the_digest_of_outputs_follows_transform_and_layers():
    torch.manual_seed(0)
    model = Net().train()
    images = [(0, Photos()[0].image), (1, Photos()[1].image)]

    def transform(image, shift=0.0):
        return torch.tensor(np.array(image)).permute(2, 0, 1) / 255 + shift

    def digest(transform=transform, layer="features"):
        return output_digest(model, [layer], Batcher(transform, cpu, None), images, cpu)

    cpu = torch.device("cpu")
    before = digest()
    assert digest() == before
    assert model.training
    assert digest(lambda image: transform(image, 1e-6)) != before
    assert digest(layer="features.0") != before
    model.features[0].register_forward_hook(lambda module, inputs, output: output * 1.00001)
    assert digest() != before
