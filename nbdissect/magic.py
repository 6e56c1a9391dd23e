"""``%dissect``: the pipeline as one line of a notebook."""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class, needs_local_scope, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments
from IPython.utils.process import arg_split  # type: ignore[attr-defined]

from nbdissect.data.resolve import DATA_MEMBERS
from nbdissect.files import expand
from nbdissect.layer_line import CodeLine, magic_word
from nbdissect.notices import logger, raised_by_user_code
from nbdissect.text import did_you_mean, printable_lines

if TYPE_CHECKING:
    import argparse

    from IPython.core.interactiveshell import InteractiveShell

    from nbdissect.display.live_view import LiveView

_MATCHER = "_nbdissect_matcher"


@magics_class
class DissectMagics(Magics):
    """The line magic ``%dissect``."""

    @magic_arguments()
    @argument("model", nargs="?", help="the network: an expression, such as model or net.backbone")
    @argument(
        "layer",
        nargs="*",
        help="dotted names of layers, or $name for a variable that holds them; without one, lists the layers that can be dissected",
    )
    @argument("--data", "-d", help="labeled images: an expression, or the path of a Broden directory")
    @argument(
        "-q", "--quantile", type=float, default=0.005, help="share of activations above a unit's threshold (0.005)"
    )
    @argument("--min-iou", type=float, default=0.04, help="a unit is a detector if its best IoU is above this (0.04)")
    @argument("--top", type=int, default=10, help="strongest images to keep per unit (10)")
    @argument("--device", default=None, help="auto, cpu, cuda, mps (where the model is)")
    @argument("--batch-size", type=int, default=32, help="images per forward pass (32)")
    @argument("--num-workers", type=int, default=0, help="threads that read images ahead (0)")
    @argument("--semantics", default="paper", help="paper or netdissect-lite (paper)")
    @argument("--upsample", default=None, help="bilinear or receptive-field (bilinear)")
    @argument("--protocol", default=None, help="cvpr2017: follow the paper in all that it settles")
    @argument("--transform", default=None, help="an expression: a function from a PIL image to a tensor")
    @argument(
        "--forward",
        default=None,
        help="an expression: a function that calls the network with a batch, such as 'lambda model, x: model(pixel_values=x)'",
    )
    @argument("--per-image", action="store_true", help="keep counts per image, for subsets and intervals")
    @argument(
        "--cache", default=None, metavar="DIR", help="keep the result there, and find it again while nothing changed"
    )
    @argument("--html", default=None, metavar="PATH", help="write the gallery as one page, too, that opens anywhere")
    @argument(
        "--background",
        action="store_true",
        help="return at once, with a run that goes on: run.result(), run.cancel(), or Cancel in the page",
    )
    @needs_local_scope
    @no_var_expand
    @line_magic("dissect")  # type: ignore[arg-type]
    def dissect(self, line: str, local_ns: dict[str, Any] | None = None) -> Any:
        """Show which concepts the units of a layer detect, and return the Dissection.

        %dissect model                          lists the layers that can be dissected
        %dissect model features.12 --data data  dissects one
        r = %dissect model layer3 layer4        dissects two in one pass, and keeps the result
        run = %dissect model layer --background goes on while other cells run; run.result() waits for it

        The gallery fills while it computes. ■ ends it and keeps what was seen until then.
        """
        from nbdissect.display.cell_output import show
        from nbdissect.display.session import session
        from nbdissect.layer_list import Layers

        args = self._parsed(line)
        assert self.shell is not None
        scope = {**self.shell.user_ns, **(local_ns or {})}
        try:
            result, live = _computed(args, scope, line)
        except (ValueError, OSError) as error:
            if raised_by_user_code(error):
                raise
            # Exactly UsageError: IPython prints a subclass of it with a traceback.
            raise UsageError(printable_lines(str(error))) from error
        if isinstance(result, Layers):
            return result
        if args.background:
            from nbdissect.display.live_view import show_run

            with suppress(NotImplementedError):  # nobody watches: then the cell's value says what it is
                show_run(result, args.min_iou)
                session.note_shown(result)
            return result
        show(result, args.min_iou, live.end(result) if live else None)
        if args.html:
            _write_page(result, _unquoted(args.html), args.min_iou)
        return result

    def _parsed(self, line: str) -> argparse.Namespace:
        """Return the arguments of a line, checked as far as that needs no model."""
        # Options may stand anywhere.
        try:
            args = self.dissect.parser.parse_intermixed_args(_words(line))
        except UsageError as error:
            unknown = re.search(r"unrecognized arguments: (-[^\s=]*)", str(error))
            if unknown is None:
                raise
            raise UsageError(f"{error}.{did_you_mean(unknown[1], _option_names(), cutoff=0.75)}") from None
        if args.model is None:
            raise UsageError(
                "Say which model: %dissect model lists its layers, %dissect model layer dissects one. %dissect? explains the options."
            )
        if not 0 <= args.min_iou <= 1:
            raise UsageError(f"--min-iou {args.min_iou:g}; a number from 0 to 1 is needed. The paper uses 0.04.")
        if args.background and args.html:
            raise UsageError(
                "--html needs the result, which --background doesn't wait for. Later: run.result().to_html(path)."
            )
        return cast("argparse.Namespace", args)


