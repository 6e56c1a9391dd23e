"""Archives changed in ways that know their structure: what stands in them is still there, and means something else."""

from __future__ import annotations

import copy
import io
import zipfile
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

import nbdissect as nd
from support.archives import put_together, taken_apart
from support.dissections import HOSTILE, dissection, photographs

if TYPE_CHECKING:
    from pathlib import Path

NAMES = (
    *HOSTILE,
    "\x1b]0;owned\x07\x1b[2J",
    "\x9b31m\u2028\r\n\x00",
    "half \ud800 pair",
    "$\\frac{",
    "$x^2$ and $",
    "=HYPERLINK(A1)",
    "all",
    "",
    " ",
    "x" * 1_024,
    "x" * 5_000,
    "\u0301" * 300,
    "</script><script>",
    "{{7*7}}{%",
    "%s%n\\",
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, -1, 0, 1, 2, 3, 24, 1 << 31, 1 << 40, (1 << 53) + 1, 10**16, 0.5, 1.5, -0.0, 1e308),
    *([], {}, [1], ["a"], {"a": 1}, [0, 0], [6, 1], [1 << 30, 1], "paper", "netdissect-lite", "<i8", "<f8", "|O"),
    *("manifest.json", "../x", "dissections/0/truth.bin", *NAMES),
)


@dataclass
class Parts:
    """An archive taken apart."""

    manifest: dict[str, Any]
    members: dict[str, bytes]

    def arrays(self) -> list[tuple[str, dict[str, Any]]]:
        """Each array's name and its entry."""
        return [(name, spec) for d in self.manifest["dissections"] for name, spec in d["arrays"].items()]

    def read(self, spec: dict[str, Any]) -> np.ndarray:
        """A copy of an array's values."""
        return np.frombuffer(self.members[spec["member"]], spec["dtype"]).reshape(spec["shape"]).copy()

    def put(self, spec: dict[str, Any], values: np.ndarray) -> None:
        """Write other values, of the same dtype, whatever their shape."""
        values = np.ascontiguousarray(values, dtype=spec["dtype"])
        spec["shape"], self.members[spec["member"]] = list(values.shape), values.tobytes()


def bases(folder: Path) -> list[Path]:
    """Write the archives that are changed: with everything, of several layers, imported, of the other program, small."""
    full = photographs()
    results = {
        "full": full,
        "several": nd.Dissections({"layer4": photographs(3), "layer5": photographs(4, layer="layer5", seed=3)}),
        "lite": replace(full, semantics="netdissect-lite", provenance=None, drawings=False),
        "stopped": replace(full, planned=24, seen=24, images=24, provisional=True),
        "plain": dissection(8, top=3),
    }
    results["plain"].to_csv(folder / "plain.csv")
    results["imported"] = nd.read_csv(folder / "plain.csv")
    for name, result in results.items():
        result.save(folder / f"{name}.nbd")
    return [folder / f"{name}.nbd" for name in results]


def mutant(base: Path, path: Path, rng: np.random.Generator) -> str:
    """Write a changed copy of `base` to `path`, and return what was done."""
    parts = Parts(*taken_apart(base))
    done = []
    for _ in range(1 + (rng.random() < 0.3)):
        change = CHANGES[rng.integers(len(CHANGES))]
        # What the first change broke, the second may not find.
        with suppress(ValueError, LookupError, TypeError, AttributeError) if done else nullcontext():
            done.append(f"{change.__name__}{change(parts, rng) or ''}")
    put_together(path, parts.manifest, parts.members)
    if rng.random() < 0.06:
        done.append(_bytes(path, rng))
    return f"{base.stem}: {', '.join(done)}"


def _pick(rng: np.random.Generator, things: Any) -> Any:
    things = list(things)
    return things[rng.integers(len(things))]


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [*([path] if path else []), *(place for key in inner for place in _places(value[key], (*path, key)))]


def _owner(manifest: Any, path: tuple[Any, ...]) -> Any:
    for key in path[:-1]:
        manifest = manifest[key]
    return manifest


def _place(parts: Parts, rng: np.random.Generator) -> tuple[Any, ...]:
    """Any place of the manifest; those of images, which are most, not more often than the rest."""
    places = _places(parts.manifest)
    images = [place for place in places if place[0] == "data"]
    others = [place for place in places if place[0] != "data"]
    return _pick(rng, images if images and rng.random() < 0.3 else others)


# --- the manifest ---


