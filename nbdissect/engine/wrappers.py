"""Looking through what people wrap networks in: DataParallel, DDP, torch.compile, modules with a single child."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from nbdissect.text import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# A wrapper, and the name of the one child in it. DDP is known by name: importing it loads torch.distributed.
_WRAPPERS = {"DataParallel": "module", "DistributedDataParallel": "module", "OptimizedModule": "_orig_mod"}
# Where models that have more than one child keep the one that sees the image.
_INNER = ("backbone", "model", "encoder", "visual", "vision_model", "image_encoder", "trunk", "net", "base_model")


def without_parallel(model: nn.Module) -> nn.Module:
    """Return what a DataParallel or DDP distributes: hooks and one device ask for the network itself."""
    while type(model).__name__ in ("DataParallel", "DistributedDataParallel"):
        model = model.module  # type: ignore[assignment]
    return model


def inner_models(model: nn.Module) -> Iterator[nn.Module]:
    """Yield a model and those inside it that see the image, outermost first."""
    while True:
        yield model
        wrapper = _WRAPPERS.get(type(model).__name__)
        children = dict(model.named_children())
        known = [name for name in _INNER if name in children]
        if wrapper in children:
            model = children[wrapper]
        elif known:
            model = children[known[0]]
        elif len(children) == 1 and not isinstance(model, nn.ModuleList):
            (model,) = children.values()
        else:
            return


def find_layers(model: nn.Module, names: Sequence[str]) -> dict[str, nn.Module]:
    """Return the modules of these dotted names; parts of a name that only wrap may be left out.

    Raises
    ------
    ValueError
        If there is no such layer; names the closest three.
    """
    modules = dict(model.named_modules(remove_duplicate=False))
    plain = _plain_names(model, modules)
    found = {}
    for name in names:
        module = modules.get(name, plain.get(name))
        if module is None:
            raise ValueError(_unknown_layer(name, [known for known in modules if known], type(model).__name__))
        found[name] = module
    return found


def _plain_names(model: nn.Module, modules: dict[str, nn.Module]) -> dict[str, nn.Module]:
    """Return the modules by their names without wrappers, where those are unambiguous."""
    root = ""
    inner = model
    while len(children := dict(inner.named_children())) == 1:
        ((name, inner),) = children.items()
        root = f"{root}{name}."
    plain: dict[str, nn.Module | None] = {}
    for name, module in modules.items():
        parts, at = [], model
        for part in name.split(".") if name else ():
            if _WRAPPERS.get(type(at).__name__) != part:
                parts.append(part)
            at = at.get_submodule(part)
        short = ".".join(parts)
        for known in {short, name.removeprefix(root), short.removeprefix(root)}:
            plain[known] = module if plain.get(known, module) is module else None
    return {name: module for name, module in plain.items() if module is not None}


def _unknown_layer(name: str, known: Sequence[str], model: str) -> str:
    if not known:
        return (
            f"{model} has no layer {name!r}: it has no layers inside. Wrap it in torch.nn.Sequential to give it a name."
        )
    return (
        f"{model} has no layer {name!r}. The closest are {', '.join(nearest(name, known))}. nd.layers(model) lists all."
    )
