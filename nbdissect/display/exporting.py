"""What a gallery's page takes away from the kernel: the selected units as a page of their own."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nbdissect.display.html_page import page
from nbdissect.display.replies import RefusedError, error_reply
from nbdissect.text import plural

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbdissect.display.gallery_state import GalleryState
    from nbdissect.display.replies import Answer
    from nbdissect.results.dissection import Dissection

MOST_UNITS = 512
"""More would make a page that nobody's browser likes, and keep the kernel busy for minutes."""


def answer_export(
    dissections: Mapping[str, Dissection], request: Mapping[str, Any], state: GalleryState, *, several: bool
) -> Answer:
    """Return the page of some units, which shows them and holds no images of others; never raises."""
    request_id = str(request.get("id", ""))
    try:
        units = _units_of(dissections, request["units"])
        if not units:
            raise RefusedError("No unit is selected.", "Select some first.")
        if sum(map(len, units.values())) > MOST_UNITS:
            raise RefusedError(
                f"A page of {plural(sum(map(len, units.values())), 'unit')} would be too large: {MOST_UNITS} at most.",
                "Select fewer, or write all of them: d.to_html(path).",
            )
        text = page(
            dissections if several else next(iter(dissections.values())),
            state=_only(state, units, several=several),
            units=units,
        )
        reply, buffers = _named(dissections, request_id), [text.encode("utf-8", "xmlcharrefreplace")]
    except Exception as error:
        return error_reply(request_id, error), []
    return reply, buffers


def _units_of(dissections: Mapping[str, Dissection], addresses: list[Any]) -> dict[str, list[int]]:
    units: dict[str, list[int]] = {}
    for address in addresses:
        key, _, number = str(address).rpartition(":")
        if key not in dissections or not number.isdecimal() or int(number) >= len(dissections[key].thresholds):
            raise RefusedError(f"There is no unit {str(address)!r} in this gallery.", "Run the cell again.")
        units.setdefault(key, []).append(int(number))
    return units


def _only(state: GalleryState, units: Mapping[str, list[int]], *, several: bool) -> GalleryState:
    """Return the state in which a gallery shows these units and no others, as far as it can."""
    current = state.current if state.current in units else next(iter(units))
    selected: Any = (
        [f"{key}:{unit}" for key, numbers in units.items() for unit in numbers] if several else units[current]
    )
    return replace(
        state,
        current=current,
        compare=[],
        only="all",
        query="",
        category=[],
        concept=None,
        selected=selected,
        opened="",
        _chosen=units[current],
    )


def _named(dissections: Mapping[str, Dissection], request_id: str) -> Any:
    layer = re.sub(r"[^\w.-]+", "-", "-".join(dissections)).strip("-.")[:60] or "gallery"
    return {"kind": "export", "id": request_id, "name": f"{layer}-selection.html"}