def entry(parts: Parts, rng: np.random.Generator) -> str:
    """Another value somewhere."""
    place = _place(parts, rng)
    _owner(parts.manifest, place)[place[-1]] = copy.deepcopy(_pick(rng, VALUES))
    return f" {place}"


def removed(parts: Parts, rng: np.random.Generator) -> str:
    """Something is missing."""
    place = _place(parts, rng)
    del _owner(parts.manifest, place)[place[-1]]
    return f" {place}"


def added(parts: Parts, rng: np.random.Generator) -> str:
    """Something stands there twice, or is new."""
    place = _place(parts, rng)
    owner = _owner(parts.manifest, place)
    if isinstance(owner, list):
        owner.insert(int(rng.integers(len(owner) + 1)), copy.deepcopy(owner[place[-1]]))
    else:
        owner[_pick(rng, NAMES)] = copy.deepcopy(_pick(rng, VALUES))
    return f" {place}"


def nudged(parts: Parts, rng: np.random.Generator) -> str:
    """A number is another, near or far."""
    numbers = [p for p in _places(parts.manifest) if type(_owner(parts.manifest, p)[p[-1]]) in (int, float)]
    place = _pick(rng, numbers)
    owner = _owner(parts.manifest, place)
    owner[place[-1]] = _pick(
        rng, [owner[place[-1]] + 1, owner[place[-1]] - 1, owner[place[-1]] * 2, owner[place[-1]] * 1_000, 0]
    )
    return f" {place}"


def renamed(parts: Parts, rng: np.random.Generator) -> None:
    """Every name is somebody else's, consistently."""
    name = _pick(rng, NAMES)
    categories = {
        category: f"{name}{k}" for d in parts.manifest["dissections"] for k, category in enumerate(d["categories"])
    }
    for owner in (*parts.manifest["dissections"], *parts.manifest["data"]):
        owner["categories"] = [categories.get(category, category) for category in owner["categories"]]
        owner["concepts"] = [[n, f"{name}{n}" if name else name, categories.get(c, c)] for n, _, c in owner["concepts"]]
        for sample in owner.get("samples", ()):
            for key in ("layers", "whole"):
                sample[key] = {categories.get(c, c): value for c, value in sample[key].items()}
    for k, d in enumerate(parts.manifest["dissections"]):
        d["layer"] = d["key"] = d["model"] = name[:1_000] + (str(k) if k else "")
        d["provenance"] = None


def shuffled(parts: Parts, rng: np.random.Generator) -> str:
    """A list in another order."""
    lists = [p for p in _places(parts.manifest) if isinstance(_owner(parts.manifest, p)[p[-1]], list)]
    place = _pick(rng, lists)
    rng.shuffle(_owner(parts.manifest, place)[place[-1]])
    return f" {place}"


def many_categories(parts: Parts, rng: np.random.Generator) -> None:
    """Categories that no concept has, and areas for them."""
    more = int(_pick(rng, [1, 500, 1_000, 60_000]))
    for d in parts.manifest["dissections"]:
        d["categories"] += [f"g{k}" for k in range(more)]
        d["provenance"] = None
        for name in ("activation", "per_image.area_categories"):
            if name in d["arrays"]:
                values = parts.read(d["arrays"][name])
                parts.put(d["arrays"][name], np.hstack([values, np.zeros((len(values), more), values.dtype)]))


def many_concepts(parts: Parts, rng: np.random.Generator) -> None:
    """Concepts that never occur."""
    more = int(_pick(rng, [1, 200, 20_000]))
    for d in parts.manifest["dissections"]:
        last = max((n for n, _, _ in d["concepts"]), default=0)
        d["concepts"] += [[last + k, f"c{k}", d["categories"][0]] for k in range(1, more + 1)]
        for name in ("intersection", "truth", "stored_iou"):
            if name in d["arrays"]:
                values = parts.read(d["arrays"][name])
                fill = np.full((*values.shape[:-1], more), np.nan if values.dtype.kind == "f" else 0, values.dtype)
                parts.put(d["arrays"][name], np.concatenate([values, fill], axis=-1))


