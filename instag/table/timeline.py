"""The timeline (`--windows FILE`): one row per window, in CSV or JSON Lines, the windows of a file together."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instag.errors import UsageError
from instag.labels import LABELS
from instag.results import Silence, WindowScores
from instag.table import refuse_in_bag
from instag.table.codecs import CsvCodec, JsonLinesCodec, LineCodec, unguard
from instag.table.journal import Journal, Line
from instag.table.rows import Value
from instag.table.strangers import StrangeRecordError

TIMELINE_TYPES: dict[str, type] = {
    "path": str,
    "start_seconds": float,
    "end_seconds": float,
    "level_dbfs": float,
    "silence": str,
    "dominant": str,
    "confidence": float,
    **{f"score_{label}": float for label in LABELS},
    **{f"present_{label}": float for label in LABELS},
}
_SILENCE, _DOMINANT = (list(TIMELINE_TYPES).index(name) for name in ("silence", "dominant"))
_CSV = CsvCodec(TIMELINE_TYPES)
_NUMBERS = re.compile(r"[0-9.eE,+-]+")


@dataclass(frozen=True)
class WindowRow:
    """One window of a recording, as the timeline holds it.

    Attributes:
        start_seconds: Where it starts.
        end_seconds: Where it ends.
        level_dbfs: RMS level; -inf for digital silence.
        silence: Why it has no vote in the verdict, if it has none.
        dominant: The label that dominates; "" where it has no vote.
        confidence: The dominant label's score, 0..1; 0 where it has no vote.
        scores: For each label its dominant score.
        presences: For each label its presence.
    """

    start_seconds: float
    end_seconds: float
    level_dbfs: float
    silence: Silence
    dominant: str
    confidence: float
    scores: tuple[float, ...]
    presences: tuple[float, ...]


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

    def windows(self, path: str) -> tuple[WindowRow, ...]:
        """The windows of a path in the order of time; none where the timeline does not hold it.

        Raises:
            ValueError: A row of it is damaged.
        """
        if path not in self._journal.blocks:
            return ()
        return tuple(_window_row(self._codec.decode(line)) for line in self._journal.read(path))

    def append(self, path: str, scores: WindowScores, silence: Sequence[Silence]) -> None:
        """Adds the windows of one file.

        Args:
            path: As it stands in the table.
            scores: Its windows, in the order of time.
            silence: For each of them why it has no vote, if it has none.
        """
        self._journal.append(path, [self._codec.encode(record) for record in _records(path, scores, silence)])

    def finish(self) -> None:
        """Puts the files in the order of their paths and closes the timeline."""
        self._journal.finish()

    def close(self) -> None:
        """Closes the timeline as it stands."""
        self._journal.close()

    def _read_csv(self, line: bytes, is_whole: bool) -> Line:
        texts = _CSV.texts(line)
        if not texts[0] or not _NUMBERS.fullmatch(",".join((*texts[1:_SILENCE], *texts[_DOMINANT + 1 :]))):
            raise ValueError("no row of a timeline")
        return Line(unguard(texts[0]), starts=float(texts[1]) == 0)

    def _read_json(self, line: bytes, is_whole: bool) -> Line:
        record = self._codec.decode(line)
        if record.keys() != TIMELINE_TYPES.keys():
            raise StrangeRecordError("is not a timeline of this version of instag")
        path, start = record["path"], record["start_seconds"]
        if not isinstance(path, str) or not isinstance(start, (int, float)):
            raise ValueError("no row of a timeline")
        return Line(path, starts=start == 0)


def _records(path: str, scores: WindowScores, silence: Sequence[Silence]) -> list[dict[str, Value]]:
    records: list[dict[str, Value]] = []
    for row, reason in enumerate(silence):
        dominant, level = scores.scores[row], float(scores.level_dbfs[row])
        best = int(dominant.argmax())
        record: dict[str, Value] = {
            "path": path,
            "start_seconds": round(float(scores.start_seconds[row]), 3),
            "end_seconds": round(float(scores.end_seconds[row]), 3),
            "level_dbfs": round(level, 1) if math.isfinite(level) else None,
            "silence": str(reason) or None,
            "dominant": None if reason else LABELS[best],
            "confidence": None if reason else round(float(dominant[best]), 4),
        }
        for kind, values in (("score", dominant), ("present", scores.presences[row])):
            record.update(
                {f"{kind}_{label}": round(float(value), 4) for label, value in zip(LABELS, values, strict=True)}
            )
        records.append(record)
    return records


def _window_row(record: dict[str, Any]) -> WindowRow:
    level, confidence = record["level_dbfs"], record["confidence"]
    try:
        return WindowRow(
            start_seconds=float(record["start_seconds"]),
            end_seconds=float(record["end_seconds"]),
            level_dbfs=-math.inf if level is None else float(level),
            silence=Silence(record["silence"] or ""),
            dominant=record["dominant"] or "",
            confidence=0.0 if confidence is None else float(confidence),
            scores=tuple(float(record[f"score_{label}"]) for label in LABELS),
            presences=tuple(float(record[f"present_{label}"]) for label in LABELS),
        )
    except TypeError:
        raise ValueError(f"a window of {record['path']} lacks a number") from None
