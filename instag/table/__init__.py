"""The results table: a journal in CSV or JSON Lines, or an SQLite database, behind one small interface."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from instag.errors import CannotStartError, UsageError
from instag.table.codecs import CsvCodec, JsonLinesCodec, LineCodec
from instag.table.journal import Journal, Line
from instag.table.rows import COLUMN_TYPES, Mark, Row, row_from_record

TABLE_EXTENSIONS = (".csv", ".jsonl", ".sqlite")


class ResultTable(Protocol):
    """A table that rows are added to, one writer at a time.

    Attributes:
        notes: Sentences on what was found and repaired at the start.
    """

    notes: list[str]

    def mark(self, path: str) -> Mark | None:
        """What of the row of a path decides whether it is done, or None where it has none."""

    def append(self, row: Row) -> None:
        """Adds the row; an earlier one of the same path no longer counts."""

    def rows(self) -> Iterator[Row]:
        """All rows that count, in the order of their paths."""

    def finish(self) -> None:
        """One row per path, in the order of the paths; closes the table."""

    def close(self) -> None:
        """Closes the table as it stands; the next start goes on from there."""


class LineTable:
    """A table in CSV or JSON Lines.

    Attributes:
        notes: Sentences on what was found and repaired at the start.
    """

    def __init__(self, path: Path, codec: LineCodec, *, read_only: bool) -> None:
        """Opens or makes the file, and repairs it; `read_only` leaves a file that must be there as it is.

        Raises:
            CannotStartError: It cannot be opened, or is something else.
        """
        self._codec = codec
        self._marks: dict[str, Mark] = {}
        self._journal = Journal(path, codec.header, self._read_line, read_only=read_only)
        self.notes = self._journal.notes

    def mark(self, path: str) -> Mark | None:
        """What of the row of a path decides whether it is done, or None where it has none."""
        return self._marks.get(path)

    def append(self, row: Row) -> None:
        """Adds the row and flushes it."""
        self._journal.append(row.path, [self._codec.encode(row.to_record())])
        self._marks[row.path] = Mark.of(row)

    def rows(self) -> Iterator[Row]:
        """All rows that count, in the order of their paths."""
        for path in sorted(self._journal.blocks):
            yield row_from_record(self._codec.decode(self._journal.read(path)[0]))

    def finish(self) -> None:
        """One row per path, in the order of the paths; closes the table."""
        self._journal.finish()

    def close(self) -> None:
        """Closes the table as it stands."""
        self._journal.close()

    def _read_line(self, line: bytes) -> Line:
        row = row_from_record(self._codec.decode(line))
        self._marks[row.path] = Mark.of(row)
        return Line(row.path, starts=True)


def open_table(path: Path, *, read_only: bool = False) -> ResultTable:
    """Opens or makes a results table; its extension says which kind.

    Args:
        path: The table.
        read_only: Opens a table that must be there, and leaves it as it is.

    Raises:
        UsageError: The extension is none of ours.
        CannotStartError: The file cannot be used.
    """
    kind = table_kind(path)
    if read_only and not path.is_file():
        raise CannotStartError(f"{path}: there is no such table.", "Give a table that `instag tag -o` wrote.")
    if kind == ".sqlite":
        from instag.table.sqlite import SqliteTable

        return SqliteTable(path, read_only=read_only)
    return LineTable(path, CsvCodec(COLUMN_TYPES) if kind == ".csv" else JsonLinesCodec(), read_only=read_only)


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
