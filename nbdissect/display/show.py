"""How results and galleries are displayed: live, and with what stands in for them where no kernel runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4
from weakref import WeakKeyDictionary

from nbdissect.display.session import watched
from nbdissect.results.dissection import MIN_IOU
from nbdissect.settings import options

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbdissect.display.gallery import Gallery
    from nbdissect.display.live_view import LiveView
    from nbdissect.display.protocol import GalleryState

Form = Literal["text", "html", "live", "static", "both"]

# Result → execution count of the cell that showed it.
_shown: WeakKeyDictionary[Any, int] = WeakKeyDictionary()


def show(result: Any, min_iou: float = MIN_IOU, live: LiveView | None = None) -> None:
    """Display a result: in a notebook as its gallery, see :func:`show_gallery`.

    The gallery in which the run was watched, if it was, stays: then only what stands in for it follows.
    """
    from IPython.display import display

    chosen = form()
    gallery = live.end(result) if live is not None else None
    if gallery is not None:
        show_stand_in(gallery)
    elif chosen == "text":
        display({"text/plain": result.text(min_iou=min_iou)}, raw=True)  # type: ignore[no-untyped-call]
    elif chosen in ("live", "both"):
        display(result.gallery(min_iou=min_iou))  # type: ignore[no-untyped-call]
    else:
        _display_plain(result, chosen, min_iou)
    note_shown(result)


def note_shown(result: Any) -> None:
    """Note that the running cell shows a result, or a run."""
    from IPython import get_ipython

    shell = get_ipython()
    if shell is not None:
        _shown[result] = shell.execution_count


def show_once(result: Any, show: Callable[[Any], None] = show) -> None:
    """Display a result, or a run by its own `show`, unless the running cell has shown it already."""
    from IPython import get_ipython

    shell = get_ipython()
    # Taken out: without history the count stands still, and the result may be asked for again.
    if shell is None or _shown.pop(result, None) != shell.execution_count:
        show(result)


def show_gallery(gallery: Gallery) -> None:
    """Display a gallery and, after it, what stands in for it wherever no kernel answers.

    That is a plain summary, and the gallery on embedded data, as it looks now: see `static_output`.
    While the live gallery is answered it hides the other, or all others if it was shown repeatedly.
    A run with nobody in front of it (nbclient, papermill, Quarto) gets the other alone: a saved widget
    could be drawn only by asking others for code.

    Raises
    ------
    NotImplementedError
        To IPython that means: display it as any widget.
    """
    from IPython.display import publish_display_data

    chosen = form()
    if chosen in ("text", "live"):
        raise NotImplementedError
    # One name for all outputs, known before a page draws the gallery and looks for it.
    gallery.stands_for = gallery.stands_for or new_name()
    if chosen == "both":
        # First, because it is there at once; reading photographs for the other takes some seconds.
        publish_display_data(*gallery._repr_mimebundle_())  # type: ignore[no-untyped-call]  # as `display` does
    _display_for(gallery, chosen)


def hold_place(text: str) -> str:
    """Return the name of an empty output, which :func:`show_stand_in` will fill; "" where there is nothing to fill in."""
    from IPython.display import display

    if form() != "both":
        return ""
    place = new_name()
    display({"text/plain": text, "text/html": "<div></div>"}, raw=True, display_id=place)  # type: ignore[no-untyped-call]
    return place


def show_stand_in(gallery: Gallery, place: str = "") -> None:
    """Display what stands in for a gallery that is on display, here or in the place that was held for it."""
    if form() == "both":
        _display_for(gallery, "both", place)


def _display_for(gallery: Gallery, chosen: Form, place: str = "") -> None:
    from nbdissect.results.dissections import Dissections

    result = gallery.result
    _display_plain(
        Dissections(result) if isinstance(result, dict) else result,
        chosen,
        gallery.min_iou,
        state=gallery.state(),
        name=gallery.stands_for,
        place=place,
    )


def form() -> Form:
    """Return what is shown here: text, a plain summary, the live gallery, what stands in for it, or both of these."""
    from IPython import get_ipython

    if not hasattr(get_ipython(), "kernel"):
        return "text"
    if options.renderer != "auto":
        return "html" if options.renderer == "html" else "live"
    return "both" if watched() else "static"


def _display_plain(
    result: Any, chosen: Form, min_iou: float, *, state: GalleryState | None = None, name: str = "", place: str = ""
) -> None:
    """Display what needs no kernel: a plain summary, or in its place what draws the gallery as well."""
    from IPython.display import display

    from nbdissect.display.saved_output import static_html

    html = (
        result._repr_html_(min_iou=min_iou)
        if chosen == "html"
        else static_html(result, name or new_name(), min_iou, state, beside=chosen == "both")
    )
    bundle = {"text/plain": result.text(min_iou=min_iou), "text/html": html}
    display(bundle, raw=True, display_id=place or None, update=bool(place))  # type: ignore[no-untyped-call]


def new_name() -> str:
    """Return a name for a gallery and the outputs that stand in for it: the id of an element."""
    return f"nbdissect-{uuid4().hex}"
