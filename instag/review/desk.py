"""The desk: which recordings wait for a person, and what the person said, saved at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from instag.labels import LABELS
from instag.table.decisions import Reviewable
from instag.table.rows import AssignedBy, Review, Row, Status, without_outputs

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

    def __init__(self, table: Reviewable, by: str, is_wanted: Callable[[Row], bool]) -> None:
        """Fills the queue.

        Args:
            table: The table, open for writing; the lock of what is written is held.
            by: Who decides.
            is_wanted: Whether a row is for review, decided or not.
        """
        self._table = table
        self._history: list[list[tuple[int, tuple[Row, ...]]]] = []
        self.by = by
        heard: set[str] = set()
        waiting: dict[str, list[Row]] = {}
        sure: set[str] = set()
        overdue = []
        for row in table.rows():
            told = row if is_decided(row) else table.reviews.keep(row)[0]
            if told is not row and is_decided(told):
                overdue.append(_written_anew(told))
            if is_wanted(row):
                key = row.audio_digest or row.path
                if is_decided(told):
                    heard.add(key)
                else:
                    waiting.setdefault(key, []).append(row)
            elif row.status is Status.ANALYSED and not is_decided(told):
                sure.add(row.audio_digest)
        # A machine that stopped in the middle of a decision has left copies without it.
        self._write(overdue)
        # Copies that the model happened to be sure of are the same recording, and get the same word. Few tables have
        # such copies, and reading all rows again takes a while.
        for row in table.rows() if sure & waiting.keys() else ():
            is_copy = row.audio_digest in waiting and row.status is Status.ANALYSED and not is_decided(row)
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
        """Takes a decision down, in the rows of all copies; it is on the disk when this returns.

        Args:
            number: The place in the queue.
            label: A label of the vocabulary; "" says that the person is not sure.

        Raises:
            CannotStartError: The table cannot be written.
        """
        person = {"assigned_by": AssignedBy.PERSON, "reviewed_label": label, "reviewed_by": self.by}
        self._change([number], person | {"reviewed_at": _now()})

    def accept(self, numbers: Iterable[int], rule: str) -> None:
        """Takes the machine's label over for recordings that nobody heard; one undo takes all of it back.

        Args:
            numbers: The places in the queue.
            rule: By whom and on what grounds, for the column `reviewed_by`.

        Raises:
            CannotStartError: The table cannot be written.
        """
        machine = {"assigned_by": AssignedBy.MACHINE, "reviewed_label": "", "reviewed_by": rule}
        self._change(list(numbers), machine | {"reviewed_at": _now()})

    def undo(self) -> list[int]:
        """Takes back what was done last in this session; returns the places in the queue, none if nothing was done.

        Raises:
            CannotStartError: The table cannot be written.
        """
        if not self._history:
            return []
        before = self._history[-1]
        self._save(before)
        self._history.pop()
        return [number for number, _ in before]

    def _change(self, numbers: list[int], values: dict[str, Any]) -> None:
        before = [(number, self.items[number].rows) for number in numbers]
        self._save([(number, tuple(_written_anew(replace(row, **values)) for row in rows)) for number, rows in before])
        self._history.append(before)

    def _save(self, changes: list[tuple[int, tuple[Row, ...]]]) -> None:
        self._write(row for _, rows in changes for row in rows)
        for number, rows in changes:
            item = self.items[number]
            item.rows, item.decision = rows, rows[0].decision if is_decided(rows[0]) else None

    def _write(self, rows: Iterable[Row]) -> None:
        self._table.extend(rows)
        self._table.sync()


def is_decided(row: Row) -> bool:
    """Whether a row needs no person any more: one heard it, or accepted it with others although it is doubtful.

    What `instag accept` accepted is no decision here: a new sample may ask for it.
    """
    return row.review is not None or (row.is_accepted and bool(row.needs_review))


def is_doubtful(row: Row) -> bool:
    """Whether a row is for review because the model is not sure, decided or not."""
    return bool(row.needs_review)


def _written_anew(row: Row) -> Row:
    """The row without word of what was written before: the next `instag tag --write-tags` writes it again."""
    return replace(row, settings=without_outputs(row.settings))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
