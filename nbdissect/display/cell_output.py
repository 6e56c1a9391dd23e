"""What a cell shows of a result: text, the live gallery, what stands in for it without a kernel, or both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol
from uuid import uuid4

from nbdissect.display.session import session
from nbdissect.notices import logger
from nbdissect.results.dissection import MIN_IOU
from nbdissect.settings import options
from nbdissect.text import printable_lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbdissect.display.gallery_state import GalleryState

Form = Literal["text", "html", "live", "static", "both"]


class LiveGallery(Protocol):
    """As much of a gallery as is needed to display it."""

    min_iou: float
    stands_for: str

    @property
    def result(self) -> Any:
        """What it shows: one dissection, or several by name."""

    def state(self) -> GalleryState:
        """What it looks like now."""

    def _repr_mimebundle_(self, **kwargs: Any) -> Any: ...


def show(result: Any, min_iou: float = MIN_IOU, gallery: LiveGallery | None = None) -> None:
    """Display a result: in a notebook as its gallery, see :func:`show_gallery`.

    Where a gallery of it is on display already, as after a run that was watched, only what stands in for it follows.
    """
    from IPython.display import display

    form = current_form()
    try:
        if gallery is not None:
            show_stand_in(gallery)
        elif form == "text":
            display({"text/plain": result.text(min_iou=min_iou)}, raw=True)  # type: ignore[no-untyped-call]
        elif form in ("live", "both"):
            display(result.gallery(min_iou=min_iou))  # type: ignore[no-untyped-call]
        else:
            _display_saved(result, form, min_iou)
    except Exception as error:  # a result took long to compute: it must reach whoever asked for it
        logger.warning("A result could not be shown", exc_info=True)
        text = printable_lines(f"It could not be shown as a gallery: {type(error).__name__}: {error}")
        display({"text/plain": f"{result!r}\n{text}"}, raw=True)  # type: ignore[no-untyped-call]
    session.note_shown(result)


def show_once(result: Any, show: Callable[[Any], None] = show) -> None:
    """Display a result, or a run by its own `show`, unless the running cell has shown it already."""
    if not session.forget_shown(result):
        show(result)


def show_gallery(gallery: LiveGallery) -> None:
    """Display a gallery and, after it, what stands in for it wherever no kernel answers.

    That is a plain summary, and the gallery on embedded data, as it looks now: see `saved_output`.
    While the live gallery is answered it hides the other, or all others if it was shown repeatedly.
    A run with nobody in front of it (nbclient, papermill, Quarto) gets the other alone: a saved widget
    could be drawn only by asking others for code.

    Raises
    ------
    NotImplementedError
        To IPython that means: display it as any widget.
    """
    from IPython.display import publish_display_data

    form = current_form()
    if form in ("text", "live"):
        raise NotImplementedError
    # One name for all outputs, known before a page draws the gallery and looks for it.
    gallery.stands_for = gallery.stands_for or new_name()
    if form == "both":
        # First, because it is there at once; reading images for the other takes some seconds.
        publish_display_data(*gallery._repr_mimebundle_())  # type: ignore[no-untyped-call]  # as `display` does
    _display_stand_in(gallery, form)


def hold_place(text: str) -> str:
    """Return the name of an empty output, which :func:`show_stand_in` will fill; "" where there is nothing to fill in."""
    from IPython.display import display

    if current_form() != "both":
        return ""
    place = new_name()
    display({"text/plain": text, "text/html": "<div></div>"}, raw=True, display_id=place)  # type: ignore[no-untyped-call]
    return place


def show_stand_in(gallery: LiveGallery, place: str = "") -> None:
    """Display what stands in for a gallery that is on display, here or in the place that was held for it."""
    if current_form() == "both":
        _display_stand_in(gallery, "both", place)


def _display_stand_in(gallery: LiveGallery, form: Form, place: str = "") -> None:
    from nbdissect.results.dissections import Dissections

    result = gallery.result
    _display_saved(
        Dissections(result) if isinstance(result, dict) else result,
        form,
        gallery.min_iou,
        state=gallery.state(),
        name=gallery.stands_for,
        place=place,
    )
    if form == "both":
        session.note_displayed(gallery)  # its page couldn't be heard while its images were read


def current_form() -> Form:
    """Return what is shown here: text, a plain summary, the live gallery, what stands in for it, or both of these."""
    if not session.in_notebook:
        return "text"
    if options.renderer != "auto":
        return "html" if options.renderer == "html" else "live"
    return "both" if session.watched else "static"


def _display_saved(
    result: Any, form: Form, min_iou: float, *, state: GalleryState | None = None, name: str = "", place: str = ""
) -> None:
    """Display what needs no kernel: a plain summary, or in its place what draws the gallery as well."""
    from IPython.display import display

    from nbdissect.display.saved_output import static_html

    html = (
        result._repr_html_(min_iou=min_iou)
        if form == "html"
        else static_html(result, name or new_name(), min_iou, state, beside=form == "both")
    )
    bundle = {"text/plain": result.text(min_iou=min_iou), "text/html": html}
    display(bundle, raw=True, display_id=place or None, update=bool(place))  # type: ignore[no-untyped-call]


def new_name() -> str:
    """Return a name for a gallery and the outputs that stand in for it: the id of an element."""
    return f"nbdissect-{uuid4().hex}"
