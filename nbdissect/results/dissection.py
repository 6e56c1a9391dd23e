"""The result of a dissection: what every unit of one layer detects, and what can be done with it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nbdissect.results.evidence import Evidence
from nbdissect.results.layer_scores import DRAWINGS
from nbdissect.results.scores import MIN_IOU
from nbdissect.results.summary import Summary, summarize
from nbdissect.results.units import Units
from nbdissect.text import plural, printable

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    import torch
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray
    from PIL.Image import Image

    from nbdissect.display.gallery import Gallery
    from nbdissect.results.explanation import Explanation

__all__ = ["DRAWINGS", "MIN_IOU", "Dissection"]


class Dissection(Evidence):
    """What the units of one layer detect, with the counts from which every score follows.

    Shapes: U units, C concepts, G categories, N images. The fields can't be set: ``dataclasses.replace`` makes a
    changed copy.

    Attributes
    ----------
    layer, model : str
        Dotted name of the layer, class name of the network.
    semantics : {"paper", "netdissect-lite"}
    quantile : float
        Share of a unit's activations that lies above its threshold (NaN: not known).
    categories : tuple of str
    concepts : tuple of Concept
        Column order of `iou`, ascending by number.
    thresholds : float32 [U]
    intersection : int64 [U, C]
        Pixels in both the unit's mask and the concept. Float with NaN where an imported file
        does not hold them; likewise `truth` and `activation`.
    truth : int64 [C]
        Pixels of the concept.
    activation : int64 [U, G]
        Pixels of the unit's mask, over the images that carry the category.
    top_images : int64 [U, top]
        Indices into the data set, strongest first; -1 = none.
    top_activations : float32 [U, top]
        The unit's maximum in each of them; NaN = none.
    top_maps : float32 [U, top, h, w]
        The unit's raw activation map in each of them.
    images : int
        Number of images that were counted (0: not known).
    seen, planned : int
        Images that the network saw, and was to see (0: as many as were counted). Thresholds and top
        images are those of the images seen.
    provisional : bool
        Whether the run still goes on.
    pixels : int
        Number of the counted images' mask pixels (0: not known).
    per_image : PerImage or None
    drawings : bool
        Whether the images are drawings and the network was not made for them.
    data : object
        The data set, for its images; None where it is not at hand.
    thresholds_given : bool
        Whether the thresholds came from outside, so that `quantile` played no part.
    stored_iou, stored_best : arrays or None
        What an imported file says itself, where it is not to be computed.
    provenance : Provenance or None
        What made the result; None where that is not known.
    receptive_field : ReceptiveField or None
        Where the activations stand in the image (``.first``, ``.step``, ``.image``, in pixels of what the network was fed),
        with ``upsample="receptive-field"``. None: a map covers the image evenly.
    silent : int64 [U] or None
        In how many of its top images, the last ones, the unit is silent: its maximum there is its minimum
        over all images seen, so they are no examples of it, and any others would do as well. None where
        that is not known: in archives of earlier versions, and in imported tables.
    category_pixels : int64 [G] or None
        Mask pixels of the images that carry each category, which correlations need; None where that is not
        known, as for `silent`.
    run : object
        How the network was run, for :meth:`explain`; it holds the network only as long as somebody else does. None
        where this session didn't run it: it goes into no archive and no pickle.

    Two results are equal (``==``) where all their numbers are; :meth:`differences` names what differs.
    """

    @property
    def units(self) -> Units:
        """The units of the layer, by number: ``d.units[412].label``; ``d.units[[3, 5]]`` shows some as pictures."""
        return Units(self)

    def summary(self, min_iou: float = MIN_IOU) -> Summary:
        """Return the counts of detectors by category under both rules, and the concepts that were out of reach.

        ``.report`` counts a unit once, for its best concept over all categories. ``.paper`` counts
        it in every category in which its best concept passes the cut, as the paper's tables do.
        """
        return summarize(self, min_iou)

    # --- subsets ---

    def over(self, images: Sequence[int] | NDArray[np.integer]) -> Dissection:
        """Return the same units and thresholds scored over some of the images (``per_image=True`` only).

        An index that is listed twice counts twice, so a bootstrap sample is one call. Thresholds and
        top images stay those of the whole data set. What is returned keeps its counts per image, too.

        Parameters
        ----------
        images : sequence of int, or of bool
            Indices into the data set, or one bool for each of its images.

        Raises
        ------
        ValueError
            If the dissection kept no counts per image, or an index is not among its images.
        """
        if self.per_image is None:
            raise ValueError("This dissection kept no counts per image. Keep them: nd.dissect(…, per_image=True).")
        chosen = np.atleast_1d(np.asarray(images))
        if chosen.dtype == bool and self.data is not None and chosen.shape == (len(self.data),):
            chosen = np.flatnonzero(chosen)
        if chosen.ndim != 1 or (chosen.dtype.kind not in "iu" and len(chosen)):
            raise ValueError(
                f"images is a {chosen.dtype} array of shape {list(chosen.shape)}; indices of images, or one bool for each image, are needed."
            )
        chosen = chosen.astype(np.int64)
        uncounted = np.setdiff1d(chosen, self.per_image.pixels[:, 0])
        if len(uncounted):
            raise ValueError(
                f"Image {uncounted[0]} was not counted in this dissection of {plural(self.images, 'image')}."
            )
        intersection, truth, activation, pixels = self.per_image.total(chosen, len(self.thresholds), len(self.concepts))
        return replace(
            self,
            intersection=intersection,
            truth=truth,
            activation=activation,
            images=len(chosen),
            pixels=pixels,
            category_pixels=self._category_pixels(chosen),
            per_image=self.per_image.over(chosen),
        )

    def _category_pixels(self, images: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Return the mask pixels of the images that carry each category; None where counts per image don't say."""
        assert self.per_image is not None
        every, some = (
            self.per_image.category_pixels(these, self.category_of, len(self.categories))
            for these in (self.per_image.pixels[:, 0], images)
        )
        # What nobody has labeled is known only within the units' masks.
        return some if self.category_pixels is not None and np.array_equal(every, self.category_pixels) else None

    # --- one image ---

    def explain(
        self,
        image: Image | str | os.PathLike[str] | NDArray[np.uint8] | int,
        model: torch.nn.Module | None = None,
        top: int = 5,
        *,
        transform: Callable[[Image], torch.Tensor] | None = None,
        forward: Callable[[torch.nn.Module, torch.Tensor], Any] | None = None,
        output: Any = None,
        device: torch.device | str | None = None,
    ) -> Explanation:
        """Return which units fire most on one image, with their labels and masks; in a cell it is a picture.

        How strongly a unit fires is the maximum of its map, on a scale of its own: 0 is its threshold, 1 its
        highest activation anywhere in the data set, ``(maximum − threshold) / (highest − threshold)``. So units of
        other sizes, and with negative activations, are compared fairly; above 1 it fires more strongly than anywhere
        in the data set, and below 0 not at all. A unit that never fired in the data set has no such scale: it stands
        behind all others that fire here, or behind all others that don't.

        Parameters
        ----------
        image : PIL image, path, uint8 array [h, w, 3], or int
            Any image, or the index of one of the data set. That one is run in the batch in which the run had
            it, so that its masks are, pixel by pixel, those that were counted and that the gallery shows.
        model : torch.nn.Module, optional
            By default the network that was dissected, as long as it lives. After ``nd.load``, pass it. Its
            weights must be those that were dissected: thresholds and labels are theirs.
        top : int
            How many units; all of them where the layer has fewer. The last of them may not fire:
            ``.fires`` says which do.
        transform, forward, output : optional
            As for :func:`nbdissect.dissect`; by default as in the run while its network lives. With a network
            that is passed, give those that the run was given.
        device : device or str, optional
            For a network that is passed; by default where it is.

        Returns
        -------
        Explanation
            ``.units`` (strongest first), ``.labels``, ``.masks`` bool [top, h, w], ``.segmentation``, ``.plot()``.
            Height and width are those of the masks for an image of the data set, else of the image.

        Raises
        ------
        ValueError
            If the network is gone or another one, it isn't known how the run fed it, or the image can't be used.
        OSError
            If the image can't be read.

        Examples
        --------
        >>> e = d.explain("street.jpg")  # doctest: +SKIP
        >>> e.units, e.labels  # doctest: +SKIP
        >>> nd.load("conv5.nbd").explain("street.jpg", model)  # doctest: +SKIP
        """
        from nbdissect.runner.explaining import explain

        given = {"transform": transform, "forward": forward, "output": output, "device": device}
        return explain(self, image, model, top, **given)

    # --- comparison ---

    def differences(self, other: Dissection) -> list[str]:
        """Return a line for each part in which two results differ; empty if they are equal.

        Lines on what differed in their making follow. Two data sets or two dates
        alone make no difference.
        """
        from nbdissect.results.diff import differences

        return differences(self, other)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Dissection):
            return NotImplemented
        return self is other or not self.differences(other)

    # By identity: galleries keep things beside the very object they show, and hashing 10 MB is slow.
    __hash__ = object.__hash__

    # --- out ---

    def save(self, path: str | os.PathLike[str], *, images: bool = True) -> None:
        """Write everything to one file, which ``nd.load(path)`` opens without the network, the data or torch.

        A zip archive of JSON, plain arrays and images: see docs/archive.md. It appears whole or not
        at all: a file that was there stays until the new one is complete.

        Parameters
        ----------
        path : path
            Such as ``"conv5.nbd"``.
        images : bool
            Whether the top images, made smaller, and their labels go along. False keeps people's
            own images out of files that are passed on.

        Raises
        ------
        OSError
            If the file can't be written, or an image can't be read.
        ArchiveError
            A ValueError: the result holds what no dissection gives, such as infinite activations.
        """
        from nbdissect.results.archive_writer import save

        save(self, path, images=images)

    def to_csv(self, path: str | os.PathLike[str], *, safe: bool = False) -> None:
        """Write the originals' ``tally.csv``: one row per unit, best first, units from 1.

        Columns: ``unit,category,label,score`` and, for each category, its best concept with
        ``label``, ``truth``, ``activation``, ``intersect`` and ``iou``.

        Names are written as they are, as the originals do and ``nd.read_csv`` expects. A spreadsheet
        runs a name that begins with ``=``, ``+``, ``-`` or ``@`` as a formula; a warning says where
        there is one. If names come from somebody else and the table is for a spreadsheet, say
        ``safe=True``. Half surrogates, which UTF-8 can't hold, are written as escapes.

        Parameters
        ----------
        path : path
        safe : bool
            Whether names that a spreadsheet would run are written with an apostrophe before them, and
            controls and other invisible signs as escapes.

        Raises
        ------
        OSError
            If the file can't be written.
        """
        from nbdissect.results.tally_csv_writer import write_csv

        write_csv(self, path, safe=safe)

    def to_html(self, path: str | os.PathLike[str], *, images: bool = True, min_iou: float = MIN_IOU) -> None:
        """Write the gallery as one self-contained page, which needs no kernel and no network.

        Parameters
        ----------
        path : path
            Such as ``"conv5.html"``.
        images : bool
            Whether images go in. False keeps people's own images out of files that are passed on.
        min_iou : float
            The cut that the page begins with.
        """
        from nbdissect.display.html_page import to_html

        to_html(self, path, images=images, min_iou=min_iou)

    def plot(self, ax: Axes | None = None, *, min_iou: float = MIN_IOU) -> Figure:
        """Return the paper's bar graph, a matplotlib Figure: concepts by category, with their numbers of detectors.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw. By default in a figure of its own, which is pyplot's current one, for
            ``plt.savefig(path)`` in the same cell.
        min_iou : float
            The cut between detectors and other units.
        """
        from nbdissect.display.plots import bar_graph

        return bar_graph(self, ax, min_iou)

    def gallery(self, **state: Any) -> Gallery:
        """Return a gallery of the units, a widget to browse in a notebook.

        Parameters
        ----------
        **state
            Initial values of its traits, such as ``min_iou=0.1`` or ``query="wheel"``. "Copy this view
            as Python" in the gallery writes the line with those that restore what one sees.
        """
        from nbdissect.display.gallery import gallery

        return gallery(self, **state)

    def __repr__(self) -> str:
        note = f"\n{self.warning}" if self.warning else ""
        what = printable(f"{self.layer} of {self.model}")
        return f"<Dissection {what}: {self.summary().headline}; {self.facts}>{note}"

    def text(self, min_iou: float = MIN_IOU) -> str:
        """Return what a terminal shows: the summary as a table."""
        return str(self.summary(min_iou))

    def _repr_html_(self, min_iou: float = MIN_IOU) -> str:
        from nbdissect.display.summary_html import summary_html

        return summary_html(self, min_iou)

    def _ipython_display_(self) -> None:
        from nbdissect.display.cell_output import show_once

        show_once(self)
