"""What made a result: versions, rules, network, data. Enough to make it again, or to see why two differ."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

UPSAMPLING = "bilinear, half-pixel centres, rows first, float32; antialiased where the map is larger than the mask"

_NUMBERS = ("quantile",)
_LISTS = ("categories",)
# Not in the archives of the first versions.
_LATER = ("uncounted", "output")


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
        How an image became a tensor: the transform's own words, without memory addresses.
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
    uncounted : str
        Which labels of the data were not counted, and why, in words; empty where all were.
    """

    nbdissect: str = ""
    torch: str = ""
    semantics: str = ""
    upsampling: str = ""
    layer: str = ""
    quantile: float = float("nan")
    categories: tuple[str, ...] = ()
    transform: str = ""
    model: str = ""
    weights: str = ""
    data: str = ""
    dtype: str = ""
    device: str = ""
    date: str = ""
    credit: str = ""
    licence: str = ""
    uncounted: str = ""
    output: str = ""

    def differences(self, other: Provenance) -> list[str]:
        """Return a line for each thing, the date aside, in which the making of two results differed."""
        return [
            f"{field.name}: {mine} / {theirs}"
            for field in fields(self)
            if field.name != "date"
            and (mine := getattr(self, field.name)) != (theirs := getattr(other, field.name))
            and not (mine != mine and theirs != theirs)  # noqa: PLR0124  # NaN: not known to either
        ]

    def to_json(self) -> dict[str, Any]:
        """Return what :meth:`from_json` takes: text, one number (null: not known), one list."""
        told = asdict(self)
        told["categories"] = list(self.categories)
        told["quantile"] = None if self.quantile != self.quantile else float(self.quantile)
        return told

    @classmethod
    def from_json(cls, told: Any) -> Provenance:
        """Return what :meth:`to_json` gave.

        Raises
        ------
        ValueError
            If an entry is missing or not of its kind.
        """
        if not isinstance(told, dict):
            message = f"provenance is a {type(told).__name__}; an object is needed"
            raise ValueError(message)
        values: dict[str, Any] = {}
        for field in fields(cls):
            value = told.get(field.name, "" if field.name in _LATER else None)
            if field.name in _NUMBERS:
                good = value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))
                values[field.name] = float("nan") if value is None else value
            elif field.name in _LISTS:
                good = isinstance(value, list) and all(isinstance(item, str) for item in value)
                values[field.name] = tuple(value) if good else ()  # type: ignore[arg-type]
            else:
                good = isinstance(value, str)
                values[field.name] = value
            if not good:
                message = f"provenance.{field.name} is {value!r:.60}"
                raise ValueError(message)
        return cls(**values)

    def __str__(self) -> str:
        width = max(len(field.name) for field in fields(self))
        return "\n".join(
            f"{field.name:{width}}  {', '.join(value) if isinstance(value, tuple) else value}"
            for field in fields(self)
            if (value := getattr(self, field.name)) not in ("", ())
        )
