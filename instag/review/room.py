"""What the page is told: the queue, and what is known of each recording."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import Any

from instag.exports.telling import TELLING_SECONDS, telling_stretch
from instag.labels import COLOURS, DISPLAY_NAMES, LABELS
from instag.review.desk import KEYS, Desk, Item
from instag.review.files import Files
from instag.table.spans import merge_spans
from instag.table.timeline import Timeline, WindowRow

# Labels that the page shows as the model's next guesses.
_GUESSES = 3


@dataclass(frozen=True)
class Room:
    """What the server works on.

    Attributes:
        desk: The queue and the decisions.
        files: The recordings.
        timeline: Their windows, or None.
        title: What the page is about.
    """

    desk: Desk
    files: Files
    timeline: Timeline | None
    title: str

    def queue_record(self) -> dict[str, Any]:
        """All recordings that wait, and the labels with their colours and keys."""
        labels = [[name, DISPLAY_NAMES[name], COLOURS[name], KEYS[name]] for name in LABELS]
        items = [_brief(item) for item in self.desk.items]
        return {"title": self.title, "by": self.desk.by, "labels": labels, "items": items, **self.progress()}

    def item_record(self, item: Item) -> dict[str, Any]:
        """What is known of one recording; times are in seconds."""
        row = item.row
        windows = self._windows(row.path)
        stretch = telling_stretch(windows, row.dominant) if windows and row.dominant in LABELS else None
        length = row.duration_seconds or 0.0
        start, end = stretch or (0.0, min(length, TELLING_SECONDS))
        scores = sorted(zip(row.scores, LABELS, strict=False), reverse=True)[:_GUESSES]
        return {
            **_brief(item),
            "seconds": length,
            "start": start,
            "end": end,
            "scores": [[label, score] for score, label in scores],
            "spans": [[s.start_seconds, s.end_seconds, s.label, s.confidence] for s in merge_spans(windows)],
            "copies": [row.path for row in item.rows[1:]],
        }

    def progress(self) -> dict[str, int]:
        """How far the person is."""
        return {"decided": self.desk.decided, "before": self.desk.decided_before, "total": len(self.desk.items)}

    def _windows(self, path: str) -> tuple[WindowRow, ...]:
        try:
            return self.timeline.windows(path) if self.timeline else ()
        except ValueError:  # damaged: the recording is played from its start
            return ()


def _brief(item: Item) -> dict[str, Any]:
    row = item.row
    return {
        "name": posixpath.basename(row.path),
        "folder": posixpath.dirname(row.path),
        "label": row.dominant,
        "confidence": row.confidence,
        "count": len(item.rows),
        "said": None if item.decision is None else item.decision.label,
    }
