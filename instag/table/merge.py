"""Joins tables of shards into the one that a single machine would have written."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

from instag.constants import TEMPORARY_PREFIX
from instag.disk import synchronise_folder
from instag.errors import CannotStartError, UsageError
from instag.table import ResultTable, open_table, refuse_in_bag, table_kind
from instag.table.lock import locked
from instag.table.rows import AssignedBy, Row, without_outputs
from instag.table.samples import join_samples

_REMEDY = "Remove the row that is wrong from its table, or leave one of the tables out."


def merge_tables(sources: Sequence[Path], output: Path) -> int:
    """Joins tables, whose formats may differ, into a new one.

    Rows stand in the order of their paths. A path that several tables hold has one row, if they agree in everything but
    the time of the analysis and the review. The latest one counts, and a review that only some of them have. CSV and
    JSON Lines come out byte for byte as one job would have left them, SQLite row for row. The record of a sample that
    was drawn from one of them is kept beside the output.

    Args:
        sources: The tables.
        output: The new table. It is there whole or not at all.

    Returns:
        The number of rows.

    Raises:
        UsageError: The output exists, or a name does not say its format.
        CannotStartError: A table cannot be read or is damaged, two of them disagree, or the output cannot be written.
    """
    table_kind(output)
    if output.exists():
        raise UsageError(
            f"--output {output}: exists already.", "Name a new file; tables are never merged into an old one."
        )
    refuse_in_bag(output)
    temporary = output.with_name(f"{TEMPORARY_PREFIX}{output.name}.merge{output.suffix}")
    with ExitStack() as stack:
        stack.enter_context(locked(output))
        opened = [(path, stack.enter_context(closing(open_table(path, read_only=True)))) for path in sources]
        temporary.unlink(missing_ok=True)
        try:
            merged = stack.enter_context(closing(open_table(temporary)))
            counter = _Counter(_joined(opened))
            merged.extend(counter)
            for path, table in opened:
                _check_whole(path, table)
            merged.finish()
            join_samples(sources, output)
            temporary.replace(output)
        except OSError as error:
            raise CannotStartError(
                f"{output}: cannot be written ({error.strerror}).", "Make room or mend the folder, then merge again."
            ) from None
        finally:
            temporary.unlink(missing_ok=True)
        synchronise_folder(output.parent)
    return counter.count


class _Counter(Iterator[Row]):
    """Hands rows on and counts them."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self.count = 0

    def __next__(self) -> Row:
        row = next(self._rows)
        self.count += 1
        return row


def _joined(opened: Sequence[tuple[Path, ResultTable]]) -> Iterator[Row]:
    """The rows of all tables in the order of their paths, each path once."""
    kept: tuple[Path, Row] | None = None
    streams = [_named(path, table) for path, table in opened]
    for path, row in heapq.merge(*streams, key=lambda item: item[1].path):
        if kept is None or kept[1].path != row.path:
            if kept is not None:
                yield kept[1]
            kept = (path, row)
            continue
        if _analysis(kept[1]) != _analysis(row):
            raise CannotStartError(
                f"{row.path}: {kept[0]} and {path} say different things about it; nothing was written.", _REMEDY
            )
        labels = (kept[1].reviewed_label, row.reviewed_label)
        if all(labels) and labels[0] != labels[1]:
            words = " and ".join(
                f"{source} says {one.reviewed_label} ({one.reviewed_by})" for source, one in (kept, (path, row))
            )
            raise CannotStartError(f"{row.path}: {words}; nothing was written.", _REMEDY)
        analysed_at = max(kept[1].analysed_at, row.analysed_at)
        path, row = max(kept, (path, row), key=lambda each: _rank(each[1]))
        kept = (path, replace(row, analysed_at=analysed_at))
    if kept is not None:
        yield kept[1]


def _analysis(row: Row) -> Row:
    """What a row says of its file, whenever it was analysed and whoever reviewed it."""
    return replace(
        row,
        analysed_at="",
        assigned_by=AssignedBy.NOBODY,
        reviewed_label="",
        reviewed_by="",
        reviewed_at="",
        settings=without_outputs(row.settings),
    )


def _rank(row: Row) -> tuple[bool, bool, bool, str, str]:
    """Which of several rows of a file counts: a person's label, then a person who was not sure, then an acceptance."""
    return bool(row.reviewed_label), row.review is not None, row.is_accepted, row.reviewed_at, row.analysed_at


def _named(path: Path, table: ResultTable) -> Iterator[tuple[Path, Row]]:
    for row in table.rows():
        yield path, row


def _check_whole(path: Path, table: ResultTable) -> None:
    if table.damaged:
        rows = "1 row" if table.damaged == 1 else f"{table.damaged} rows"
        raise CannotStartError(
            f"{path}: {rows} cannot be read; nothing was written.",
            "Run its job again, which repairs the table, then merge.",
        )
