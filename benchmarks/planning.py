"""How long a job takes to find and plan its files, and how much memory: `python -m benchmarks.planning [--files N]`.

Makes a tree of empty files and a table in which an earlier run has done them all, then measures, each in a process of
its own: walking and planning the tree with a new table, and opening the table of the earlier run and finding that
nothing is left. It prints processor seconds, which do not depend on other programs, and the peak of resident memory.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from instag.analyse import AnalysisSettings
from instag.discover import discover
from instag.model.session import Device, find_model, open_model
from instag.paths import to_table
from instag.results import TagOutcome
from instag.run.plan import Found, Plan, Planner
from instag.run.worker import WorkerSettings
from instag.table import open_table
from instag.table.codecs import CsvCodec
from instag.table.rows import COLUMN_TYPES, Row, Status

_PER_FOLDER = 1000


def make_tree(folder: Path, files: int) -> None:
    """Makes empty files in folders of a thousand."""
    for i in range(files):
        place = folder / f"collection {i // _PER_FOLDER:04}"
        if i % _PER_FOLDER == 0:
            place.mkdir(parents=True)
        # Every fourth name needs quotes in CSV.
        name = f"Bach, J. S. - recording {i:07}.wav" if i % 4 == 0 else f"recording {i:07}.wav"
        os.close(os.open(place / name, os.O_CREAT | os.O_WRONLY))


def write_finished(folder: Path, table: Path) -> None:
    """Writes the table of a run that has done every file of a tree."""
    worker, card = _worker(), open_model(find_model("instag"), Device.CPU).card
    scores = tuple(round(0.0123 + i / 100, 4) for i in range(12))
    row = Row(
        path="",
        status=Status.ANALYSED,
        dominant="cello",
        confidence=0.9123,
        needs_review=False,
        duration_seconds=12.345,
        windows=5,
        silent_windows=0,
        audio_digest="sha256:" + "0" * 64,
        tags_written=TagOutcome.NOT_ASKED,
        model_id=card.model_id,
        model_version=card.version,
        settings=" ".join(worker.wanted()),
        scores=scores,
        shares=scores,
        presences=scores,
    )
    codec = CsvCodec(COLUMN_TYPES)
    with table.open("wb") as file:
        file.write(codec.header)
        for path in sorted(folder.rglob("*.wav")):
            state = path.stat()
            done = replace(row, path=to_table(path), size_bytes=state.st_size, mtime_ns=state.st_mtime_ns)
            file.write(codec.encode(done.to_record()))


def plan(folder: Path, table: Path) -> Plan:
    """Finds and plans the files of a tree, as `instag tag -o TABLE` does."""
    card = open_model(find_model("instag"), Device.CPU).card
    found = Found(discover([folder]))
    opened = open_table(table)
    try:
        return Planner(card, _worker()).plan(found.drain(), opened, None)
    finally:
        opened.close()


def _worker() -> WorkerSettings:
    return WorkerSettings(find_model("instag"), Device.CPU, AnalysisSettings())


def _measure(folder: Path, table: Path) -> None:
    started = time.process_time()
    made = plan(folder, table)
    seconds = time.process_time() - started
    print(
        f"{len(made.todo)} to do, {len(made.done)} done before: {seconds:.1f} s, peak {_peak_megabytes():.0f} MB",
        flush=True,
    )


def _peak_megabytes() -> float:
    """The largest resident memory of this process; getrusage would count that of the program that started it too."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    if found is None:
        raise SystemExit("The peak of memory is read from /proc, which is not there; run this on Linux.")
    return int(found[1]) / 1000


def main() -> None:
    """Makes the trees and prints both measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1_000_000, help="files to walk and plan")
    parser.add_argument("--finished", type=int, default=200_000, help="rows of the earlier run that is resumed")
    parser.add_argument("--measure", nargs=2, type=Path, metavar=("FOLDER", "TABLE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        _measure(*options.measure)
        return
    with tempfile.TemporaryDirectory() as name:
        for title, files, is_finished in (
            ("walk and plan", options.files, False),
            ("resume", options.finished, True),
        ):
            folder, table = Path(name) / title, Path(name) / f"{title}.csv"
            make_tree(folder, files)
            if is_finished:
                write_finished(folder, table)
            print(f"{title}: ", end="", flush=True)
            command = [sys.executable, "-m", "benchmarks.planning", "--measure", str(folder), str(table)]
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
