"""What made a result: versions, rules, network, data. Enough to make it again, or to see why two differ."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from nbdissect.results.fields import NUMBER, TEXT, TEXTS, Entry, decode, encode, entry
from nbdissect.text import printable

# The British spelling stands in every archive and cache key so far.
UPSAMPLING = "bilinear, half-pixel centres, rows first, float32; antialiased where the map is larger than the mask"
ANCHORED = "receptive-field: bilinear between the centers of receptive fields, clamped outside, rows first, float32"


@dataclass(frozen=True)
class Provenance:
    """What made a result.

    Attributes
    ----------
    nbdissect, torch : str
        Versions.
    semantics, upsampling, layer : str
    quantile : float
    categories : tuple of str
    transform : str
        How an image became a tensor: the transform's repr, without memory addresses.
    model : str
        Class of the network, with its module.
    weights : str
        Digest of all parameters and buffers: names, dtypes, shapes, values.
    data : str
        Digest of the data set: index, images, masks.
    dtype, device : str
        What the network was fed, and where it ran.
    date : str
        ISO 8601, UTC.
    credit, licence : str
        Of the data; empty where the data set doesn't say.
    output : str
        Which part of what the layer's module returned was taken, where ``output=`` said so.
    forward : str
        How the network was called, where ``forward=`` said so: the function's repr, and a digest of its code.
    protocol : str
        The study whose protocol the run followed.
    deviations : tuple of str
        What still differs from that study, in sentences.
    uncounted : str
        Which labels of the data were not counted, and why; empty where all were.
    """

    nbdissect: str = field(default="", metadata=entry(TEXT))
    torch: str = field(default="", metadata=entry(TEXT))
    semantics: str = field(default="", metadata=entry(TEXT))
    upsampling: str = field(default="", metadata=entry(TEXT))
    layer: str = field(default="", metadata=entry(TEXT))
    quantile: float = field(default=float("nan"), metadata=entry(NUMBER))
    categories: tuple[str, ...] = field(default=(), metadata=entry(TEXTS))
    transform: str = field(default="", metadata=entry(TEXT))
    model: str = field(default="", metadata=entry(TEXT))
    weights: str = field(default="", metadata=entry(TEXT))
    data: str = field(default="", metadata=entry(TEXT))
    dtype: str = field(default="", metadata=entry(TEXT))
    device: str = field(default="", metadata=entry(TEXT))
    date: str = field(default="", metadata=entry(TEXT))
    credit: str = field(default="", metadata=entry(TEXT))
    licence: str = field(default="", metadata=entry(TEXT))
    uncounted: str = field(default="", metadata=entry(TEXT, later=True))
    output: str = field(default="", metadata=entry(TEXT, later=True))
    forward: str = field(default="", metadata=entry(TEXT, later=True))
    protocol: str = field(default="", metadata=entry(TEXT, later=True))
    deviations: tuple[str, ...] = field(default=(), metadata=entry(TEXTS, later=True))

    def differences(self, other: Provenance) -> list[str]:
        """Return a line for each thing, except the date, that differed when two results were made."""
        return [
            printable(f"{field.name}: {mine} / {theirs}")
            for field in fields(self)
            if field.name != "date"
            and (mine := getattr(self, field.name)) != (theirs := getattr(other, field.name))
            and not (mine != mine and theirs != theirs)  # noqa: PLR0124  # NaN: not known to either
        ]

    def to_json(self) -> dict[str, Any]:
        """Return what :meth:`from_json` takes: texts, one number (null: not known), one list."""
        return encode(self)

    @classmethod
    def from_json(cls, value: Any) -> Provenance:
        """Return what :meth:`to_json` gave.

        Raises
        ------
        ValueError
            If an entry is missing or not what is needed.
        """
        return cls(**decode(cls, value, "provenance"))

    def __str__(self) -> str:
        width = max(len(field.name) for field in fields(self))
        # One to a line: they are sentences.
        between = {"deviations": f"\n{'':{width}}  "}
        return "\n".join(
            f"{field.name:{width}}  {_line(value, between.get(field.name, ', '))}"
            for field in fields(self)
            if (value := getattr(self, field.name)) not in ("", ())
        )


def _line(value: Any, between: str) -> str:
    return between.join(map(printable, value)) if isinstance(value, tuple) else printable(str(value))


PROVENANCE = Entry(
    "null or an object",
    lambda value: value is None or isinstance(value, dict),
    lambda value: None if value is None else Provenance.from_json(value),
    lambda provenance: provenance.to_json() if provenance else None,
)
