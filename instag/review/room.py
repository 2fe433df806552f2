"""What the page is told: the queue, and what is known of each recording."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import Any

from instag.exports.telling import TELLING_SECONDS, telling_stretch
from instag.labels import COLOURS, DISPLAY_NAMES, LABELS
from instag.review.bulk import Group
from instag.review.desk import KEYS, Desk, Item
from instag.review.files import Files
from instag.table.spans import merge_spans
from instag.table.timeline import Timeline, WindowRow

# Labels that the page shows as the model's next guesses.
_GUESSES = 3


@dataclass
class Room:
    """What the server works on.

    Attributes:
        desk: The queue and the decisions.
        files: The recordings.
        timeline: Their windows, or None.
        title: What the page is about.
        saved_in: The name of the file that keeps the decisions.
        accepts: Whether recordings may be accepted in bulk; not those of a sample, which are there to be heard.
        group: The recordings that may be accepted together, while a sample of them is heard.
    """

    desk: Desk
    files: Files
    timeline: Timeline | None
    title: str
    saved_in: str
    accepts: bool = True
    group: Group | None = None

    def queue_record(self) -> dict[str, Any]:
        """All recordings that wait, and the labels with their colours and keys."""
        labels = [[name, DISPLAY_NAMES[name], COLOURS[name], KEYS[name]] for name in LABELS]
        items = [_brief(item) for item in self.desk.items]
        about = {"title": self.title, "saved_in": self.saved_in, "by": self.desk.by, "accepts": self.accepts}
        return {**about, "labels": labels, "items": items, **self.progress()}

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

    def group_record(self) -> dict[str, Any] | None:
        """The group whose sample is being heard, and what the sample tells so far."""
        group = self.group
        if group is None:
            return None
        return {
            "sample": group.sample,
            "rest": len(group.rest),
            "files": sum(len(self.desk.items[number].rows) for number in group.rest),
            "left": group.left(self.desk),
            "right": group.right(self.desk),
            "most_wrong": group.most_wrong(self.desk),
        }

    def _windows(self, path: str) -> tuple[WindowRow, ...]:
        try:
            return self.timeline.windows(path) if self.timeline else ()
        except ValueError:  # damaged: the recording is played from its start
            return ()


def said(item: Item) -> dict[str, Any]:
    """What was decided of a recording in this session, and whether a person heard it."""
    decision = item.decision
    return {"said": None if decision is None else decision.label, "heard": decision is not None and decision.heard}


def _brief(item: Item) -> dict[str, Any]:
    row = item.row
    return {
        "name": posixpath.basename(row.path),
        "folder": posixpath.dirname(row.path),
        "label": row.dominant,
        "confidence": row.confidence,
        "count": len(item.rows),
        **said(item),
    }