def many_units(parts: Parts, rng: np.random.Generator) -> None:
    """Units again and again."""
    times = int(_pick(rng, [0, 2, 100, 2_000]))
    for d in parts.manifest["dissections"]:
        for name in (
            "thresholds",
            "intersection",
            "activation",
            "top_images",
            "top_activations",
            "top_maps",
            "stored_iou",
            "stored_best",
        ):
            if name in d["arrays"]:
                values = parts.read(d["arrays"][name])
                parts.put(d["arrays"][name], np.concatenate([values] * times) if times else values[:0])
        for name in [name for name in d["arrays"] if name.startswith("per_image.")]:
            del parts.members[d["arrays"].pop(name)["member"]]


def other_tops(parts: Parts, rng: np.random.Generator) -> None:
    """None, fewer, or larger maps."""
    keep, scale = int(rng.integers(0, 4)), int(_pick(rng, [1, 1, 3, 40]))
    for d in parts.manifest["dissections"]:
        for name in ("top_images", "top_activations", "top_maps"):
            values = parts.read(d["arrays"][name])[:, :keep]
            parts.put(
                d["arrays"][name],
                np.kron(values, np.ones((1, 1, scale, scale), values.dtype)) if name == "top_maps" else values,
            )


# --- arrays ---


def one_value(parts: Parts, rng: np.random.Generator) -> str:
    """One number of an array."""
    name, spec = _pick(rng, parts.arrays())
    values = parts.read(spec)
    if values.size:
        choice = [0, 1, 1 << 20] if values.dtype.kind in "ib" else [0, 1, -1, np.nan, np.inf, 1e30]
        more = [-1, 1 << 40, np.iinfo(np.int64).max, np.iinfo(np.int64).min] if values.dtype.kind == "i" else []
        at = tuple(int(rng.integers(length)) for length in values.shape)
        near = [values[at] + 1, values[at] - 1] if values.dtype.kind == "i" else []
        with np.errstate(all="ignore"):
            values[at] = _pick(rng, [*choice, *more, *near])
    parts.put(spec, values)
    return f" {name}"


def all_values(parts: Parts, rng: np.random.Generator) -> str:
    """All numbers of an array."""
    name, spec = _pick(rng, parts.arrays())
    values = parts.read(spec)
    with np.errstate(all="ignore"):
        change = _pick(
            rng,
            [
                lambda v: v * 0,
                lambda v: v[::-1],
                lambda v: v * 7,
                lambda v: v + 1,
                lambda v: v * 0 + 1,
                rng.permutation,
                lambda v: v[:, ::-1] if v.ndim > 1 else v,
            ],
        )
        parts.put(spec, change(values))
    return f" {name}"


def other_shape(parts: Parts, rng: np.random.Generator) -> str:
    """Another shape, with the bytes for it or without."""
    name, spec = _pick(rng, parts.arrays())
    values = parts.read(spec)
    kind = rng.integers(5)
    if kind == 0:
        spec["shape"] = spec["shape"][::-1]
    elif kind == 1 and values.ndim > 1:
        parts.put(spec, values.swapaxes(0, 1))
    elif kind == 2:
        parts.put(spec, values[:-1] if rng.random() < 0.5 else np.concatenate([values, values[-1:]]))
    elif kind == 3:
        spec["shape"] = [int(_pick(rng, [0, 1, 1 << 20, 1 << 39])) for _ in spec["shape"]]
        parts.members[spec["member"]] = b"" if 0 in spec["shape"] else parts.members[spec["member"]]
    else:
        parts.put(spec, values[..., :0])
    return f" {name}"


def other_dtype(parts: Parts, rng: np.random.Generator) -> str:
    """The same bytes, or the same numbers, as another dtype."""
    name, spec = _pick(rng, parts.arrays())
    values, dtype = parts.read(spec), str(_pick(rng, ["<f8", "<i8", "<f4", "|b1", ">i8", "<i4"]))
    spec["dtype"] = dtype
    if rng.random() < 0.7:
        with np.errstate(all="ignore"):
            parts.members[spec["member"]] = values.astype(dtype).tobytes()
    return f" {name}"


def together(parts: Parts, rng: np.random.Generator) -> None:
    """Counts that change in all places together, so that they still agree."""
    factor = int(rng.integers(0, 4))
    for d in parts.manifest["dissections"]:
        for name in ("intersection", "truth", "activation"):
            parts.put(d["arrays"][name], parts.read(d["arrays"][name]) * factor)
        for name in ("per_image.intersection", "per_image.truth", "per_image.area", "per_image.pixels"):
            if name in d["arrays"]:
                values = parts.read(d["arrays"][name])
                values[:, -1] *= factor
                parts.put(d["arrays"][name], values)
        d["pixels"] *= factor


