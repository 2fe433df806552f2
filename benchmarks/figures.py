"""What the documents quote of speed and memory, from the figures that `benchmarks.floors` wrote.

    python -m benchmarks.figures            # prints each passage
    python -m benchmarks.figures --write    # puts them into README.md and docs/scaling.md

A passage stands in a document between the comments `figure NAME` and `end of figure`, on lines of its own.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[1]
_FIGURES = Path(__file__).with_name("SPEED.json")
_DOCUMENTS = ("README.md", "docs/scaling.md")
_SONG_SECONDS = 180
_DAY = 86_400
# Programs that want a core: those of the benchmark itself, and what is no matter beside them.
_LOAD_OF_THE_RUN, _MORE_LOAD = 2.0, 0.7


def passages(measured: Mapping[str, Any]) -> dict[str, str]:
    """The passages by name, as Markdown on one line.

    Args:
        measured: What `benchmarks.floors` wrote as JSON.
    """
    figures, songs = measured["figures"], measured["counts"][0]
    speeds = [songs * _SONG_SECONDS / seconds for seconds in figures["MP3: job, s"]]
    whole = measured["stages"].index("whole file")
    mp3_mb, wav_mb = (measured["megabytes"][kind] for kind in ("MP3", "WAV"))
    mp3, wav = (measured["stages_ms"][kind][whole] / 1000 for kind in ("MP3", "WAV"))
    hours, (short, long) = (
        figures["long file, hours"][0],
        (figures[f"{name}, MB"][0] for name in ("10 minutes", "long file")),
    )
    hundred_thousand = 100_000 * mp3 / 3600
    speed = f"{statistics.median(speeds):.0f} times real time on two cores"
    busy = max(measured["loads"]) - _LOAD_OF_THE_RUN
    busy_words = ", on a machine that other programs used too" if busy > _MORE_LOAD else ""
    ten_million = f"{1e7 * mp3 / _DAY:.0f} days of one core, or {1e7 * mp3 / 3600 / 64:.0f} hours of 64"
    return {
        "memory": f"{short:.0f} MB for the largest process with one of 10 minutes, and {long:.0f} MB with one of "
        f"{hours:g} hours.",
        "speed": f"it analysed 3-minute MP3 files at {speed}{busy_words} (median of {len(speeds)} runs, "
        f"{min(speeds):.0f} to {max(speeds):.0f}; [benchmarks/SPEED.md](benchmarks/SPEED.md)).",
        "cost": f"A 3-minute MP3 takes {mp3:.2f} s of one core. So 100,000 of them take {hundred_thousand:.1f} hours "
        f"of one core, or {hundred_thousand / 4:.1f} hours of four.",
        "ten million": f"A three-minute MP3 takes {mp3:.2f} s of one core, a WAV {wav:.2f} s, so one core does "
        f"{1 / mp3:.1f} MP3 files a second. Ten million of them are 10,000,000 × {mp3:.2f} s = {ten_million}.",
        "storage": f"At that speed 64 cores read 64 × {mp3_mb:.1f} MB / {mp3:.2f} s = {64 * mp3_mb / mp3:.0f} MB a "
        f"second of {8000 * mp3_mb / _SONG_SECONDS:.0f} kbit/s MP3. Of WAV ({wav_mb:.1f} MB a file) they would read "
        f"{64 * wav_mb / wav / 1000:.0f} GB a second: there the storage is the limit.",
    }


def put(text: str, name: str, passage: str) -> str:
    """A document with a passage in its place, which keeps its indent; unchanged where it has no such place."""

    def replaced(found: re.Match[str]) -> str:
        lines = textwrap.wrap(passage, 118 - len(found[2]), break_long_words=False, break_on_hyphens=False)
        return found[1] + "".join(f"\n{found[2]}{line}" for line in lines) + found[3]

    # The marks stand at the ends of lines: at the start of one they would end the paragraph.
    place = rf"(<!-- figure {re.escape(name)} -->)\n( *).*?( <!-- end of figure -->)"
    return re.sub(place, replaced, text, flags=re.DOTALL)


def main() -> None:
    """Prints the passages, or puts them in their places."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figures", type=Path, nargs="?", default=_FIGURES, help="By default benchmarks/SPEED.json.")
    parser.add_argument("--write", action="store_true", help="Change the documents.")
    options = parser.parse_args()
    found = passages(json.loads(options.figures.read_text(encoding="utf-8")))
    for name, passage in found.items():
        print(f"{name}: {passage}\n")
    if not options.write:
        return
    for document in _DOCUMENTS:
        path = _ROOT / document
        text = path.read_text(encoding="utf-8")
        for name, passage in found.items():
            text = put(text, name, passage)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
