"""Decisions in a file of their own, for a table that stays as it is: itself a table, of the rows that were decided.

So two people can review one table at the same time, each with a file, and `instag merge` joins what they said.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from instag.errors import CannotStartError, UsageError
from instag.paths import for_terminal, from_table
from instag.table import open_table
from instag.table.reviews import Reviews
from instag.table.rows import Row


def decisions_path(table: Path) -> Path:
    """Where the decisions on a table that cannot be written are kept, unless somebody says otherwise."""
    return table.with_name(f"{table.stem}.decisions{table.suffix}")


def find_decisions(table: Path, given: Path | None) -> Path | None:
    """Which file keeps the decisions on a table.

    Args:
        table: The table.
        given: The file that the user named, if any.

    Returns:
        The file; None where the table itself keeps them.

    Raises:
        UsageError: The file that was named is the table.
        CannotStartError: Neither the table nor a file beside it can be written.
    """
    if given is not None:
        if os.path.realpath(given) == os.path.realpath(table):
            raise UsageError(
                f"--decisions {given}: is the table itself.",
                "Name another file, or leave the option out: decisions are then kept in the table.",
            )
        return given
    beside = decisions_path(table)
    folder = os.path.realpath(table.parent)
    if os.access(table, os.W_OK) and os.access(folder, os.W_OK) and not beside.exists():
        return None
    if not os.access(beside if beside.exists() else folder, os.W_OK):
        raise CannotStartError(
            f"{table}: cannot be written, and neither can a file beside it.",
            "Keep the decisions in a file elsewhere: --decisions FILE.",
        )
    return beside


class Reviewable(Protocol):
    """What a review needs of a table.

    Attributes:
        notes: Sentences on what was found and repaired at the start.
        reviews: What people said of the recordings.
    """

    notes: list[str]
    reviews: Reviews

    def rows(self) -> Iterator[Row]:
        """All rows that count and can be read, in the order of their paths."""

    def extend(self, rows: Iterable[Row]) -> None:
        """Adds rows; earlier ones of the same paths no longer count."""

    def sync(self) -> None:
        """Makes sure that what was added survives a power cut."""

    def finish(self) -> None:
        """One row per path, in the order of the paths; closes the table."""

    def close(self) -> None:
        """Closes the table as it stands; the next start goes on from there."""


class DecidedTable:
    """A table that stays as it is, with the decisions of another file laid over it.

    Attributes:
        notes: Sentences on what was found and repaired at the start.
        reviews: What people said of the recordings, as it stands in the table alone.
    """

    def __init__(self, table: Path, decisions: Path) -> None:
        """Opens both, and makes the file of decisions where it is new.

        Args:
            table: The table; it is only read.
            decisions: The file of the decisions; its lock is held.

        Raises:
            UsageError: The name of one of them does not say its format.
            CannotStartError: One of them cannot be used, or the decisions are on another table.
        """
        self._path = decisions
        self._is_empty = not decisions.exists()
        self._table = open_table(table, read_only=True)
        try:
            self._decisions = open_table(decisions)
            strange = next((row.path for row in self._decisions.rows() if self._table.mark(row.path) is None), None)
            if strange is not None:
                self._decisions.close()
                raise CannotStartError(
                    f"{decisions}: holds a recording that is not in {table}: {for_terminal(from_table(strange))}.",
                    "Name the file with the decisions on this table, or a new one.",
                )
        except BaseException:
            self._table.close()
            raise
        self.notes = self._table.notes + self._decisions.notes
        self.reviews = self._table.reviews

    def rows(self) -> Iterator[Row]:
        """The rows of the table, with the decisions."""
        for row in self._table.rows():
            if row.review is not None:
                yield row
                continue
            bare = replace(row, reviewed_by="", reviewed_at="")
            told = self._decisions.reviews.keep(bare)[0]
            yield row if told is bare else told

    def extend(self, rows: Iterable[Row]) -> None:
        """Adds decided rows."""
        decided = list(rows)
        self._is_empty = self._is_empty and not decided
        self._decisions.extend(decided)

    def sync(self) -> None:
        """Makes sure that the decisions survive a power cut."""
        self._decisions.sync()

    def finish(self) -> None:
        """Puts the decisions in order, and closes both."""
        self._table.close()
        self._decisions.finish()

    def close(self) -> None:
        """Closes both; a new file that holds no decision goes."""
        self._table.close()
        self._decisions.close()
        if self._is_empty:
            self._path.unlink(missing_ok=True)
