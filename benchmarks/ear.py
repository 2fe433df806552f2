"""Writes benchmarks/EAR.md from what the judge, the damage and the peers were measured with.

    python -m benchmarks.ear FOLDER -o benchmarks/EAR.md

FOLDER holds `report.json` and `choose.json` (benchmarks.judge), `robust-*.json` (benchmarks.robust) and `peers.json`
(benchmarks.peers). No number of the page comes from anywhere else.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

from benchmarks import judge, peers, robust

_HEAD = """# The ear, judged on real recordings

Written by `python -m benchmarks.ear FOLDER -o benchmarks/EAR.md`. The tables come from
`python -m benchmarks.judge instag --real DIR --part report` (and `choose`), `benchmarks.robust` and `benchmarks.peers`.
No weight was fitted on any of these recordings. Shift, thresholds and temperature were chosen on the part `choose`. Of
this model the part `report` was looked at {looks}; [train/log/real_looks.csv](../train/log/real_looks.csv) lists every
look. Intervals are bootstrapped over groups of recordings.
"""
_PEERS = """# Other taggers on the same recordings

The networks are untouched. Which of their classes mean a label, and their thresholds, were chosen on the part `choose`;
windows and votes are those of instag. musicnn has no tag for clarinet, organ, saxophone and trumpet, and one for both
guitars.
"""
_DAMAGE = """# Damage, on real recordings

Part `choose` only: the part `report` was not looked at for this. The aim is at most 3 points lost.
"""


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the measurements")
    parser.add_argument("--looks", type=Path, default=Path("train/log/real_looks.csv"), help="log of the looks")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the page")
    options = parser.parse_args()
    read = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(options.folder.glob("*.json"))}
    mine = read["report"]["model_id"], read["report"]["model_version"]
    with options.looks.open(newline="", encoding="utf-8") as file:
        count = sum((row["model_id"], row["version"]) == mine for row in csv.DictReader(file))
    parts = [
        _HEAD.format(looks="once" if count == 1 else f"{count} times"),
        judge.as_markdown(read["report"]) + "\n",
        judge.as_markdown(read["choose"]) + "\n",
        _PEERS,
        peers.as_markdown(read["peers"]) + "\n",
        _DAMAGE,
        *(robust.as_markdown(document) + "\n" for name, document in read.items() if name.startswith("robust-")),
    ]
    options.output.write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
