"""The page's half, as ``js/build.mjs`` builds it from ``js/src``."""

from __future__ import annotations

from pathlib import Path

STATIC = Path(__file__).parent / "static"


def read(name: str) -> str:
    """Return the text of a built file, such as ``"gallery.css"``."""
    return (STATIC / name).read_text(encoding="utf-8")