def zeros(parts: Parts, rng: np.random.Generator) -> None:
    """Dead units by the thousand, which pack to nothing."""
    units = int(_pick(rng, [1_000, 50_000, 1_000_000]))
    for d in parts.manifest["dissections"]:
        for name in list(d["arrays"]):
            spec = d["arrays"][name]
            if name.startswith("per_image."):
                del parts.members[d["arrays"].pop(name)["member"]]
            elif name != "truth":
                shape = [units, *spec["shape"][1:]]
                if name.startswith("top_"):
                    shape[1] = 0
                parts.put(spec, np.full(shape, -1 if name == "stored_best" else 0, spec["dtype"]))


# --- members ---


def _image(rng: np.random.Generator) -> bytes:
    kind, mode, size = (
        _pick(rng, ["PNG", "JPEG", "WEBP", "GIF"]),
        _pick(rng, ["RGB", "L"]),
        _pick(rng, [(1, 1), (48, 48), (24, 24), (3_000, 3_000)]),
    )
    file = io.BytesIO()
    Image.new(mode, size).save(file, kind)
    return file.getvalue()


def other_member(parts: Parts, rng: np.random.Generator) -> str:
    """The bytes of a member are damaged, cut, swapped, or another file's."""
    name = _pick(rng, parts.members)
    content = bytearray(parts.members[name])
    kind = rng.integers(6)
    if kind == 0 and content:
        for _ in range(1 + int(rng.integers(8))):
            content[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
    elif kind == 1:
        del content[int(rng.integers(len(content) + 1)) :]
    elif kind == 2:
        other = _pick(rng, parts.members)
        content, parts.members[other] = bytearray(parts.members[other]), bytes(content)
    elif kind == 3:
        content = bytearray(_image(rng))
    elif kind == 4:
        content = bytearray(b"<svg onload=alert(1)>")
    else:
        parts.members[_pick(rng, ["extra.bin", "dissections/0/x", "a" * 300])] = b"x"
    parts.members[name] = bytes(content)
    return f" {name}"


def image(parts: Parts, rng: np.random.Generator) -> str:
    """An image or its labels, with what the manifest says of them."""
    samples = [sample for data in parts.manifest["data"] for sample in data["samples"]]
    if not samples:
        return ""
    sample = _pick(rng, samples)
    side = int(_pick(rng, [1, 24, 192, 193, 4_000, 13_000]))
    if rng.random() < 0.5:
        file = io.BytesIO()
        picture = Image.new(_pick(rng, ["RGB", "L", "P", "RGBA", "I;16", "1"]), (min(side, 4_000), min(side, 4_000)))
        picture.save(file, "PNG")
        sample["labels"] = sample["labels"] or "data/0/labels/new.png"
        parts.members[sample["labels"]] = file.getvalue()
        sample["shape"], sample["layers"] = [side, side], {parts.manifest["data"][0]["categories"][0]: 1}
    else:
        file = io.BytesIO()
        Image.new("RGB", (side, 7)).save(file, "WEBP" if sample["type"] == "image/webp" else "JPEG")
        parts.members[sample["image"]], sample["size"] = file.getvalue(), [7, side]
    return f" of side {side}"


def _bytes(path: Path, rng: np.random.Generator) -> str:
    """The file itself: its directory, its end, something before it."""
    content = bytearray(path.read_bytes())
    kind = int(rng.integers(5))
    if kind == 0:
        content[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
    elif kind == 1:
        content[-int(rng.integers(1, 3_000)) % len(content)] = int(rng.integers(256))
    elif kind == 2:
        del content[int(rng.integers(len(content))) :]
    elif kind == 3:
        content = bytearray(rng.bytes(100)) + content
    else:
        with zipfile.ZipFile(io.BytesIO(bytes(content))) as file:
            names = [info for info in file.infolist() if info.file_size]
        at = content.rindex(_pick(rng, names).filename.encode()) - 46
        content[at + 24 : at + 28] = int(rng.integers(1 << 32)).to_bytes(4, "little")
    path.write_bytes(content)
    return f"bytes {kind}"


CHANGES = (
    *(entry, entry, removed, added, nudged, nudged, renamed, shuffled, many_categories, many_concepts, many_units),
    *(
        other_tops,
        one_value,
        one_value,
        one_value,
        all_values,
        other_shape,
        other_dtype,
        together,
        zeros,
        other_member,
        image,
        image,
    ),
)
