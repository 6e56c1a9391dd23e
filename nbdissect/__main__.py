"""``python -m nbdissect``: dissect the embedded network, to see that all works."""

from __future__ import annotations

from nbdissect import demo, dissect


def main() -> None:
    """Print what the fifth layer of the embedded network detects in the embedded drawings."""
    model, data = demo()
    print(dissect(model, "conv5", data=data).summary())


if __name__ == "__main__":
    main()
