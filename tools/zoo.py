"""Walk the zoo: what nbdissect reads of other people's networks, held against what their libraries say.

    pip install 'nbdissect[zoo]'
    python tools/zoo.py                          # all; goes on where it was stopped
    python tools/zoo.py timm/resnet18 open_clip  # some, by library or name, again

Networks have random weights and are made one at a time. What was found stands in a file of JSON lines,
from which the table docs/zoo.md is written. Ends with 1 if any layer was read wrongly.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import sys
import time
import warnings
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from zoo_check import check_places, check_stages, probe_and_batch
from zoo_networks import Network, networks
from zoo_table import write_table

ROOT = Path(__file__).resolve().parents[1]


def examine(network: Network) -> dict[str, Any]:
    """Make a network, check it, and return what was found, as JSON has it."""
    start = time.monotonic()
    torch.manual_seed(0)
    found: dict[str, Any] = {"library": network.library, "name": network.name, "stages": [], "failed": ""}
    try:
        model, truth = network.make()
        model.eval()
        probe, batch = probe_and_batch(model, network.size)
        with torch.no_grad():
            wanted = truth(batch)
        found["stages"] = [asdict(stage) for stage in check_stages(model, probe, batch, wanted)]
        found["layers"], found["read"] = len(probe.layers), len(probe.layouts)
        near = check_places(model, probe, batch)
        found["places"], found["elsewhere"] = len(near), [name for name, right in near.items() if not right]
    except Exception as error:
        found["failed"] = f"{type(error).__name__}: {error}"[:300]
    found["seconds"] = round(time.monotonic() - start, 1)
    return found


def main() -> None:
    """Examine the networks asked for, or those that are still to come, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="library, or library/network")
    parser.add_argument("--results", type=Path, default=ROOT / ".zoo.jsonl")
    parser.add_argument("--table", type=Path, default=ROOT / "docs" / "zoo.md")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # other people's
    logging.disable(logging.WARNING)
    lines = arguments.results.read_text("utf-8").splitlines() if arguments.results.exists() else []
    done = {(one["library"], one["name"]): one for one in map(json.loads, lines)}
    everything = list(networks())
    for network in everything:
        asked = network.library in arguments.names or f"{network.library}/{network.name}" in arguments.names
        if not asked and (arguments.names or (network.library, network.name) in done):
            continue
        found = examine(network)
        gc.collect()
        done[network.library, network.name] = found
        with arguments.results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(found) + "\n")
        print(f"{network.library}/{network.name}: {_in_short(found)}", flush=True)
    results = [done[key] for network in everything if (key := (network.library, network.name)) in done]
    write_table(arguments.table, results)
    sys.exit(any(stage["verdict"] == "wrong" for found in results for stage in found["stages"]))


def _in_short(found: dict[str, Any]) -> str:
    if found["failed"]:
        return f"FAILED {found['failed']}"
    verdicts = Counter(stage["verdict"] for stage in found["stages"])
    text = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items())
    text += f"; {found['read']} of {found['layers']} layers read; places {found['places'] - len(found['elsewhere'])} of {found['places']}"
    remarks = [
        f"\n    {s['verdict']}: {s['layer']} {s['shape']} {s['reason']}"
        for s in found["stages"]
        if s["verdict"] in ("wrong", "nowhere")
    ]
    if found["elsewhere"]:
        remarks.append(f"\n    elsewhere: {' '.join(found['elsewhere'][:8])}")
    return f"{text}; {found['seconds']} s" + "".join(remarks)


if __name__ == "__main__":
    main()
