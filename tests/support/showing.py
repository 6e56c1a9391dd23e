"""A result in every form in which it is shown, and whether its numbers agree: for whatever a file may hold."""

from __future__ import annotations

import time
import unicodedata
import warnings
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import numpy as np

import nbdissect as nd
from nbdissect.display.html_page import page
from nbdissect.display.replies import answer
from nbdissect.display.saved_output import static_html
from nbdissect.display.snapshot import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


def contradictions(d: Any) -> list[str]:
    """What of a result can't be, written down plainly."""
    found = []

    def must(what: str, holds: Any) -> None:
        if not np.all(holds):
            found.append(what)

    imported, paper = d.stored_iou is not None, d.semantics == "paper"
    place = [d.categories.index(c.category) for c in d.concepts]
    shared, area = np.nan_to_num(d.intersection, nan=0), d.activation[:, place]
    truth = np.broadcast_to(np.where(np.isnan(d.truth), np.inf, d.truth), shared.shape)
    must("shared pixels", (shared >= 0) & (shared <= truth) & ((shared <= area) | imported | (not paper)))
    must("areas", (d.activation >= 0) & np.isfinite(d.activation))
    must("NaN", imported or not (np.isnan(d.iou).any() or np.isnan(d.thresholds).any()))
    iou = np.nan_to_num(d.iou, nan=0)
    must("IoU", (iou >= 0) & (iou <= 1 + 1e-12) if paper else iou >= 0)
    if not imported:
        with np.errstate(invalid="ignore", divide="ignore"):
            union = area + truth - shared
            must("IoU from counts", np.isclose(iou, np.where(union > 0, shared / union, 0)))
        must("pixels", not d.pixels or d.activation.max(initial=0) <= d.pixels)
    for unit in range(len(d.units)):
        best = int(d.best_concepts[unit])
        must("best label", iou[unit].max(initial=0) == (iou[unit, best] if best >= 0 else 0))
        images = d.top_images[unit]
        real = images[images >= 0]
        must("top images", len(set(real)) == len(real) and (images[: len(real)] >= 0).all())
        must("their order", np.diff(d.top_activations[unit][: len(real)]) <= 0)
        must("their maxima", all(d.top_maps[unit, k].max() == d.top_activations[unit, k] for k in range(len(real))))
    if d.data is not None:
        must("indices", d.top_images.max(initial=-1) < len(d.data))
        must("images", d.images <= len(d.data))
    if d.per_image is not None:
        total = d.per_image.total(d.per_image.pixels[:, 0], len(d.units), len(d.concepts))
        for mine, name in zip(total, ("intersection", "truth", "activation", "pixels"), strict=True):
            must(f"sums of {name}", mine == getattr(d, name))
        half = d.over(d.per_image.pixels[::2, 0])
        must("IoU of half the images", (half.iou >= 0) & ((half.iou <= 1 + 1e-12) | (not paper)))
    return found


def is_inert(text: str) -> bool:
    """Whether a text neither steers a terminal nor turns its line round, and can be encoded."""
    strange = {unicodedata.category(sign) for sign in text if sign not in "\n\u200c\u200d"}
    return not strange & {"Cc", "Cf", "Cs", "Zl", "Zp"}


class Shown:
    """What was shown, and how long each form took.

    Attributes
    ----------
    seconds : dict of str to float
        Of this process alone, however busy the machine is.
    wrong : list of str
        What was not as it must be.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.wrong: list[str] = []

    @contextmanager
    def form(self, name: str) -> Iterator[None]:
        """Time one form; whatever it raises is wrong."""
        began = time.process_time()
        try:
            yield
        except Exception as error:
            self.wrong.append(f"{name}: {type(error).__name__}: {error!s:.200}")
        self.seconds[name] = time.process_time() - began

    def text(self, name: str, text: str) -> None:
        """Note a text that is not inert."""
        if not is_inert(text):
            self.wrong.append(f"{name}: signs that are not inert")


def show(result: Any, other: Any, folder: Path) -> Shown:
    """Show what an archive held in every form; nothing may raise, whatever it holds."""
    shown = Shown()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # formulas in names, glyphs that no font has: tested elsewhere
        several = isinstance(result, nd.Dissections)
        named: Mapping[str, Any] = result if several else {result.layer: result}
        for key, d in list(named.items())[:3]:
            with shown.form("numbers"):
                shown.wrong += [f"inconsistent: {what}" for what in contradictions(d)]
            _show_texts(shown, d, other, folder)
            _show_replies(shown, dict(named), key, d)
        with shown.form("page"), suppress(UnreadableError):  # an image in the file that is none
            page(result).encode("utf-8")
        with shown.form("static output"):
            static_html(result, "nbdissect-1").encode("utf-8")
        with shown.form("gallery"):
            result.gallery().close()
    return shown


def _show_texts(shown: Shown, d: Any, other: Any, folder: Path) -> None:
    with shown.form("repr"):
        shown.text("repr", repr(d))
        shown.text("repr of units", repr(d.units) + "".join(repr(unit) for unit in d.units[:20]))
    with shown.form("text"):
        shown.text("text", d.text())
        shown.text("text at 0", d.text(min_iou=0.0))
    with shown.form("summary"):
        d._repr_html_().encode("utf-8")
    with shown.form("ranking"):
        shown.text("ranking", "".join(repr(unit.ranking(5)) for unit in d.units[:20]))
    with shown.form("csv"):
        d.to_csv(folder / "shown.csv")
        d.to_csv(folder / "safe.csv", safe=True)
    with shown.form("plot"):
        _draw(d, folder)
    with shown.form("differences"):
        shown.text("differences", "\n".join(d.differences(other)))
    with shown.form("provenance"):
        shown.text("provenance", f"{d.provenance} {d.provenance!r}")


def _draw(d: Any, folder: Path) -> None:
    import matplotlib.pyplot as plt

    figure = d.plot()
    try:
        figure.savefig(folder / "shown.png", dpi=40)
    finally:
        plt.close(figure)


def _show_replies(shown: Shown, named: dict[str, Any], key: str, d: Any) -> None:
    units = list(range(min(len(d.units), 6)))
    images = [int(image) for image in np.unique(d.top_images[units]) if image >= 0][:12]
    requests = [
        {"kind": "pictures", "images": images},
        {"kind": "maps", "units": units},
        *({"kind": "labels", "unit": unit, "concept": int(d.best_concepts[unit])} for unit in units[:3]),
        *({"kind": "unit", "unit": unit} for unit in units),
    ]
    for request in requests:
        with shown.form(f"reply {request['kind']}"):
            reply, buffers = answer(named, {"id": "1", "key": key, **request})
            assert all(isinstance(buffer, (bytes, memoryview)) for buffer in buffers)
            if reply["kind"] == "error" and "Error:" in reply["error"]:
                assert "ArchiveError" in reply["error"], reply["error"]
