"""What a pass takes, and what of it has gone when a layer returns."""

from __future__ import annotations

import pytest
import torch

import nbdissect as nd
from nbdissect.engine import pass_times
from support.data import Photos
from support.nets import Net, hooks


def test_the_cost_is_that_of_the_way_to_the_layer():
    class Slow(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.then = torch.nn.Conv2d(3, 4, 1), torch.nn.Conv2d(4, 64, 9, padding=4)

        def forward(self, x):
            return self.then(self.first(x))

    rows = {row.name: row for row in nd.layers(Slow(), Photos(2, (96, 96)))}
    assert 0 < rows["first"].share < 0.4 < rows["then"].share <= 1


def test_a_model_that_changes_its_calls_has_no_times():
    class Moody(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.more, self.count = torch.nn.Conv2d(3, 3, 1), torch.nn.ReLU(), 0

        def forward(self, x):
            self.count += 1
            x = self.conv(x)
            return self.more(x) if self.count % 2 else x

    found = nd.layers(Moody(), Photos())
    assert found.seconds == 0
    assert found[0].share is None


def test_the_shortest_time_between_two_moments_counts():
    assert pass_times._whole([(1, 0.5), (0, 0.25)]) == 0.75


@pytest.mark.parametrize(("seconds", "images"), [(0.01, 16), (0.099, 6), (2.0, 2)], ids=["quick", "middling", "slow"])
def test_a_quick_network_is_timed_with_more_images(monkeypatch, seconds, images):
    clock = [0.0]
    asked = []

    def timed(count):
        asked.append(count)
        clock[0] += seconds
        return [(0, seconds)]

    monkeypatch.setattr(pass_times, "seconds_on", lambda _: clock[0])
    found, passes = pass_times._passes(timed, torch.device("cpu"))
    assert found == images
    assert asked[:2] == [2, 2]
    assert set(asked[2:]) <= {images}
    assert 1 <= len(passes) <= 5


def test_the_model_comes_back_as_it_was():
    model = Net().train()
    torch.manual_seed(3)
    before, state = torch.get_rng_state(), {name: value.clone() for name, value in model.state_dict().items()}
    threads = torch.get_num_threads()
    assert nd.layers(model, Photos()).seconds > 0
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert (model.training, hooks(model), torch.get_num_threads()) == (True, 0, threads)
