"""Where the checkout lies, and beside it data that is not ours: what needs it skips where it is absent."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
SCREENSHOTS = ROOT / "test-results"
SHARED = ROOT.parent / "shared" / "data"
MINIBRODEN = SHARED / "minibroden"
SQUEEZENET = SHARED / "weights" / "squeezenet1_1_imagenet.safetensors"
LITE = SHARED / "netdissect_lite" / "squeezenet1_1_features"
RESULTS = SHARED / "netdissect_results"
