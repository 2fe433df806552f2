"""The results table: a journal in CSV or JSON Lines, or an SQLite database, behind one small interface."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol

from instag.bags import bag_of_payload
from instag.errors import CannotStartError, UsageError
from instag.table.codecs import CsvCodec, LineCodec, RowJsonCodec
from instag.table.glance import CsvGlance, Glance, JsonGlance
from instag.table.journal import Journal, Line
from instag.table.reviews import Reviews
from instag.table.rows import COLUMN_TYPES, COLUMNS, Mark, Row, row_from_record

TABLE_EXTENSIONS = (".csv", ".jsonl", ".sqlite")


class ResultTable(Protocol):
    """A table that rows are added to, one writer at a time.

    Attributes:
        notes: Sentences on what was found and repaired at the start.
        damaged: How many rows cannot be read; known for certain when `rows` is through.
        reviews: What people said of the recordings.
    """

    notes: list[str]
    damaged: int
    reviews: Reviews

    def mark(self, path: str) -> Mark | None:
        """What of the row of a path decides whether it is done, or None where it has none."""

    def append(self, row: Row) -> None:
        """Adds the row; an earlier one of the same path no longer counts."""

    def extend(self, rows: Iterable[Row]) -> None:
        """Adds many rows at once, as a merge does."""

    def remove(self, path: str) -> None:
        """Takes the row of a path out; it is gone for good once the table is finished."""

    def sync(self) -> None:
        """Makes sure that what was added survives a power cut."""

    def rows(self) -> Iterator[Row]:
        """All rows that count and can be read, in the order of their paths."""

    def finish(self) -> None:
        """One row per path, in the order of the paths; closes the table."""

    def close(self) -> None:
        """Closes the table as it stands; the next start goes on from there."""


class LineTable:
    """A table in CSV or JSON Lines.

    Attributes:
        notes: Sentences on what was found and repaired at the start.
        damaged: How many rows cannot be read; known for certain when `rows` is through.
        reviews: What people said of the recordings.
    """

    def __init__(self, path: Path, codec: LineCodec, glance: Callable[[bytes], Glance], *, read_only: bool) -> None:
        """Opens or makes the file, and repairs it; `read_only` leaves a file that must be there as it is.

        Raises:
            CannotStartError: It cannot be opened, or is something else.
        """
        self._codec = codec
        self._glance = glance
        self._marks: dict[str, Mark] = {}
        self.reviews = Reviews()
        self._journal = Journal(
            path, codec.header, self._read_line, start=codec.start, columns=COLUMNS, read_only=read_only
        )
        self.notes = self._journal.notes
        self.damaged = self._journal.damaged

    def mark(self, path: str) -> Mark | None:
        """What of the row of a path decides whether it is done, or None where it has none."""
        return self._marks.get(path)

    def append(self, row: Row) -> None:
        """Adds the row and flushes it."""
        self._journal.append(row.path, [self._codec.encode(row.to_record())])
        self._marks[row.path] = Mark.of(row)
        self.reviews.learn(row.path, row.audio_digest, row.decision)

    def extend(self, rows: Iterable[Row]) -> None:
        """Adds many rows at once."""
        for row in rows:
            self.append(row)

    def remove(self, path: str) -> None:
        """Takes the row of a path out; it is gone for good once the table is finished."""
        self._journal.remove(path)
        del self._marks[path]

    def sync(self) -> None:
        """Makes sure that what was added survives a power cut."""
        self._journal.sync()

    def rows(self) -> Iterator[Row]:
        """All rows that count and can be read, in the order of their paths."""
        unreadable = 0
        for path in sorted(self._journal.blocks):
            try:
                row = row_from_record(self._codec.decode(self._journal.read(path)[0]))
            except ValueError:
                unreadable += 1
            else:
                yield row
        self.damaged = self._journal.damaged + unreadable

    def finish(self) -> None:
        """One row per path, in the order of the paths; closes the table."""
        self._journal.finish()

    def close(self) -> None:
        """Closes the table as it stands."""
        self._journal.close()

    def _read_line(self, line: bytes, is_whole: bool) -> Line:
        path, mark, digest, review = self._glance(line)
        if not is_whole:
            return Line(path, True)
        self._marks[path] = mark
        self.reviews.learn(path, digest, review)
        return Line(path, True)


def open_table(path: Path, *, read_only: bool = False) -> ResultTable:
    """Opens or makes a results table; its extension says which kind.

    Args:
        path: The table.
        read_only: Opens a table that must be there, and leaves it as it is.

    Raises:
        UsageError: The extension is none of ours.
        CannotStartError: The file cannot be used, or would be written into the payload of a BagIt bag.
    """
    kind = table_kind(path)
    if not read_only:
        refuse_in_bag(path)
    if read_only and not path.is_file():
        raise CannotStartError(f"{path}: there is no such table.", "Give a table that `instag tag -o` wrote.")
    if kind == ".sqlite":
        from instag.table.sqlite import SqliteTable

        return SqliteTable(path, read_only=read_only)
    if kind == ".csv":
        rows = CsvCodec(COLUMN_TYPES)
        return LineTable(path, rows, CsvGlance(rows), read_only=read_only)
    records = RowJsonCodec()
    return LineTable(path, records, JsonGlance(records), read_only=read_only)


def refuse_in_bag(path: Path) -> None:
    """Checks that a file that is to be written does not lie in the payload of a BagIt bag.

    Raises:
        CannotStartError: It does, and would make the bag invalid (RFC 8493, section 3).
    """
    if bag := bag_of_payload(Path(os.path.realpath(path))):
        raise CannotStartError(
            f"{path}: would lie in the payload of the BagIt bag {bag}, which it would make invalid.",
            "Name a file outside the folder `data` of the bag.",
        )


def table_kind(path: Path) -> str:
    """The extension that says which kind of table a path is.

    Raises:
        UsageError: It is none of ours.
    """
    kind = path.suffix.lower()
    if kind not in TABLE_EXTENSIONS:
        raise UsageError(
            f"{path}: the name of a table must end in {', '.join(TABLE_EXTENSIONS)}.", "The ending chooses the format."
        )
    return kind
