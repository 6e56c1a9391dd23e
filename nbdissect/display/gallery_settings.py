"""What a gallery can be set to: each value is checked, and brought into one form, before anything changes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from nbdissect.display.gallery_state import UnitList, traits_of
from nbdissect.display.protocol import WidgetState
from nbdissect.display.showable import listed
from nbdissect.results.comparable import have_concepts_in_common
from nbdissect.text import did_you_mean, printable

if TYPE_CHECKING:
    from nbdissect.results.dissection import Dissection

    class _SyncedWidget(anywidget.AnyWidget, WidgetState):
        """A widget whose attributes are those of the state."""

else:
    _SyncedWidget = type("_SyncedWidget", (anywidget.AnyWidget,), traits_of(WidgetState))

_MOST_COMPARED = 8


class CheckedSettings(_SyncedWidget):
    """The traits of a gallery, which refuse what its dissections don't have.

    Units go by number where it shows one dissection, and by address (``"layer3:17"``) where it shows several.
    """

    _dissections: dict[str, Dissection]

    # Beside the traits of `WidgetState`: what follows from them, and the page works out for itself.
    shown: Any = UnitList(allow_none=True)

    def _name(self, unit: int) -> int | str:
        return f"{self.current}:{unit}" if self._several else unit

    def _number(self, unit: int | str) -> int:
        """Return the number of a unit of the current dissection."""
        name, _, number = printable(str(unit)).rpartition(":")
        units = len(self._dissections[self.current].thresholds)
        if name in ("", self.current) and number.isdecimal() and int(number) < units:
            return int(number)
        raise ValueError(f"{unit!r} is no unit of {self.current}: use 0 to {units - 1}, or {self.current + ':0'!r}.")

    @traitlets.validate("shown")
    def _known_shown(self, proposal: Any) -> list[int | str] | None:
        """Refuse units that aren't there before anything is changed."""
        units = proposal["value"]
        return None if units is None else [self._name(self._number(unit)) for unit in units]

    @traitlets.validate("min_iou")
    def _a_cut(self, proposal: Any) -> float:
        value = float(proposal["value"])
        if not (math.isfinite(value) and 0 <= value <= 1):
            raise traitlets.TraitError(f"min_iou is a number from 0 to 1; got {value}.")
        return value

    @traitlets.validate("category")
    def _known_categories(self, proposal: Any) -> list[str]:
        known = list(dict.fromkeys(printable(name) for d in self._dissections.values() for name in d.categories))
        names = [printable(name) for name in proposal["value"]]
        for name in names:
            if name not in known:
                raise traitlets.TraitError(
                    f"There is no category {name!r} in this gallery; there are {', '.join(known)}.{did_you_mean(name, known)}"
                )
        return names

    @traitlets.validate("concept")
    def _known_concept(self, proposal: Any) -> int | None:
        number, d = proposal["value"], self._dissections[self.current]
        if number is not None and all(concept.number != number for concept in d.concepts):
            near = sorted(d.concepts, key=lambda concept: abs(concept.number - number))[:3]
            raise traitlets.TraitError(
                f"{number} is the number of no concept of {self.current}; near it are "
                f"{', '.join(f'{concept.number} ({printable(concept.name)})' for concept in near) or 'none'}."
            )
        return None if number is None else int(number)

    @traitlets.validate("opened")
    def _known_address(self, proposal: Any) -> str:
        if not proposal["value"]:
            return ""
        return self._address(proposal["value"])

    def _address(self, unit: int | str) -> str:
        """Return name and number of a unit of this gallery."""
        name = self._selected_name(unit)
        return str(name) if self._several else f"{next(iter(self._dissections))}:{name}"

    @traitlets.validate("selected")
    def _known_units(self, proposal: Any) -> list[int | str]:
        """Accept numbers and addresses, keep the form that this gallery uses, each unit once."""
        return list(dict.fromkeys(self._selected_name(unit) for unit in proposal["value"]))

    def _selected_name(self, unit: int | str) -> int | str:
        name, _, number = printable(str(unit)).rpartition(":")
        key = name or next(iter(self._dissections))
        if key in self._dissections and number.isdecimal() and int(number) < len(self._dissections[key].thresholds):
            return f"{key}:{int(number)}" if self._several else int(number)
        raise traitlets.TraitError(f"{unit!r} is no unit of this gallery of {listed(self._dissections)}.")

    @traitlets.validate("current")
    def _known_name(self, proposal: Any) -> str:
        name = printable(proposal["value"])
        if name not in self._dissections:
            hint = did_you_mean(name, self._dissections)
            raise traitlets.TraitError(f"{name!r} is not in this gallery of {listed(self._dissections)}.{hint}")
        return name

    @traitlets.validate("compare")
    def _comparable(self, proposal: Any) -> list[str]:
        names = [printable(name) for name in proposal["value"]]
        known = len(set(names)) == len(names) and set(names) <= set(self._dissections)
        if names and not (known and 2 <= len(names) <= _MOST_COMPARED):
            raise traitlets.TraitError(
                f"compare takes two to eight of {', '.join(self._dissections)}, or nothing; got {names}."
            )
        if len(names) == 2 and not have_concepts_in_common(*(self._dissections[name] for name in names)):
            raise traitlets.TraitError(
                f"{names[0]} and {names[1]} can't be compared: they have no concept in common. "
                "Dissect both with the same labeled images (data=)."
            )
        return names

    @traitlets.validate("change")
    def _each_once(self, proposal: Any) -> list[str]:
        return list(dict.fromkeys(proposal["value"]))
