"""The results table as an SQLite database: table `results`, one row per file, `path` its key."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from instag.errors import CannotStartError
from instag.table.rows import COLUMN_TYPES, COLUMNS, Mark, Row, row_from_record

# "itag" in ASCII: tells a table of ours from any other database.
_APPLICATION_ID = 0x69746167
_SQL_TYPES = {int: "INTEGER", float: "REAL", bool: "INTEGER", str: "TEXT"}


class SqliteTable:
    """An open SQLite table. Each row is a transaction of its own.

    Attributes:
        notes: Sentences on what was found at the start.
    """

    def __init__(self, path: Path, *, read_only: bool) -> None:
        """Opens or makes the database; `read_only` leaves one that must be there as it is.

        Raises:
            CannotStartError: It cannot be opened, or is something else.
        """
        self.notes: list[str] = []
        self._path = path
        try:
            uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
            self._connection = sqlite3.connect(uri, uri=True, isolation_level=None)
        except sqlite3.Error as error:
            raise self._error(error) from None
        try:
            self._prepare()
        except sqlite3.Error as error:
            self._connection.close()
            raise self._error(error) from None
        except BaseException:
            self._connection.close()
            raise

    def mark(self, path: str) -> Mark | None:
        """What of the row of a path decides whether it is done, or None."""
        try:
            found = self._connection.execute(f"SELECT {_ALL} FROM results WHERE path = ?", (path,)).fetchone()
        except sqlite3.Error as error:
            raise self._error(error) from None
        return Mark.of(_row(found)) if found else None

    def append(self, row: Row) -> None:
        """Adds the row, or puts it in the place of the path's old one.

        Raises:
            CannotStartError: It cannot be written.
        """
        try:
            self._connection.execute(
                f"INSERT OR REPLACE INTO results ({_ALL}) VALUES ({', '.join('?' * len(COLUMNS))})",
                list(row.to_record().values()),
            )
        except sqlite3.Error as error:
            raise self._error(error) from None

    def rows(self) -> Iterator[Row]:
        """All rows, in the order of their paths."""
        try:
            for found in self._connection.execute(f"SELECT {_ALL} FROM results ORDER BY path"):
                yield _row(found)
        except (sqlite3.Error, ValueError) as error:
            raise self._error(error) from None

    def finish(self) -> None:
        """Closes the database; its rows are ordered by their key anyway."""
        self.close()

    def close(self) -> None:
        """Closes the database as it stands."""
        self._connection.close()

    def _prepare(self) -> None:
        run = self._connection.execute
        application_id = run("PRAGMA application_id").fetchone()[0]
        tables = {name for (name,) in run("SELECT name FROM sqlite_master WHERE type = 'table'")}
        columns = [found[1] for found in run("PRAGMA table_info(results)")]
        if tables and (application_id != _APPLICATION_ID or columns != list(COLUMNS)):
            raise CannotStartError(
                f"{self._path}: is not a table of this version of instag; nothing was written to it.",
                "Name another file, or move this one away.",
            )
        if not tables:
            fields = ", ".join(f"{name} {_SQL_TYPES[kind]}" for name, kind in COLUMN_TYPES.items())
            run(f"PRAGMA application_id = {_APPLICATION_ID}")
            run(f"CREATE TABLE results ({fields}, PRIMARY KEY (path)) WITHOUT ROWID")

    def _error(self, error: Exception) -> CannotStartError:
        return CannotStartError(
            f"{self._path}: the SQLite table cannot be used ({error}).",
            "Name another file, or mend the disk or the folder and run the same command again.",
        )


_ALL = ", ".join(COLUMNS)


def _row(values: tuple[object, ...]) -> Row:
    record = dict(zip(COLUMNS, values, strict=True))
    for name, kind in COLUMN_TYPES.items():
        if kind is bool and record[name] is not None:
            record[name] = bool(record[name])
    return row_from_record(record)
