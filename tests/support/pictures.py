"""Pictures and masks in files, small and by chance."""

from __future__ import annotations

import numpy as np
from PIL import Image


def picture(seed=0, size=(12, 16)):
    """Random pixels, uint8 [h, w, 3]."""
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def save_picture(path, seed=0, size=(12, 16)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture(seed, size)).save(path)
    return path


def save_palette(path, values, palette=None):
    """A palette PNG, as Pascal VOC's masks are: the palette's colors are bits of the index."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.asarray(values, dtype=np.uint8)).convert("L")
    image.putpalette(voc_palette().ravel().tolist() if palette is None else palette)
    image.save(path)
    return path


def voc_palette():
    """Pascal VOC's colors, uint8 [256, 3]: bit 3k of the index is a high bit of red, and so on."""
    index = np.arange(256)
    channels = [sum(((index >> (3 * k + c)) & 1) << (7 - k) for k in range(3)) for c in range(3)]
    return np.stack(channels, axis=-1).astype(np.uint8)


def save_array(path, values):
    """A grayscale or RGB PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(values)).save(path)
    return path


def counts(data):
    """Pixels of each concept by name, as the engine counts them, and of unknown ones by category, over a data set."""
    from nbdissect.engine.labels import LabelReader
    from nbdissect.samples import check_dataset

    reader = LabelReader(data.concepts, data.categories)
    names = [concept.name for concept in data.concepts]
    pixels, unknown = dict.fromkeys(names, 0), dict.fromkeys(data.categories, 0)
    checked = check_dataset(data)
    for index in range(len(data)):
        sample = checked[index]
        labels = reader.read(sample, index, sample.shape)
        for column, area in zip(labels.columns, labels.truth, strict=True):
            pixels[names[column]] += int(area)
        if labels.unlabeled is not None:
            found = labels.unlabeled[labels.tuples].sum(0)
            unknown = {category: unknown[category] + int(n) for category, n in zip(unknown, found, strict=True)}
    return pixels, {category: n for category, n in unknown.items() if n}
