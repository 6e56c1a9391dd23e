"""Train the embedded network from scratch on the scenes' names, and store its weights.

    python tools/train_demo.py --images 40000

Every drawing is seen once or a few times (``--epochs``); the labels of its pixels are never
read. The outcome depends on the arguments alone, up to the rounding of convolutions, which
differs between machines.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from nbdissect.builtin.network import WEIGHTS, DemoNetwork, initialize
from nbdissect.builtin.world import World
from nbdissect.builtin.world.dice import Dice
from nbdissect.builtin.world.scenes import draw
from nbdissect.builtin.world.vocabulary import SCENES

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
HOME = Path(__file__).resolve().parents[1] / "nbdissect" / "models" / WEIGHTS


def normalised(pixels: np.ndarray) -> torch.Tensor:
    """Return uint8 images [N, 128, 128, 3] as the network's input."""
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div_(255.0)
    return (images - MEAN) / STD


def drawings(first: int, count: int, split: str = "train") -> tuple[np.ndarray, torch.Tensor]:
    """Draw images of one split by number; no mask is computed that could be looked at."""
    world = World(n=first + count, split=split)
    pixels = np.empty((count, 128, 128, 3), dtype=np.uint8)
    for row, index in enumerate(range(first, first + count)):
        dice = Dice(f"world {split} {world.seed} {index}")
        pixels[row] = np.asarray(draw(SCENES[index % len(SCENES)], dice).image)
    return pixels, torch.arange(first, first + count) % len(SCENES)


@torch.no_grad()
def accuracy(model: nn.Module, pixels: np.ndarray, scenes: torch.Tensor) -> float:
    """Return the share of images whose scene the model names."""
    model.eval()
    right = 0
    for start in range(0, len(pixels), 100):
        logits = model(normalised(pixels[start : start + 100]))
        right += int((logits.argmax(1) == scenes[start : start + 100]).sum())
    return right / len(pixels)


def train(arguments: argparse.Namespace) -> DemoNetwork:
    """Return a trained network; progress goes to standard error."""
    torch.manual_seed(arguments.seed)
    model = DemoNetwork()
    initialize(model, arguments.seed)
    model = model.to(memory_format=torch.channels_last)
    steps = arguments.images * arguments.epochs // arguments.batch
    optimiser = torch.optim.AdamW(model.parameters(), lr=arguments.rate, weight_decay=arguments.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, arguments.rate, total_steps=steps, pct_start=0.15)
    loss_of = nn.CrossEntropyLoss(label_smoothing=arguments.smoothing)
    order = np.random.default_rng(arguments.seed)
    pixels, scenes = drawings(0, arguments.images)
    begun = time.perf_counter()
    done, running = 0, 0.0
    for _ in range(arguments.epochs):
        shuffled = order.permutation(arguments.images)
        for start in range(0, arguments.images - arguments.batch + 1, arguments.batch):
            if done == steps:
                break
            rows = np.sort(shuffled[start : start + arguments.batch])
            batch = normalised(pixels[rows])
            if order.random() < 0.5:
                batch = batch.flip(3)  # a mirrored scene is the same scene
            model.train()
            loss = loss_of(model(batch.contiguous(memory_format=torch.channels_last)), scenes[rows])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
            done += 1
            running += (loss.item() - running) / min(done, 100)
            if done % 250 == 0:
                pace = (time.perf_counter() - begun) / done
                sys.stderr.write(f"{done}/{steps} loss {running:.3f}, {pace * 1e3:.0f} ms per step\n")
    return model.to(memory_format=torch.contiguous_format).eval()


def main() -> None:
    """Train, measure, store."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=int, default=40000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--decay", type=float, default=0.02)
    parser.add_argument("--smoothing", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=HOME)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    model = train(arguments)
    seen = accuracy(model, *drawings(0, 2000))
    held_out = accuracy(model, *drawings(0, 2000, "test"))
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items() if "num_batches" not in name}
    recipe = {name: value for name, value in vars(arguments).items() if name not in ("out", "threads")}
    metadata = {"accuracy_train": f"{seen:.4f}", "accuracy_test": f"{held_out:.4f}", "recipe": json.dumps(recipe)}
    save_file(tensors, arguments.out, metadata=metadata)
    sys.stderr.write(f"accuracy: {seen:.4f} on training drawings, {held_out:.4f} on others\n")


if __name__ == "__main__":
    main()
