"""Marks the rows whose label is accepted unheard; the machine stays the one who assigned it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from instag.table import ResultTable
from instag.table.rows import AssignedBy, Row, Status

# How the column `reviewed_by` starts where a person accepted a group of doubtful files after hearing some of them.
IN_BULK = "accepted unheard in bulk by "

# So many rows are held until they are written.
_AT_ONCE = 1000


def mark_accepted(
    table: ResultTable, least_confidence: float | None, rule: str, *, dry_run: bool = False
) -> tuple[int, int]:
    """Accepts labels from a confidence on, and withdraws earlier acceptances that are not among them.

    Files that a person heard, and files that the model marks for review, are never accepted. What a person accepted in
    bulk stays as it is.

    Args:
        table: The table; it is finished, and closed, where something changes.
        least_confidence: The lowest confidence that is accepted; None accepts no file.
        rule: At which risk, for the column `reviewed_by`.
        dry_run: Only counts.

    Returns:
        How many files are accepted now, and how many that were before no longer are.

    Raises:
        CannotStartError: The table cannot be written.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    marked = withdrawn = 0

    def changed() -> Iterator[Row]:
        nonlocal marked, withdrawn
        for row in table.rows():
            if row.is_accepted and row.reviewed_by.startswith(IN_BULK):
                continue
            is_high = least_confidence is not None and (row.confidence or 0.0) >= least_confidence
            if is_high and is_sure(row) and row.review is None:
                marked += 1
                if row.reviewed_by != rule:
                    yield replace(row, assigned_by=AssignedBy.MACHINE, reviewed_by=rule, reviewed_at=now)
            elif row.is_accepted:
                withdrawn += 1
                yield replace(row, reviewed_by="", reviewed_at="")

    is_changed = _write(changed(), (lambda rows: None) if dry_run else table.extend)
    if is_changed and not dry_run:
        table.finish()
    return marked, withdrawn


def is_sure(row: Row) -> bool:
    """Whether the model names an instrument and does not ask for a review."""
    return row.status is Status.ANALYSED and bool(row.dominant) and not row.needs_review


def _write(rows: Iterator[Row], write: Callable[[list[Row]], None]) -> bool:
    """Writes rows in portions, so that a million of them need no memory; returns whether there were any."""
    portion: list[Row] = []
    is_changed = False
    for row in rows:
        is_changed = True
        portion.append(row)
        if len(portion) == _AT_ONCE:
            write(portion)
            portion = []
    write(portion)
    return is_changed
