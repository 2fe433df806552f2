"""A folder of label files: Audacity's label tracks and Raven's selection tables."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

# Behind the recording's own name. Raven puts the number of the table between both.
_ENDING = re.compile(r"((\.Table\.\d+)?\.selections)?\.txt$", re.IGNORECASE)
# What `instag export` writes for a label that nobody gave: behind it (Audacity), or in a column of its own (Raven).
_MACHINE = "machine:"


@dataclass(frozen=True)
class LabelFiles:
    """What a folder of label files says.

    Attributes:
        words: For each recording's name, what it holds, the word with the longest time first. Raven leaves out the
            extension of the recording.
        machines: Label files in which every label is as `instag export` wrote it: nobody's word.
    """

    words: dict[str, list[str]]
    machines: tuple[str, ...]


@dataclass(frozen=True)
class _Span:
    seconds: float
    word: str
    by_machine: bool


def read_label_files(folder: Path) -> LabelFiles:
    """Reads every `.txt` below a folder; `a/b.wav.txt` holds the labels of `a/b.wav`.

    Several files on one recording count together.

    Args:
        folder: The same tree of folders as the recordings.

    Raises:
        OSError: A file cannot be read.
        UnicodeDecodeError: It is no text in UTF-8.
        csv.Error: It is no table.
    """
    seconds: dict[str, Counter[str]] = {}
    machines = []
    for file in sorted(folder.rglob("*.txt")):
        place = file.relative_to(folder).as_posix()
        spans = _spans(file.read_text(encoding="utf-8-sig"))
        if spans and all(span.by_machine for span in spans):
            machines.append(place)
            continue
        of_file = seconds.setdefault(_ENDING.sub("", place), Counter())
        for span in spans:
            of_file[span.word] += span.seconds  # type: ignore[assignment]
    words = {name: [word for word, _ in counted.most_common()] for name, counted in seconds.items()}
    return LabelFiles(words, tuple(machines))


def _spans(text: str) -> list[_Span]:
    lines = list(csv.reader(io.StringIO(text, newline=""), delimiter="\t"))
    header = [name.strip().lower() for name in lines[0]] if lines else []
    is_raven = "begin time (s)" in header
    places = [header.index("begin time (s)"), header.index("end time (s)")] if is_raven else [0, 1]
    # Raven has no column for labels of its own: people call it by one of these names.
    named = [n for n in ("instrument", "annotation", "label", "species") if n in header]
    where = header.index(named[0]) if named else 2
    source = header.index("source") if is_raven and "source" in header else None
    spans = []
    for line in lines[1:] if is_raven else lines:
        try:
            start, end, said = float(line[places[0]]), float(line[places[1]]), line[where]
        except (ValueError, IndexError):  # Audacity's second line of a label with frequencies, or an empty line
            continue
        word, _, who = said.partition(" (")
        if source is not None and source < len(line):
            who = line[source].strip()
        spans.append(_Span(max(end - start, 0.0), word, who.startswith(_MACHINE)))
    return spans
