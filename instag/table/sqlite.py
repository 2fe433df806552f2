"""The results table as an SQLite database: table `results`, one row per file, `path` its key."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from instag.disk import synchronise_folder
from instag.errors import CannotStartError
from instag.results import TagOutcome
from instag.table.reviews import Reviews
from instag.table.rows import COLUMN_TYPES, COLUMNS, Mark, Row, Status, Value, decision_of, row_from_record
from instag.table.strangers import describe_columns

# "itag" in ASCII: tells a table of ours from any other database.
_APPLICATION_ID = 0x69746167
# How long another program may hold the database before that is an error.
BUSY_SECONDS = 30.0
_SQL_TYPES = {int: "INTEGER", float: "REAL", bool: "INTEGER", str: "TEXT"}


class SqliteTable:
    """An open SQLite table. Each row is a transaction of its own.

    Attributes:
        notes: Sentences on what was found at the start.
        damaged: How many rows cannot be read; known for certain when `rows` is through.
        reviews: What people said of the recordings.
    """

    def __init__(self, path: Path, *, read_only: bool) -> None:
        """Opens or makes the database; `read_only` leaves one that must be there as it is.

        Raises:
            CannotStartError: It cannot be opened, or is something else.
        """
        self.notes: list[str] = []
        self.damaged = 0
        self.reviews = Reviews()
        self._path = path
        try:
            uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
            self._connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_SECONDS)
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
            found = self._connection.execute(f"SELECT {_MARK} FROM results WHERE path = ?", (path,)).fetchone()
        except sqlite3.Error as error:
            raise self._error(error) from None
        try:
            return _mark(found) if found else None
        except ValueError:  # the file is simply done again
            return None

    def append(self, row: Row) -> None:
        """Adds the row, or puts it in the place of the path's old one.

        Raises:
            CannotStartError: It cannot be written.
        """
        try:
            self._connection.execute(_INSERT, list(row.to_record().values()))
        except sqlite3.Error as error:
            raise self._error(error) from None
        self.reviews.learn(row.path, row.audio_digest, row.decision)

    def extend(self, rows: Iterable[Row]) -> None:
        """Adds many rows in one transaction.

        Raises:
            CannotStartError: They cannot be written.
        """
        try:
            self._connection.execute("BEGIN")
            self._connection.executemany(_INSERT, self._learned(rows))
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._error(error) from None

    def remove(self, path: str) -> None:
        """Takes the row of a path out.

        Raises:
            CannotStartError: It cannot be written.
        """
        try:
            self._connection.execute("DELETE FROM results WHERE path = ?", (path,))
        except sqlite3.Error as error:
            raise self._error(error) from None

    def sync(self) -> None:
        """Makes sure that what was added survives a power cut.

        SQLite synchronises the file at the end of each transaction, but not the folder out of which it took its
        journal: one that came back would take the transaction back.
        """
        synchronise_folder(Path(os.path.realpath(self._path)).parent)

    def rows(self) -> Iterator[Row]:
        """All rows that can be read, in the order of their paths."""
        self.damaged = 0
        try:
            for found in self._connection.execute(f"SELECT {_ALL} FROM results ORDER BY path"):
                try:
                    row = _row(found)
                except ValueError:
                    self.damaged += 1
                else:
                    yield row
        except sqlite3.Error as error:
            raise self._error(error) from None

    def finish(self) -> None:
        """Closes the database; its rows are ordered by their key anyway."""
        self.close()

    def close(self) -> None:
        """Closes the database as it stands."""
        self._connection.close()

    def _learned(self, rows: Iterable[Row]) -> Iterator[list[Value]]:
        """What is inserted; on the way, takes note of the reviews."""
        for row in rows:
            self.reviews.learn(row.path, row.audio_digest, row.decision)
            yield list(row.to_record().values())

    def _prepare(self) -> None:
        run = self._connection.execute
        application_id = run("PRAGMA application_id").fetchone()[0]
        tables = {name for (name,) in run("SELECT name FROM sqlite_master WHERE type = 'table'")}
        columns = [found[1] for found in run("PRAGMA table_info(results)")]
        if tables and (application_id != _APPLICATION_ID or columns != list(COLUMNS)):
            is_ours = application_id == _APPLICATION_ID
            what = describe_columns(columns, COLUMNS) if is_ours else "is not a table of instag"
            raise CannotStartError(
                f"{self._path}: {what}; nothing was written to it.", "Name another file, or move this one away."
            )
        if not tables:
            fields = ", ".join(f"{name} {_SQL_TYPES[kind]}" for name, kind in COLUMN_TYPES.items())
            run(f"PRAGMA application_id = {_APPLICATION_ID}")
            run(f"CREATE TABLE results ({fields}, PRIMARY KEY (path)) WITHOUT ROWID")
        reviewed = (
            "SELECT path, audio_digest, assigned_by, dominant, reviewed_label, reviewed_by, reviewed_at FROM results "
            "WHERE reviewed_label != '' OR reviewed_at != ''"
        )
        for path, digest, *review in run(reviewed):
            self.reviews.learn(path, digest or "", decision_of(*(text or "" for text in review)))

    def _error(self, error: Exception) -> CannotStartError:
        if getattr(error, "sqlite_errorcode", None) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return CannotStartError(
                f"{self._path}: another program has locked the SQLite table for more than {BUSY_SECONDS:g} s.",
                "Close it there (a database browser, say), then run the same command again; what was done is kept.",
            )
        return CannotStartError(
            f"{self._path}: the SQLite table cannot be used ({error}).",
            "Name another file, or mend the disk or the folder and run the same command again.",
        )


_ALL = ", ".join(COLUMNS)
_INSERT = f"INSERT OR REPLACE INTO results ({_ALL}) VALUES ({', '.join('?' * len(COLUMNS))})"
_MARK = ", ".join(Mark._fields)


def _mark(values: tuple[Any, ...]) -> Mark:
    fields = dict(zip(Mark._fields, values, strict=True))
    for name in fields:
        if COLUMN_TYPES[name] is str and fields[name] is None:
            fields[name] = ""
    fields["status"] = Status(fields["status"])
    fields["tags_written"] = TagOutcome(fields["tags_written"])
    return Mark(**fields)


def _row(values: tuple[object, ...]) -> Row:
    record = dict(zip(COLUMNS, values, strict=True))
    for name, kind in COLUMN_TYPES.items():
        if kind is bool and record[name] is not None:
            record[name] = bool(record[name])
    return row_from_record(record)
