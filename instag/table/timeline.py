"""The timeline (`--windows FILE`): one row per window, in CSV or JSON Lines, the windows of a file together."""

from __future__ import annotations

import re
from pathlib import Path

from instag.errors import UsageError
from instag.labels import LABELS
from instag.results import WindowScores
from instag.table import refuse_in_bag
from instag.table.codecs import CsvCodec, JsonLinesCodec, LineCodec, unguard
from instag.table.journal import Journal, Line
from instag.table.rows import Value
from instag.table.strangers import StrangeRecordError

TIMELINE_TYPES: dict[str, type] = {
    "path": str,
    "start_seconds": float,
    "end_seconds": float,
    "dominant": str,
    "confidence": float,
    **{f"score_{label}": float for label in LABELS},
}
_CSV = CsvCodec(TIMELINE_TYPES)
_NUMBERS = re.compile(r"[0-9.eE,+-]+")


class Timeline:
    """An open timeline.

    Attributes:
        notes: Sentences on what was found and repaired at the start.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Opens or makes the file, and repairs it; `read_only` leaves a file that must be there as it is.

        Raises:
            UsageError: The extension is none of ours.
            CannotStartError: The file cannot be used.
        """
        kind = path.suffix.lower()
        if kind not in (".csv", ".jsonl"):
            raise UsageError(
                f"--windows {path}: the name must end in .csv or .jsonl.", "The ending chooses the format."
            )
        self._codec: LineCodec = _CSV if kind == ".csv" else JsonLinesCodec()
        if not read_only:
            refuse_in_bag(path)
        self._journal = Journal(
            path,
            self._codec.header,
            self._read_csv if kind == ".csv" else self._read_json,
            start=self._codec.start,
            columns=TIMELINE_TYPES,
            read_only=read_only,
        )
        self.notes = self._journal.notes

    def windows_of(self, path: str) -> int:
        """How many windows of a path the timeline holds."""
        block = self._journal.blocks.get(path)
        return block.lines if block else 0

    def append(self, path: str, scores: WindowScores) -> None:
        """Adds the windows of one file."""
        self._journal.append(path, [self._codec.encode(record) for record in window_records(path, scores)])

    def finish(self) -> None:
        """Puts the files in the order of their paths and closes the timeline."""
        self._journal.finish()

    def close(self) -> None:
        """Closes the timeline as it stands."""
        self._journal.close()

    def _read_csv(self, line: bytes) -> Line:
        texts = _CSV.texts(line)
        if not texts[0] or not _NUMBERS.fullmatch(",".join((*texts[1:3], *texts[4:]))):
            raise ValueError("no row of a timeline")
        return Line(unguard(texts[0]), starts=float(texts[1]) == 0)

    def _read_json(self, line: bytes) -> Line:
        record = self._codec.decode(line)
        if record.keys() != TIMELINE_TYPES.keys():
            raise StrangeRecordError("is not a timeline of this version of instag")
        path, start = record["path"], record["start_seconds"]
        if not isinstance(path, str) or not isinstance(start, (int, float)):
            raise ValueError("no row of a timeline")
        return Line(path, starts=start == 0)


def window_records(path: str, scores: WindowScores) -> list[dict[str, Value]]:
    """The rows of one file.

    Args:
        path: As it stands in the table.
        scores: (windows, labels) scores.
    """
    records: list[dict[str, Value]] = []
    for start, end, dominant in zip(scores.start_seconds, scores.end_seconds, scores.scores, strict=True):
        best = int(dominant.argmax())
        record: dict[str, Value] = {
            "path": path,
            "start_seconds": round(float(start), 3),
            "end_seconds": round(float(end), 3),
            "dominant": LABELS[best],
            "confidence": round(float(dominant[best]), 4),
        }
        record.update({f"score_{label}": round(float(score), 4) for label, score in zip(LABELS, dominant, strict=True)})
        records.append(record)
    return records
