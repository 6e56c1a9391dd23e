"""protocol="cvpr2017": all that the paper settles is set, what contradicts it is refused, what still differs is listed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import nbdissect as nd
from nbdissect.engine.paper_preprocessing import CaffeNormalize, paper_transform, recorded_caffe
from nbdissect.engine.preprocessing import Normalize
from support import caffe_nets
from support.executors import Here


def data(images=6, side=24, **more):
    """Images of noise with masks half as large."""
    rng = np.random.default_rng(0)
    samples = [
        nd.Sample(
            Image.fromarray(rng.integers(0, 256, (side, side, 3), dtype=np.uint8)),
            {"object": rng.integers(0, 3, (1, side // 2, side // 2))},
            {},
            (side // 2, side // 2),
        )
        for _ in range(images)
    ]

    class Images:
        concepts = (nd.Concept(1, "one", "object"), nd.Concept(2, "two", "object"))
        categories = ("object",)
        image_size = (side, side)

        def __len__(self):
            return len(samples)

        def __getitem__(self, index):
            return samples[index]

    made = Images()
    for name, value in more.items():
        setattr(made, name, value)
    return made


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(), nn.Conv2d(4, 4, 3, 2, 1), nn.ReLU())


def run(model=None, images=None, layer="3", **options):
    options = {"protocol": "cvpr2017", "progress": False, "batch_size": 2, **options}
    return nd.dissect(model or net(), layer, data=images or data(), **options)


def test_it_sets_what_the_paper_settles():
    model, images = net(), data()
    d = run(model, images)
    assert (d.semantics, d.quantile) == ("paper", 0.005)
    assert d.receptive_field.step == (4, 4)
    assert d.provenance.protocol == "cvpr2017"
    assert d.provenance.transform == (
        "CaffeNormalize(size=(24, 24), mean=(124.6901, 118.6897, 109.5388), order='blue, green, red')"
    )
    assert "protocol cvpr2017, 6 deviations in d.provenance" in d.facts

    def by_hand(image):
        values = np.asarray(image).astype(np.float32)[:, :, ::-1] - np.array([109.5388, 118.6897, 124.6901], np.float32)
        return torch.from_numpy(values.transpose(2, 0, 1).copy())

    spelled_out = nd.dissect(
        model, "3", images, upsample="receptive-field", transform=by_hand, batch_size=2, progress=False
    )
    assert d.differences(spelled_out) == []


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (
            {"upsample": "bilinear"},
            r"upsample='bilinear' contradict each other: the protocol sets upsample='receptive-field'",
        ),
        (
            {"semantics": "netdissect-lite"},
            r"semantics='netdissect-lite' contradict each other: the protocol counts by semantics='paper'",
        ),
        ({"quantile": 0.01}, r"quantile=0\.01 contradict each other: the protocol sets quantile=0\.005"),
        ({"thresholds": np.zeros(4)}, r"thresholds= contradict each other: the protocol computes the thresholds"),
        (
            {"transform": lambda image: image},
            r"transform= contradict each other: the protocol feeds images as the paper's",
        ),
    ],
)
def test_what_contradicts_it_is_refused_with_both_named(option, said):
    with pytest.raises(ValueError, match=rf"protocol='cvpr2017' and {said}") as caught:
        run(**option)
    assert "Leave one of them out." in str(caught.value)
    assert "upsample='receptive-field', semantics='paper' and quantile=0.005" in str(caught.value)


def test_what_agrees_with_it_is_no_conflict():
    assert run(upsample="receptive-field", semantics="paper", quantile=0.005) == run()


def test_another_study_is_refused():
    with pytest.raises(ValueError, match="protocol='pnas2020'; allowed are None and 'cvpr2017'"):
        run(protocol="pnas2020")


def test_a_network_that_says_how_it_was_trained_is_fed_that():
    model = net()
    model.pretrained_cfg = {"mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25), "input_size": (3, 32, 32)}
    d = run(model)
    assert d.provenance.transform == repr(Normalize((24, 24), (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)))
    assert d.provenance.deviations[0].startswith("The network says how it was trained, so it is fed that")


def test_size_is_that_for_which_the_network_was_built_then_that_of_the_data():
    model, undeclared = net(), data(image_size=None)
    assert paper_transform(model, data()).size == (24, 24)
    assert paper_transform(model, undeclared).size == (224, 224)
    model.image_size = 32
    assert paper_transform(model, data()).size == (32, 32)


def test_the_built_in_network_is_fed_as_without_it():
    model, drawings = nd.demo()
    transform = paper_transform(model, drawings)
    assert type(transform) is Normalize
    assert transform == Normalize(drawings.image_size)


def test_every_deviation_that_is_left_is_listed():
    listed = run().provenance.deviations
    assert [text.split(" ")[0] for text in listed] == ["The", "The", "Thresholds", "All", "A", "torch"]
    assert "The data are 6 images with 2 concepts; the paper's are Broden's 63,305 with 1,197." in listed
    before = run(layer="2").provenance.deviations
    assert any(text.startswith("2 (Conv2d) returns values from before a ReLU") for text in before)
    model = net()
    model.image_size = 40
    other = run(model).provenance.deviations
    assert any(text.startswith("Images are brought to 40 × 40") for text in other)
    assert any(text.startswith("Masks of 12 × 12 are no whole part of images of 40 × 40") for text in other)


def test_the_record_prints_them_one_to_a_line():
    d = run()
    printed = str(d.provenance).splitlines()
    for text in d.provenance.deviations:
        assert any(line.strip().removeprefix("deviations").strip() == text for line in printed)


def test_archive_cache_and_workers_keep_it(tmp_path):
    d = run(cache=tmp_path / "cache")
    assert run(cache=tmp_path / "cache").provenance == d.provenance
    assert run(executor=Here(2)) == d
    d.save(tmp_path / "d.nbd")
    again = nd.load(tmp_path / "d.nbd")
    assert again.provenance == d.provenance
    assert again.facts == d.facts
    spelled_out = run(protocol=None, upsample="receptive-field", cache=tmp_path / "cache")
    assert spelled_out.provenance.protocol == ""
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_a_loaded_result_explains_an_image_as_the_run_fed_it(tmp_path):
    model, images = net(), data()
    d = run(model, images)
    d.save(tmp_path / "d.nbd")
    index = int(d.top_images[1, 0])
    explained = nd.load(tmp_path / "d.nbd").explain(images[index].image, model, top=4)
    place = list(explained.units).index(1)
    np.testing.assert_allclose(explained.maps[place], d.top_maps[1, 0], atol=1e-3)
    for text in (
        "CaffeNormalize(size=(7, 7))",
        "CaffeNormalize(size=(7, 7), mean=(1, 2, 3), order='blue, green, red')",
        "",
    ):
        assert recorded_caffe(text) is None


def test_alexnets_conv5_by_the_protocol():
    d = run(caffe_nets.alexnet(), data(2, 227, image_size=(227, 227)), layer="11")
    rows, _ = d.receptive_field.anchors((13, 13), (113, 113))
    assert rows.tolist() == list(range(8, 105, 8))
    assert isinstance(paper_transform(caffe_nets.alexnet(), data(1, 227)), CaffeNormalize)
    assert not any("no whole part" in text for text in d.provenance.deviations)
