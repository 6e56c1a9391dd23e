"""Network Dissection written down plainly: keep everything, sort, interpolate, boolean sets.

Slow and obvious. The engine must agree with it count for count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

import nbdissect as nd
from nbdissect.types import UNLABELED


@dataclass
class Data:
    """A data set in memory; image i is a grey picture that spells i, for :class:`Playback`."""

    concepts: list
    categories: tuple
    samples: list  # of (masks, whole, shape)
    concept_numbers: tuple = ()

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        masks, whole, shape = self.samples[index]
        image = Image.new("RGB", (2, 2), (index % 256, index // 256, 0))
        return nd.Sample(image, masks, whole, shape)


class Playback(torch.nn.Module):
    """A network whose layers return given activations [N, U, h, w] for the image that spells their number."""

    def __init__(self, **activations):
        super().__init__()
        self.activations = {name: torch.as_tensor(a) for name, a in activations.items()}
        for name in activations:
            self.add_module(name, torch.nn.Identity())

    def forward(self, x):
        index = (x[:, 0, 0, 0] + 256 * x[:, 1, 0, 0]).long()
        for name, activations in self.activations.items():
            getattr(self, name)(activations[index.cpu()].to(x.device))
        return index


def spell(image):
    """The transform that goes with :class:`Playback`."""
    return torch.tensor(np.array(image)).permute(2, 0, 1).float()


def upsample_anchored(maps, shape, anchors):
    """[..., h, w] → [..., sh, sw]: rows and columns stand at these mask pixels, clamped outside; rows first; lerp in float32."""
    for dim, out, places in ((-2, shape[0], anchors[0]), (-1, shape[1], anchors[1])):
        at = np.asarray(places, np.float64)
        low, weight = np.zeros(out, int), np.zeros(out, np.float32)
        for pixel in range(out):
            before = [k for k, place in enumerate(at) if place <= pixel]
            low[pixel] = before[-1] if before else 0
            if before and before[-1] + 1 < len(at):
                a, b = at[low[pixel]], at[low[pixel] + 1]
                weight[pixel] = (pixel - a) / (b - a)
        high = np.minimum(low + 1, len(at) - 1)
        a, b = maps.take(low, axis=dim), maps.take(high, axis=dim)
        maps = a + (weight[:, None] if dim == -2 else weight) * (b - a)
    return maps


def upsample(maps, shape):
    """[..., h, w] → [..., sh, sw]: half-pixel centres, clamped; rows first; lerp in float32."""
    for dim, out in ((-2, shape[0]), (-1, shape[1])):
        size = maps.shape[dim]
        position = np.maximum((np.arange(out) + 0.5) * (size / out) - 0.5, 0)
        low = np.minimum(np.floor(position).astype(int), size - 1)
        weight = (position - low).astype(np.float32)
        a, b = maps.take(low, axis=dim), maps.take(np.minimum(low + 1, size - 1), axis=dim)
        if dim == -2:
            weight = weight[:, None]
        maps = a + weight * (b - a)
    return maps


def threshold(activations, quantile, semantics):
    """[N, U, h, w] → float32 [U]."""
    values = np.sort(np.moveaxis(activations, 1, 0).reshape(activations.shape[1], -1), axis=1)
    n = values.shape[1]
    if semantics == "paper":
        return values[:, n - (math.floor(quantile * n) + 1)]
    position = int(1000 * (1 - quantile) - 1) / 999
    return np.quantile(values.astype(np.float64), position, axis=1).astype(np.float32)


def dissect(activations, data, quantile, semantics="paper", thresholds=None, top=10, anchors=None):
    """Return thresholds, top images and all counts; `anchors`: shape of a mask → where the maps stand on it."""
    N, U = activations.shape[:2]
    images = range(N)
    if semantics != "paper":
        images = [
            i
            for i in images
            if any(map(len, data.samples[i][0].values())) or any(any(v) for v in data.samples[i][1].values())
        ]
    T = threshold(activations[list(images)], quantile, semantics) if thresholds is None else thresholds
    C, G = len(data.concepts), len(data.categories)
    column = {c.number: k for k, c in enumerate(data.concepts)}
    category = [data.categories.index(c.category) for c in data.concepts]
    I, truth, A = np.zeros((U, C), np.int64), np.zeros(C, np.int64), np.zeros((U, G), np.int64)
    for x in images:
        masks, whole, shape = data.samples[x]
        sized = upsample_anchored(activations[x], shape, anchors(shape)) if anchors else upsample(activations[x], shape)
        M = sized > T[:, None, None]
        known = [
            ~np.any([m == UNLABELED for m in masks.get(g, ())], axis=0) & np.ones(shape, bool) for g in data.categories
        ]
        planes = [
            (column[n], (np.asarray(layer) == n) & known[category[column[n]]])
            for layers in masks.values()
            for layer in layers
            for n in np.unique(layer)
            if n in column
        ]
        planes = [(c, plane) for c, plane in planes if plane.any()]
        numbers = [column[n] for numbers in whole.values() for n in numbers if n in column]
        everywhere = [(c, known[category[c]]) for c in numbers]
        if semantics == "paper":
            union = {}
            for c, plane in planes + everywhere:
                union[c] = union.get(c, False) | plane
            annotations = list(union.items())
            here = {category[c] for c in union}
            for g in here:
                A[:, g] += (M & known[g]).sum((1, 2))
        else:
            annotations = planes + everywhere
            for g in range(G):
                pixels = np.zeros(shape, bool)
                for c, plane in planes:
                    if category[c] == g:
                        pixels |= plane
                touched = (M & pixels).any((1, 2)) | any(category[c] == g for c, _ in everywhere)
                A[:, g] += (M & known[g]).sum((1, 2)) * touched
        for c, plane in annotations:
            truth[c] += plane.sum()
            I[:, c] += (M & plane).sum((1, 2))
    peak = activations[list(images)].max((2, 3)).T
    order = np.argsort(-peak, axis=1, kind="stable")[:, :top]
    best = np.full((U, top), -1)
    best[:, : order.shape[1]] = np.array(list(images))[order]
    return T, best, I, truth, A
