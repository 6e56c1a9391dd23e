"""The gallery: a layer's units, browsed in a notebook cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import ipywidgets
import traitlets

from nbdissect.display.bundle import STATIC, read
from nbdissect.display.dissection_table import tables_of
from nbdissect.display.exporting import answer_export
from nbdissect.display.filtering import shown_units
from nbdissect.display.gallery_settings import CheckedSettings
from nbdissect.display.gallery_state import GalleryState, starting_comparison, starting_only
from nbdissect.display.replies import answer, strips, thumbnails_of
from nbdissect.display.session import session
from nbdissect.display.showable import checked, listed, newer_of
from nbdissect.display.user_names import user_names
from nbdissect.results.dissection import MIN_IOU, Dissection

if TYPE_CHECKING:
    from nbdissect.display.replies import Answer


class Gallery(CheckedSettings):
    """A gallery of the units of one dissection, or of several by name.

    >>> g = d.gallery()  # doctest: +SKIP
    >>> g.query, g.min_iou = "wheel", 0.1  # doctest: +SKIP
    >>> [d.units[u].label for u in g.selected]  # doctest: +SKIP

    Every trait below can be read, set and observed; the page follows, and what people do in the
    page arrives here. Units are numbers where the gallery shows one dissection, and addresses
    (``"layer3:17"``, name and number) where it shows several by name.

    Parameters
    ----------
    dissections : Dissection or mapping of str to Dissection
    **state
        Initial values of the traits below.

    Attributes
    ----------
    selected : list of int or str
        The units that are ticked, in the order in which they were.
    query : str
        Words that all begin a word of the unit's concept or category, or are its number or address.
        A comma is an "or"; what stands in quotes is meant exactly so: ``'wheel, "car door"'``.
    min_iou : float
        The cut between detectors and unlabeled units.
    only : {"detectors", "unlabelled", "all"}
        "all" to begin with where no unit passes the cut.
    category : list of str
        Categories of concept to show; empty = all.
    concept : int or None
        Number of the concept to show; None = all.
    sort : {"iou", "unit", "concept", "activation"}
    shown : list of int or str
        The units of `current` that pass the filter, in order. Set it to choose units freely: other filters
        are then cleared, and apply within the choice; set it to None to end the choice. Given to
        ``d.gallery(shown=…)`` together with filters, these apply within the choice at once.
    overlay : {"mask", "outline", "heat", "none"}
    current : str
        Name of the dissection that is shown.
    compare : list of str
        Names of the dissections that are compared; empty = one at a time. Two stand side by side,
        concept by concept; three to eight have their graphs on one axis. To begin with: both of
        two, where they are versions of one thing over one data set, such as a trained and an
        untrained network. Two layers of one network begin one at a time.
    change : list of {"gained", "lost", "kept"}
        Side by side: which concepts to show; empty = all. Gained ones are detected only on the
        right, lost ones only on the left, kept ones on both.
    opened : str
        Address of the unit whose details are open, such as ``"layer3:17"``; empty = none.

    Raises
    ------
    ValueError
        If there is nothing to show, or results from drawings and from photographs are mixed.
    """

    _esm = STATIC / "gallery.js"

    def __init__(self, dissections: Dissection | Mapping[str, Dissection], **state: Any) -> None:
        several = isinstance(dissections, Mapping)
        self._dissections = checked(dissections)
        unknown = [name for name in state if name not in self.trait_names() or name.startswith("_")]
        if unknown:
            raise ValueError(f"Gallery has no setting {unknown[0]!r}; it has {', '.join(_SETTINGS)}.")
        first = next(iter(self._dissections))
        within = {name: state[name] for name in ("query", "category", "concept", "only") if name in state}
        cut = state.get("min_iou", MIN_IOU)
        min_iou = cut if isinstance(cut, int | float) else MIN_IOU  # which the trait refuses below
        state.setdefault("only", starting_only(self._dissections.values(), min_iou))
        if not {"current", "shown"} & set(state):  # which ask for one of them
            state.setdefault("compare", starting_comparison(self._dissections))
        self._filtering = False
        self._pushed: dict[str, set[int]] = {}
        super().__init__(
            _tables=tables_of(self._dissections),
            _style=read("gallery.css"),
            _several=several,
            **{"current": first, **{name: value for name, value in state.items() if name != "shown"}},
        )
        self.on_msg(self._reply)
        self._sought: tuple[str, str] | None = None
        self._note_concept()
        self.observe(self._note_concept, names=["concept"])
        self.observe(self._switch, names=["current"])
        self.observe(self._filter, names=[*_FILTERS, "_chosen"])
        self.observe(self._choose, names=["shown"])
        self._filter()
        if "shown" in state:
            self.shown = state["shown"]
            for name, value in within.items():  # given together with a choice, filters apply within it
                setattr(self, name, value)
        session.register(self)
        self._learn_names()
        session.after_each_cell(self._learn_names)

    # --- what the page asks ---

    def _reply(self, _: Any, request: Any, __: Any = None) -> None:
        if isinstance(request, Mapping) and "kind" in request:
            session.answered = True
            if request["kind"] == "hello":
                return
            reply, buffers = self._answer(request)
            self.send(dict(reply), buffers)

    def _answer(self, request: Mapping[str, Any]) -> Answer:
        if request["kind"] == "export":
            return answer_export(self._dissections, request, self.state(), several=self._several)
        return answer(self._dissections, request)

    # --- while it computes ---

    def update(self, dissections: Dissection | Mapping[str, Dissection]) -> None:
        """Show newer results of the same layers in the place of those shown.

        Filter, order, selection and the opened unit stay, and so does what the page is scrolled to.
        Images that it has already are kept; it asks for the maps of units whose images changed.

        Parameters
        ----------
        dissections : Dissection or mapping of str to Dissection
            Of the names that the gallery shows, with as many units, over the same data set.

        Raises
        ------
        ValueError
            If these are other layers, or results over another data set.

        Examples
        --------
        >>> g.update(d_after_more_images)  # doctest: +SKIP
        """
        newer = newer_of(self._dissections, checked(dissections))
        for d in newer.values():
            if d.data is not None:
                thumbnails_of(d)  # before the older results let go of the images encoded for them
        with self.hold_sync():
            self._dissections = newer
            self._tables = tables_of(newer)
            self._learn_names()
            concepts = newer[self.current].concepts
            # A concept may have another number now, or, after few images, not be there yet.
            self.concept = next((concept.number for concept in concepts if concept[1:] == self._sought), None)
            self._note_concept()
            self._filter()

    def push(self, units: Iterable[int | str]) -> None:
        """Send the strips of some units to the page, which can't ask while the kernel computes.

        Parameters
        ----------
        units : iterable of int or str
            Numbers, or addresses where the gallery shows several dissections; at most 256 of each.
            Images that were pushed before are not sent again.

        Raises
        ------
        ValueError
            If a unit isn't in this gallery, its images are not at hand, or they are too many.
        OSError
            If the data set can't give any of the images.

        Examples
        --------
        >>> g.push(g.shown[:32])  # doctest: +SKIP
        """
        wanted: dict[str, list[int]] = {}
        for unit in units:
            try:
                name, _, number = self._address(unit).rpartition(":")
            except traitlets.TraitError as error:
                raise ValueError(str(error)) from None
            wanted.setdefault(name, []).append(int(number))
        names = {table["key"]: table["photographs"] for table in self._tables}
        for key, numbers in wanted.items():
            sent = self._pushed.setdefault(names[key], set())
            message, buffers = strips(self._dissections[key], key, names[key], list(dict.fromkeys(numbers)), sent)
            sent.update(message["pictures"]["images"])
            self.send(dict(message), buffers)

    # --- filtering ---

    def _note_concept(self, _: Any = None) -> None:
        """Note what the number of the concept means: another dissection may number its concepts otherwise."""
        concepts = self._dissections[self.current].concepts
        self._noted = self.concept
        self._sought = next((concept[1:] for concept in concepts if concept.number == self.concept), None)

    def _switch(self, _: Any) -> None:
        """Look for the same concept in the dissection that is shown now; units chosen by number were the other's."""
        concepts = self._dissections[self.current].concepts
        self._chosen = None
        if self.concept == self._noted:  # otherwise another one came with the name, and is noted next
            self.concept = next((concept.number for concept in concepts if concept[1:] == self._sought), None)

    def _filter(self, _: Any = None) -> None:
        units = shown_units(self._dissections[self.current], self.current, self.state())
        self._filtering = True
        try:
            self.shown = [self._name(unit) for unit in units]
        finally:
            self._filtering = False

    def _choose(self, change: Any) -> None:
        if self._filtering:
            return
        chosen = None if change["new"] is None else [self._number(unit) for unit in change["new"]]
        with self.hold_sync():
            self.unobserve(self._filter, names=[*_FILTERS, "_chosen"])
            try:
                if chosen is not None:
                    self.query, self.category, self.concept, self.only = "", [], None, "all"
                self._chosen = chosen
            finally:
                self.observe(self._filter, names=[*_FILTERS, "_chosen"])
            self._filter()

    # --- shown, closed, shown again ---

    @property
    def result(self) -> Dissection | dict[str, Dissection]:
        """What it was made of: one dissection, or several by name."""
        return self._dissections if self._several else next(iter(self._dissections.values()))

    def state(self) -> GalleryState:
        """Return what it looks like now, for a page without a kernel that begins so."""
        return GalleryState(**{each.name: getattr(self, each.name) for each in fields(GalleryState)})

    def _ipython_display_(self) -> None:
        from nbdissect.display.cell_output import show_gallery

        show_gallery(self)

    @property
    def model_id(self) -> Any:
        """The id of its model, which is opened for whoever asks."""
        if self.comm is None:
            super().open()
        return super().model_id

    def open(self) -> None:
        """Open its model, if somebody may be there: the state of a saved widget makes pages ask others for code."""
        if session.watched:
            super().open()

    def _learn_names(self) -> None:
        """Note what the user calls what is shown now: for code that is copied from the page, never another's name."""
        names = user_names(session.namespace, self._dissections, several=self._several)
        self._whole, self._names = names

    def close(self) -> None:
        """Remove every view; what stands in for it takes their place. Showing it once more opens it anew, as it was left."""
        if self.comm is None:
            return
        session.forget_displayed(self)
        layout = self.layout
        super().close()
        layout.close()
        self.__dict__.pop("_repr_mimebundle_", None)  # which the base class sets to None, for good
        self._model_id = None

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        if self.comm is None:
            self.layout = ipywidgets.Layout()
            self.open()
        session.note_displayed(self)
        return super()._repr_mimebundle_(**kwargs)

    def __repr__(self) -> str:
        return f"<Gallery of {listed(self._dissections)}>"


_FILTERS = ("query", "min_iou", "only", "category", "concept", "sort", "current")
_SETTINGS = [*(each.name for each in fields(GalleryState) if not each.name.startswith("_")), "shown"]


def gallery(dissections: Dissection | Mapping[str, Dissection], **state: Any) -> Gallery:
    """Return a gallery of one dissection, or of several by name, to browse in a notebook; see :class:`Gallery`.

    Two networks over one data set open as a comparison: what was gained, lost and kept.

    >>> nd.gallery({"layer3": d3, "layer4": d4})  # doctest: +SKIP
    >>> nd.gallery({"untrained": d0, "trained": d})  # doctest: +SKIP
    """
    return Gallery(dissections, **state)
