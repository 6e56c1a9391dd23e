"""A data set, looked through in a notebook: its images and their label planes, concept by concept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import anywidget
import numpy as np
import traitlets

from nbdissect.data.label_index import LabelIndex
from nbdissect.display import cell_output
from nbdissect.display.bundle import STATIC, read
from nbdissect.display.data_html import first_page
from nbdissect.display.data_planes import describe_ceiling, describe_counts, planes_of
from nbdissect.display.session import session
from nbdissect.display.thumbnails import TYPE, Thumbnails
from nbdissect.text import percent, plural, printable, printable_lines, short_name
from nbdissect.validation import check_numbers

if TYPE_CHECKING:
    from nbdissect.display.browse_protocol import DataReply, DataTable, LabelCounts

# Longer than a page takes to ask again, shorter than anybody waits without a sign.
_SECONDS = 0.5
_FIRST_SECONDS = 3.0  # until something is shown
_TITLE = 120  # letters
_LISTED = 12  # concepts, in a terminal


class DataBrowser(anywidget.AnyWidget):
    """The images of a data set and their labels, in a notebook cell: what ``data.browse()`` returns.

    A list of the concepts, with the images that hold each, its share of all pixels, and the highest IoU that a unit
    can reach at the quantile: one that can't pass the cut is marked *out of reach*. Beside it an image, in the
    colors of its labels, or with one concept alone; its planes can be switched off. Without a kernel a first page of it.

    >>> data.browse()  # doctest: +SKIP

    Parameters
    ----------
    data : data set
    first : int
        How many images to count before anything is shown, within three seconds.
    quantile, min_iou : float
        As a dissection will use them.

    Attributes
    ----------
    concept : int or None
        Number of the concept that is looked at; can be set.
    index : int
        The image that is looked at; can be set.
    counted : int
        How many of the first images the counts are of; all, where they come from the data set's own tables.
    """

    _esm = STATIC / "browse.js"
    _style = traitlets.Unicode().tag(sync=True)
    _table = traitlets.Dict().tag(sync=True)
    _concept = traitlets.Int(-1).tag(sync=True)
    index = traitlets.Int(0).tag(sync=True)
    # The id of an element of the page that stands in for it, and is hidden while it is shown.
    stands_for = traitlets.Unicode("").tag(sync=True)

    def __init__(
        self, data: Any, *, first: int = 200, quantile: float = 0.005, min_iou: float = 0.04, **state: Any
    ) -> None:
        check_numbers(quantile=quantile, top=1, batch_size=1, num_workers=0)
        if isinstance(min_iou, bool) or not isinstance(min_iou, (int, float)) or not 0 <= min_iou < 1:
            raise ValueError(f"min_iou={min_iou!r:.40}; a number from 0 to 1 is needed, 1 excluded.")
        if isinstance(first, bool) or not isinstance(first, (int, np.integer)) or first < 0:
            raise ValueError(f"first={first!r:.40}; the number of images to count is needed, at least 0.")
        if not len(data):
            raise ValueError("The data set is empty: len(data) is 0.")
        self._labels = LabelIndex(data, quantile)
        self._images = Thumbnails(data)
        self._place = {concept.number: at for at, concept in enumerate(self._labels.concepts)}
        if not self._labels.told:
            self._labels.count(int(first), _FIRST_SECONDS)
        super().__init__(_style=read("browse.css"), _table=self._make_table(data, quantile, min_iou), **state)
        self.on_msg(self._hear)
        session.register(self)

    @traitlets.validate("index")
    def _check_index(self, proposal: Any) -> int:
        if not 0 <= proposal["value"] < len(self._labels):
            raise traitlets.TraitError(
                f"index={proposal['value']}; the data set has {len(self._labels):,} images, from 0 on."
            )
        return int(proposal["value"])

    @property
    def concept(self) -> int | None:
        """Number of the concept that is looked at; None: all of them."""
        return self._labels.concepts[self._concept].number if self._concept >= 0 else None

    @concept.setter
    def concept(self, number: int | None) -> None:
        if number is not None and number not in self._place:
            raise ValueError(f"concept={number!r:.40}; the number of one of data.concepts is needed, or None.")
        self._concept = -1 if number is None else self._place[number]

    @property
    def counted(self) -> int:
        """How many of the first images the counts are of."""
        return len(self._labels) if self._labels.told else self._labels.counted

    @property
    def labels(self) -> LabelIndex:
        """What is known of the labels."""
        return self._labels

    def _make_table(self, data: Any, quantile: float, min_iou: float) -> DataTable:
        index, text = self._labels, repr(data).strip("<>")
        place = {name: at for at, name in enumerate(index.categories)}
        return {
            "title": printable(text if len(text) <= _TITLE else f"{text[: _TITLE - 1]}…"),
            "images": len(index),
            "categories": [printable(name) for name in index.categories],
            "names": [printable(short_name(concept.name, concept.category)) for concept in index.concepts],
            "category_of": [place[concept.category] for concept in index.concepts],
            "quantile": float(quantile),
            "min_iou": float(min_iou),
            "counts": self._counts(),
        }

    def _counts(self) -> LabelCounts:
        return {"counted": self.counted, "told": self._labels.told, **self._labels.counts()}

    # --- what the page asks ---

    def _hear(self, _: Any, request: Any, __: Any = None) -> None:
        if isinstance(request, Mapping) and "kind" in request:
            session.answered = True
            reply, buffers = self._answer(request)
            self.send(dict(reply), buffers)

    def _answer(self, request: Mapping[str, Any]) -> tuple[DataReply, list[bytes]]:
        """Return the reply to one request of the page and its buffers; never raises."""
        request_id = str(request.get("id", ""))
        try:
            if request["kind"] == "image":
                return self._image(int(request["index"]), request_id)
            if request["kind"] == "find":
                number = self._labels.concepts[int(request["concept"])].number
                step = 1 if request["step"] > 0 else -1
                found, after = self._labels.find(number, int(request["start"]), step, _SECONDS)
                return {"kind": "find", "id": request_id, "found": found, "next": after}, []
            if request["kind"] == "count":
                self._labels.count(len(self._labels), _SECONDS)
                return {"kind": "count", "id": request_id, "counts": self._counts()}, []
            raise ValueError(f"The page asked for {request['kind']!r:.40}, which this version doesn't know.")
        except Exception as error:  # of the user's data set: the page shows it where the image would stand
            return {"kind": "error", "id": request_id, "error": printable_lines(str(error) or type(error).__name__)}, []

    def _image(self, index: int, request_id: str) -> tuple[DataReply, list[bytes]]:
        if not 0 <= index < len(self._labels):
            raise ValueError(f"There is no image {index} in this data set of {len(self._labels):,}.")
        planes = planes_of(self._labels, index)
        return {
            "kind": "image",
            "id": request_id,
            "index": index,
            "type": TYPE,
            "grid": list(planes.grid),
            "planes": [printable(name) for name in planes.categories],
            "concepts": [self._place[number] for number in planes.numbers],
            "shares": planes.shares,
            "whole": [self._place[number] for number in planes.whole],
        }, [self._images.full(index), planes.pixels.astype("<u2").tobytes()]

    # --- shown ---

    def _repr_html_(self) -> str:
        return first_page(self._labels, self._table)

    def _ipython_display_(self) -> None:
        """Display the widget and, after it, hidden while that is answered, a first page; as a gallery is displayed."""
        from IPython.display import display, publish_display_data

        form = cell_output.current_form()
        if form == "live":
            raise NotImplementedError  # to IPython that means: as any widget
        if form == "both":
            self.stands_for = self.stands_for or cell_output.new_name()
            made: Any = self._repr_mimebundle_()
            publish_display_data(*(made if isinstance(made, tuple) else (made, {})))  # type: ignore[no-untyped-call]
        bundle = {"text/plain": repr(self)}
        if form != "text":
            bundle["text/html"] = f'<div id="{self.stands_for}">{self._repr_html_()}</div>'
        display(bundle, raw=True)  # type: ignore[no-untyped-call]

    def __repr__(self) -> str:
        table = self._table
        counts, names = table["counts"], table["names"]
        order = sorted(range(len(names)), key=lambda c: -counts["images"][c])[:_LISTED]
        wide = max([7, *(len(names[c]) for c in order)])
        lines = [f"<DataBrowser of {table['title']}>", describe_counts(table)]
        lines += [f"{'concept':<{wide}}  {'images':>8}  {'pixels':>8}  highest IoU"]
        lines += [
            f"{names[c]:<{wide}}  {counts['images'][c]:>8,}  {percent(counts['shares'][c]):>8}  {describe_ceiling(table, c)}"
            for c in order
        ]
        if len(names) > len(order):
            lines.append(f"… and {plural(len(names) - len(order), 'more concept')}")
        return "\n".join(lines)