def _words(line: str) -> list[str]:
    """Return the words of a line; a cell's habits (a comment, a semicolon) do no harm."""
    return arg_split(re.split(r"\s#", line, maxsplit=1)[0].rstrip().rstrip(";"))


def _line_with_layer(line: str, model: str) -> CodeLine:
    """Return the line that dissects a layer, from one that lists the layers: a name after the model, all else as it is."""
    words = _words(line)
    flags = _flags()
    at = next(
        k
        for k, (word, previous) in enumerate(zip(words, ["", *words], strict=False))
        if word == model and not (previous.startswith("-") and previous not in flags)
    )
    before, after = (" ".join(part) for part in (words[: at + 1], words[at + 1 :]))
    return CodeLine(f"%dissect {before} ", f" {after}" if after else "", magic_word)


def _computed(args: argparse.Namespace, scope: dict[str, Any], line: str) -> tuple[Any, LiveView | None]:
    """Return what a line asks for, a table, a result or a run, and what showed it while it was computed."""
    from nbdissect.api import dissect
    from nbdissect.layer_table import list_layers

    model = _evaluate("model", _unquoted(args.model), scope)
    data = _data(args.data and _unquoted(args.data), scope)
    transform = args.transform and _evaluate("--transform", _unquoted(args.transform), scope)
    forward = args.forward and _evaluate("--forward", _unquoted(args.forward), scope)
    device = args.device and _unquoted(args.device)
    names = [name for word in args.layer for name in _layers(_unquoted(word), scope)]
    if not names:
        written = _line_with_layer(line, args.model)
        protocol = cast("Any", args.protocol and _unquoted(args.protocol))
        table = list_layers(
            model, data, transform=transform, forward=forward, device=device, line=written, protocol=protocol
        )
        return table, None
    live = None if args.background else _live_view(args.min_iou, single=len(names) == 1)
    result: Any = dissect(
        model,
        cast("Any", names[0] if len(names) == 1 else names),
        data=data,
        quantile=args.quantile,
        top=args.top,
        transform=transform,
        forward=forward,
        batch_size=args.batch_size,
        device=device,
        num_workers=args.num_workers,
        semantics=cast("Any", _unquoted(args.semantics)),
        protocol=cast("Any", args.protocol and _unquoted(args.protocol)),
        upsample=cast("Any", args.upsample and _unquoted(args.upsample)),
        per_image=args.per_image,
        cache=args.cache and _unquoted(args.cache),
        progress=live or True,
        background=args.background,
    )
    return result, live


def _live_view(min_iou: float, *, single: bool) -> LiveView | None:
    """Return what shows the run while it lasts; None where nobody could watch it."""
    from nbdissect.display.cell_output import current_form

    if current_form() not in ("live", "both"):
        return None  # and nothing that draws widgets is imported
    from nbdissect.display.live_view import live_view

    return live_view(single=single, min_iou=min_iou)


def _write_page(result: Any, path: str, min_iou: float) -> None:
    """Write the page; where that fails say so, and keep the result: it took long to compute."""
    try:
        result.to_html(path, min_iou=min_iou)
    except (ValueError, OSError) as error:
        logger.warning("--html %s was not written", path, exc_info=True)
        print(f"--html {path} was not written: {error}", file=sys.stderr)  # noqa: T201 - a line of the cell's output


def _unquoted(text: str) -> str:
    """The magic's parser keeps quotes; the shell's users expect them gone."""
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def _evaluate(what: str, expression: str, scope: dict[str, Any]) -> Any:
    try:
        return eval(compile(expression.strip(), "<%dissect>", "eval"), scope)  # noqa: S307 - the user's own expression and session
    except Exception as error:
        if raised_by_user_code(error):
            raise
        if not isinstance(error, NameError):
            text = f"{what}: {expression!r} can't be evaluated: {type(error).__name__}: {error}"
            raise UsageError(printable_lines(text)) from error
        hint = did_you_mean(expression, [name for name in scope if not name.startswith("_")], cutoff=0.6)
        raise UsageError(f"{what}: {error}.{hint or ' Run the cell that makes it first.'}") from error


