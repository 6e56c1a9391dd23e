"""Whole dissections small enough for the dense reference, and how to compare and interrupt them."""

from __future__ import annotations

import os
import signal
import warnings

import numpy as np

import nbdissect as nd
from support import dense
from support.data import KINDS, make_activations, make_data

IMAGES = 60


class Case:
    """A network of known activations, small enough for the dense reference."""

    def __init__(self, images=IMAGES, seed=0):
        rng = np.random.default_rng(seed)
        self.activations = make_activations(rng, KINDS, images, (5, 5))
        self.data = make_data(rng, images, [(9, 9), (7, 11)])
        self.model = dense.Playback(layer=self.activations)

    def dissect(self, **options):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self.dissect_loudly(**options)

    def dissect_loudly(self, **options):
        options = {"quantile": 0.05, "batch_size": 4, "progress": False, "transform": dense.spell, **options}
        return nd.dissect(self.model, "layer", data=self.data, **options)

    def first(self, images):
        """What a run over the first images alone gives."""
        part = dense.Data(self.data.concepts, self.data.categories, self.data.samples[:images], (11,))
        return dense.dissect(self.activations[:images], part, 0.05)


def assert_equal(d, reference):
    thresholds, top, intersection, truth, activation = reference
    np.testing.assert_array_equal(d.thresholds, thresholds)
    np.testing.assert_array_equal(d.top_images, top)
    np.testing.assert_array_equal(d.truth, truth)
    np.testing.assert_array_equal(d.activation, activation)
    np.testing.assert_array_equal(d.intersection, intersection)


def interrupt(after, stage="network", times=1):
    """Return a progress callback that presses ■ once so many images are through."""

    def report(progress):
        if progress.stage == stage and progress.done == after:
            for _ in range(times):
                os.kill(os.getpid(), signal.SIGINT)

    return report
