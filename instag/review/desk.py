"""The desk: which recordings wait for a person, and what the person said, saved at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from instag.labels import LABELS
from instag.table import ResultTable
from instag.table.rows import OUTPUTS, AssignedBy, Review, Row, Status

# One key for each label, in their order.
KEYS = dict(zip(LABELS, "1234567890vo", strict=True))


@dataclass
class Item:
    """A recording that waits for a decision, with its copies.

    Attributes:
        rows: Its rows; the first is the one that is played, the others have the same audio digest.
        decision: What a person said in this session, or None.
    """

    rows: tuple[Row, ...]
    decision: Review | None = None

    @property
    def row(self) -> Row:
        """The row of the file that is played."""
        return self.rows[0]


class Desk:
    """The queue and the decisions. One thread uses it.

    Attributes:
        items: The queue, the least confident first; a number in the page is a place in it.
        by: Who decides.
        decided_before: Recordings that were decided in earlier sessions, and would wait here otherwise.
    """

    def __init__(self, table: ResultTable, by: str, is_wanted: Callable[[Row], bool]) -> None:
        """Fills the queue.

        Args:
            table: The table, open for writing; its lock is held.
            by: Who decides.
            is_wanted: Whether a row is for review, decided or not.
        """
        self._table = table
        self._history: list[tuple[int, tuple[Row, ...]]] = []
        self.by = by
        heard: set[str] = set()
        waiting: dict[str, list[Row]] = {}
        for row in table.rows():
            if is_wanted(row):
                key = row.audio_digest or row.path
                if row.review is None:
                    waiting.setdefault(key, []).append(row)
                else:
                    heard.add(key)
        # Copies that the model happened to be sure of are the same recording, and get the same word.
        for row in table.rows():
            is_copy = row.audio_digest in waiting and row.status is Status.ANALYSED and row.review is None
            if is_copy and not is_wanted(row):
                waiting[row.audio_digest].append(row)
        self.decided_before = len(heard - waiting.keys())
        self.items = [Item(tuple(rows)) for rows in waiting.values()]
        self.items.sort(key=lambda item: (item.row.confidence or 0.0, item.row.path))

    @property
    def decided(self) -> int:
        """How many recordings of the queue have a decision of this session."""
        return sum(item.decision is not None for item in self.items)

    def decide(self, number: int, label: str) -> None:
        """Takes a decision down, in the rows of all copies; it is in the table when this returns.

        Args:
            number: The place in the queue.
            label: A label of the vocabulary; "" says that the person is not sure.

        Raises:
            CannotStartError: The table cannot be written.
        """
        item = self.items[number]
        review = Review(label, self.by, datetime.now(UTC).isoformat(timespec="seconds"))
        before = item.rows
        self._save(
            item,
            tuple(
                replace(
                    row,
                    assigned_by=AssignedBy.PERSON,
                    reviewed_label=label,
                    reviewed_by=review.by,
                    reviewed_at=review.at,
                    settings=_without_outputs(row.settings),
                )
                for row in before
            ),
        )
        self._history.append((number, before))

    def undo(self) -> int | None:
        """Takes the last decision of this session back; returns its place in the queue, or None where there is none.

        Raises:
            CannotStartError: The table cannot be written.
        """
        if not self._history:
            return None
        number, rows = self._history[-1]
        self._save(self.items[number], rows)
        self._history.pop()
        return number

    def _save(self, item: Item, rows: tuple[Row, ...]) -> None:
        for row in rows:
            self._table.append(row)
        item.rows, item.decision = rows, rows[0].review


def _without_outputs(settings: str) -> str:
    """The settings without what was written before the review: the next `instag tag --write-tags` writes it again."""
    return " ".join(word for word in settings.split() if word not in OUTPUTS)


def is_doubtful(row: Row) -> bool:
    """Whether a row is for review because the model is not sure, decided or not."""
    return bool(row.needs_review) and not row.is_accepted
