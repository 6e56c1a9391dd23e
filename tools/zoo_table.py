"""Write docs/zoo.md, the table of what was read of each network of the zoo."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_LIBRARIES = {
    "torchvision": "torchvision",
    "timm": "timm",
    "transformers": "transformers",
    "open_clip": "open_clip_torch",
    "segmentation_models": "segmentation-models-pytorch",
}
_HEAD = """# The zoo: networks of other people, and what is read of them

`tools/zoo.py` (`pip install 'nbdissect[zoo]'`) makes {networks} networks with random weights, one
after the other, and holds what nbdissect reads of their layers, without a special argument, against
what their own library says.

- **Right**: the library itself hands out maps of its stages (`forward_intermediates` of timm and
  open_clip, `hidden_states` of transformers, feature extraction of torchvision, encoders of
  segmentation_models). A layer that returns one of them, in whatever order, is read as just these
  maps, value for value.
- **Refused**: nbdissect says that it can't tell, and why; `output=` then says what is meant.
- **Wrong**: read as other maps, without a word. **There must be none**: the script ends with an
  error if there is one.
- **In place**: a patch of the image is changed, and in the maps of every layer of at least 4 × 4
  the change should be largest near it. That asks all layers, not the stages alone. A layer that
  mixes all places, such as attention before it is added to its input, can't pass: those that failed
  were reasons to look, and are no mistakes by themselves.

{date}, with {versions}.

| library | networks | layers of stages: right | refused | wrong | layers read | in place |
|---|---:|---:|---:|---:|---:|---:|
"""


def write_table(path: Path, results: Sequence[Mapping[str, Any]]) -> None:
    """Write the page from what was found of each network."""
    versions = ",\n".join(f"{name} {version(name)}" for name in ("torch", *_LIBRARIES.values()))
    lines = [
        _HEAD.format(
            networks=len(results), date=dt.datetime.now(tz=dt.timezone.utc).date().isoformat(), versions=versions
        ).rstrip()
    ]
    by_library = {library: [one for one in results if one["library"] == library] for library in _LIBRARIES}
    lines += [_row(_counts(library, found)) for library, found in by_library.items() if found]
    for library, found in by_library.items():
        if found:
            lines += ["", f"## {library}", ""]
            lines += ["| network | deepest stage that is read | shape read | result | layers read | in place |"]
            lines += ["|---|---|---|---|---:|---:|"]
            lines += [_row(_network(one)) for one in found]
            lines += _reasons(found)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _row(cells: Sequence[object]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def _counts(library: str, found: Sequence[Mapping[str, Any]]) -> list[object]:
    verdicts = Counter(stage["verdict"] for one in found for stage in one["stages"])
    examined = [one for one in found if not one["failed"]]
    layers, read, places = (sum(one[key] for one in examined) for key in ("layers", "read", "places"))
    near = places - sum(len(one["elsewhere"]) for one in examined)
    counts = [f"{verdicts[verdict]:,}" for verdict in ("right", "refused", "wrong")]
    return [library, len(found), *counts, f"{read:,} of {layers:,}", f"{near:,} of {places:,}"]


def _network(one: Mapping[str, Any]) -> list[object]:
    if one["failed"]:
        return [one["name"], "", "", f"not examined: {one['failed'][:120]}", "", ""]
    right = [stage for stage in one["stages"] if stage["verdict"] == "right"]
    last = [stage for stage in right if stage["shape"] == right[-1]["shape"]]
    deepest = min(last[::-1], key=lambda stage: stage["layer"].count("."), default={"layer": "", "shape": ""})
    verdicts = Counter(stage["verdict"] for stage in one["stages"])
    result = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items(), reverse=True))
    near = one["places"] - len(one["elsewhere"])
    layer = f"`{deepest['layer']}`" if deepest["layer"] else ""
    cells = [one["name"], layer, deepest["shape"], result.replace("nowhere", "returned by no module")]
    return [*cells, f"{one['read']} of {one['layers']}", f"{near} of {one['places']}"]


def _reasons(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a line for each network of which something was refused: the shallowest such layer, and why."""
    lines = []
    for one in found:
        refused = [stage for stage in one["stages"] if stage["verdict"] == "refused"]
        if refused:
            first = min(refused, key=lambda stage: stage["layer"].count("."))
            lines.append(_row([one["name"], f"`{first['layer']}`", first["reason"][:260]]))
    return ["", "| network | first layer that is refused | it |", "|---|---|---|", *lines] if lines else []