def _layers(word: str, scope: dict[str, Any]) -> list[Any]:
    """A layer's name as it stands; ``$name`` or ``{expression}`` gives one, or a list of them."""
    if word.startswith("$") or (word.startswith("{") and word.endswith("}")):
        value = _evaluate("layer", word.strip("${}"), scope)
        return [value] if isinstance(value, str) else list(value)
    return [word]


def _data(text: str | None, scope: dict[str, Any]) -> Any:
    if text is None:
        return None
    try:
        return _evaluate("--data", text, scope)
    except UsageError as error:
        with suppress(OSError):
            if (path := expand(text)).is_dir():
                return path
        if not isinstance(error.__cause__, (NameError, SyntaxError)) or "(" in text:
            raise
        raise UsageError(f"--data: {text!r} is neither a variable nor a directory (looked in {Path.cwd()}).") from None


def complete(text: str, namespace: dict[str, Any]) -> tuple[str, list[str]]:
    """Return the fragment under the cursor and what may stand there, for a line up to the cursor."""
    _, found, rest = text.partition("%dissect")
    if not found or not rest.startswith(" "):
        return "", []
    words = rest.split(" ")
    fragment, before = words[-1], [word for word in words[:-1] if word]
    previous = before[-1] if before else ""
    if previous in ("--data", "-d"):
        names = [name for name, value in _visible(namespace) if all(hasattr(value, member) for member in DATA_MEMBERS)]
    elif previous == "--semantics":
        names = ["paper", "netdissect-lite"]
    elif previous == "--protocol":
        names = ["cvpr2017"]
    elif previous == "--upsample":
        names = ["bilinear", "receptive-field"]
    elif previous in ("--html", "--cache"):
        names = []  # a path, which the shell completes
    elif previous == "--device":
        names = ["auto", "cpu", "cuda", "mps"]
    elif fragment.startswith("-"):
        names = _option_names()
    else:
        names = _positional(before, namespace)
    return fragment, [name for name in names if name.startswith(fragment)]


def _positional(before: list[str], namespace: dict[str, Any]) -> list[str]:
    torch = sys.modules.get("torch")
    if torch is None:  # then there is no model either
        return []
    positional: list[str] = []
    flags = _flags()
    for word, previous in zip(before, ["", *before], strict=False):
        if not word.startswith("-") and not (previous.startswith("-") and previous not in flags):
            positional.append(word)
    if not positional:
        return [name for name, value in _visible(namespace) if isinstance(value, torch.nn.Module)]
    # Only names and attributes are followed: completing must not run anything.
    model: Any = None
    head, *attributes = positional[0].split(".")
    with suppress(Exception):
        model = namespace[head]
        for attribute in attributes:
            model = getattr(model, attribute)
    if not isinstance(model, torch.nn.Module):
        return []
    return [name for name, _ in model.named_modules() if name and name not in positional[1:]]


def _visible(namespace: dict[str, Any]) -> list[tuple[str, Any]]:
    return sorted((name, value) for name, value in namespace.items() if not name.startswith("_")) if namespace else []


def _flags() -> set[str]:
    """Options that take no value."""
    return {
        option
        for action in DissectMagics.dissect.parser._actions  # noqa: SLF001 - see _option_names
        for option in action.option_strings
        if action.nargs == 0
    }


def _option_names() -> list[str]:
    parser = DissectMagics.dissect.parser
    return sorted(
        option
        for action in parser._actions  # noqa: SLF001 - argparse offers no other way to its own options
        for option in action.option_strings
        if option.startswith("--") and option != "--help"
    )


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register ``%dissect`` and its completion: what ``%load_ext nbdissect`` calls. Loading twice is safe."""
    unload_ipython_extension(shell)
    shell.register_magics(DissectMagics)
    try:
        from IPython.core.completer import SimpleCompletion, context_matcher
    except ImportError:  # IPython < 8.6: no completion, all else works
        return

    @context_matcher()
    def matcher(context: Any) -> dict[str, Any]:
        line = context.text_until_cursor.splitlines()[-1] if context.text_until_cursor else ""
        fragment, names = complete(line, shell.user_ns)
        return {
            "completions": [SimpleCompletion(text=name, type="module") for name in names],
            "matched_fragment": fragment,
            "suppress": bool(names),
        }

    setattr(matcher, _MATCHER, True)
    shell.Completer.custom_matchers.append(matcher)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Remove all that loading brought: what ``%unload_ext nbdissect`` calls."""
    shell.magics_manager.magics["line"].pop("dissect", None)
    shell.magics_manager.registry.pop("DissectMagics", None)
    matchers = getattr(shell.Completer, "custom_matchers", [])
    matchers[:] = [matcher for matcher in matchers if not hasattr(matcher, _MATCHER)]
