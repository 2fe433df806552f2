"""A file of records that is its own journal: appended line by line, repaired at the next start, ordered at the end.

A block is the lines that belong to one key (a recording's path). A later block of a key replaces an earlier one. A job
that is killed at any instant leaves at most one torn line at the end; a power cut may leave more, and those lines are
taken out (and kept in `NAME.damaged`), so that their files are simply done again.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from instag.constants import TEMPORARY_PREFIX
from instag.disk import synchronise_folder
from instag.errors import CannotStartError
from instag.memory import collector_paused
from instag.table.strangers import StrangeRecordError, describe_header

_SYNC_SECONDS = 1.0
_REMEDY_OTHER_FILE = "Name another file, or move this one away."


# Tuples, since one of each is made for every line when a job starts.
class Line(NamedTuple):
    """What a line says of itself.

    Attributes:
        key: The recording that it belongs to.
        starts: Whether a new block starts with it.
    """

    key: str
    starts: bool


class Block(NamedTuple):
    """Where the lines of one key lie in the file."""

    offset: int
    length: int
    lines: int


class Journal:
    """One open journal. Not safe for two writers: callers hold a lock.

    Attributes:
        path: The file.
        blocks: For each key the last whole block.
        notes: Sentences on what was found and repaired at the start.
        damaged: How many lines could not be read, and are still there: with `read_only` nothing is repaired.
    """

    def __init__(
        self,
        path: Path,
        header: bytes,
        read_line: Callable[[bytes, bool], Line],
        *,
        start: bytes = b"",
        columns: Iterable[str] = (),
        read_only: bool = False,
    ) -> None:
        """Opens or makes the file, and repairs it.

        Args:
            path: The file.
            header: Its first line, with the line end, or nothing.
            read_line: Says what a line belongs to; raises ValueError for a line that is damaged, and
                StrangeRecordError for one that is whole and not ours. The second argument is False where the line has
                no end: such a line is torn, even if it looks whole, and nothing of it may be kept.
            start: The bytes that every record starts with.
            columns: The names in the header, by which a strange header is described.
            read_only: Opens a file that must be there, and leaves it as it is, repairs included.

        Raises:
            CannotStartError: The file cannot be opened, or is something else.
        """
        # What is replaced at the end is the file itself, never a link that leads to it.
        self.path = Path(os.path.realpath(path))
        self.blocks: dict[str, Block] = {}
        self.notes: list[str] = []
        self.damaged = 0
        self._header = header
        self._start = start
        self._columns = list(columns)
        self._read_line = read_line
        self._synced_at = time.monotonic()
        if path.exists() and not path.is_file():
            raise CannotStartError(f"{path}: is not a regular file.", _REMEDY_OTHER_FILE)
        try:
            self._open(read_only)
        except OSError as error:
            raise CannotStartError(
                f"{path}: cannot be opened ({error.strerror}).", "Name a file in a folder that you may write."
            ) from None
        try:
            self._load(read_only)
        except OSError as error:
            self.close()
            raise self._write_error(error) from None
        except BaseException:
            self.close()
            raise

    def append(self, key: str, lines: Iterable[bytes]) -> None:
        """Appends one block and flushes it.

        Raises:
            CannotStartError: It cannot be written (a full disk, say); what was there stays whole.
        """
        data = list(lines)
        text = b"".join(data)
        try:
            offset = os.fstat(self._writer.fileno()).st_size
            try:
                self._write(text)
            except OSError:
                self._writer.truncate(offset)
                raise
            if time.monotonic() - self._synced_at >= _SYNC_SECONDS:
                self.sync()
        except OSError as error:
            raise self._write_error(error) from None
        self.blocks[key] = Block(offset, len(text), len(data))

    def sync(self) -> None:
        """Makes sure that what was appended survives a power cut, and that the file is still where it was.

        Raises:
            CannotStartError: The file is gone or was replaced, or the disk does not take it.
        """
        self._synced_at = time.monotonic()
        try:
            os.fsync(self._writer.fileno())
        except OSError as error:
            raise self._write_error(error) from None
        try:
            here = self.path.stat()
        except OSError:
            here = None
        mine = os.fstat(self._writer.fileno())
        if here is None or (here.st_dev, here.st_ino) != (mine.st_dev, mine.st_ino):
            raise CannotStartError(
                f"{self.path}: was moved, deleted or replaced while the job ran.",
                "Put it back and run the same command again; what it holds is not done twice.",
            )

    def read(self, key: str) -> list[bytes]:
        """The lines of a key, without line ends."""
        block = self.blocks[key]
        self._reader.seek(block.offset)
        return self._reader.read(block.length).splitlines()

    def finish(self) -> None:
        """Puts the blocks in the order of their keys, leaves replaced ones out, and closes the file.

        Raises:
            CannotStartError: The file cannot be written.
        """
        try:
            self.sync()
            if not self._in_order():
                self._rewrite()
        except OSError as error:
            raise self._write_error(error) from None
        finally:
            self.close()

    def close(self) -> None:
        """Closes the file as it stands; the next start goes on from there."""
        self._writer.close()
        self._reader.close()

    def _open(self, read_only: bool) -> None:
        # Unbuffered, so that a failed write leaves nothing behind that closing the file would try again.
        self._writer = self.path.open("rb" if read_only else "ab", buffering=0)
        self._reader = self.path.open("rb")

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._writer.write(rest) or 0 :]

    def _load(self, read_only: bool) -> None:
        first = self._reader.readline()
        # New, or stopped while the header was written; a power cut may leave zeros after it.
        if not first.endswith(b"\n") and self._header.startswith(first.rstrip(b"\0")):
            if not read_only:
                self._writer.truncate(0)
                self._write(self._header)
            return
        if not self._header:
            self._reader.seek(0)
        elif first.rstrip(b"\r\n") != self._header.rstrip(b"\r\n"):
            raise self._stranger(describe_header(first, self._columns))
        with collector_paused():
            damaged = self._scan(read_only)
        if damaged and read_only:
            self.damaged = len(damaged)
            self.notes.append(f"{self.path}: {_lines(len(damaged))} torn or damaged and cannot be read.")
        elif damaged:
            self._set_aside(damaged)

    def _scan(self, read_only: bool) -> list[bytes]:
        """Fills `blocks`; returns the lines that are no records."""
        damaged: list[bytes] = []
        strange = ""
        key: str | None = None
        offset = self._reader.tell()
        for line in self._reader:
            try:
                is_whole = line.endswith(b"\n")
                entry = self._read_line(line.rstrip(b"\r\n"), is_whole)
                if not is_whole:
                    raise ValueError("torn")
            except ValueError as error:
                if isinstance(error, StrangeRecordError):
                    if not read_only:
                        raise self._stranger(str(error)) from None
                    strange = strange or str(error)
                damaged.append(line)
                key = None
            else:
                if entry.starts:
                    self.blocks[entry.key] = Block(offset, len(line), 1)
                    key = entry.key
                elif entry.key == key:
                    block = self.blocks[entry.key]
                    self.blocks[entry.key] = Block(block.offset, block.length + len(line), block.lines + 1)
                else:
                    damaged.append(line)
                    key = None
            offset += len(line)
        if strange:
            self.notes.append(f"{self.path}: {strange}.")
        if not self.blocks and not self._header:
            self._refuse_strangers(damaged, strange)
        return damaged

    def _refuse_strangers(self, damaged: list[bytes], strange: str) -> None:
        """Refuses a file without header of which no line is ours, nor the torn beginning of one of ours.

        Raises:
            CannotStartError: It is somebody else's.
        """
        beginnings = (line.rstrip(b"\0\r\n")[: len(self._start)] for line in damaged)
        if strange or any(not self._start.startswith(beginning) for beginning in beginnings):
            raise self._stranger(strange or "is not a table of instag")

    def _stranger(self, what: str) -> CannotStartError:
        return CannotStartError(f"{self.path}: {what}; nothing was written to it.", _REMEDY_OTHER_FILE)

    def _set_aside(self, damaged: list[bytes]) -> None:
        aside = self.path.with_name(self.path.name + ".damaged")
        with aside.open("ab") as file:
            file.writelines(line if line.endswith(b"\n") else line + b"\n" for line in damaged)
            file.flush()
            os.fsync(file.fileno())
        verb = "was" if len(damaged) == 1 else "were"
        self.notes.append(
            f"{self.path}: {_count(len(damaged))} {verb} torn or damaged and moved to {aside.name}; "
            "those files are done again."
        )
        self._rewrite(in_order=False)
        self._open(read_only=False)

    def remove(self, key: str) -> None:
        """Leaves out a key; its lines go when the file is finished."""
        del self.blocks[key]

    def _in_order(self) -> bool:
        """Whether the file already holds just the blocks, in the order of their keys."""
        at = len(self._header)
        for key in sorted(self.blocks):
            block = self.blocks[key]
            if block.offset != at:
                return False
            at += block.length
        return at == os.fstat(self._writer.fileno()).st_size

    def _rewrite(self, in_order: bool = True) -> None:
        """Writes the blocks to a new file and puts it in the place of the old one; leaves the file closed."""
        temporary = self.path.with_name(f"{TEMPORARY_PREFIX}{self.path.name}.tmp")
        keys = sorted(self.blocks) if in_order else list(self.blocks)
        moved: dict[str, Block] = {}
        with temporary.open("wb") as new:
            new.write(self._header)
            for key, data in zip(keys, self._data(keys), strict=True):
                moved[key] = Block(new.tell(), len(data), self.blocks[key].lines)
                new.write(data)
            new.flush()
            os.fsync(new.fileno())
            shutil.copymode(self.path, temporary)
        self.close()
        temporary.replace(self.path)
        synchronise_folder(self.path.parent)
        self.blocks = moved

    def _data(self, keys: list[str]) -> Iterator[bytes]:
        for key in keys:
            block = self.blocks[key]
            self._reader.seek(block.offset)
            yield self._reader.read(block.length)

    def _write_error(self, error: OSError) -> CannotStartError:
        return CannotStartError(
            f"{self.path}: cannot be written ({error.strerror}).",
            "Make room or mend the folder, then run the same command again; what was done is kept.",
        )


def _count(lines: int) -> str:
    return "1 line" if lines == 1 else f"{lines} lines"


def _lines(lines: int) -> str:
    return f"{_count(lines)} {'is' if lines == 1 else 'are'}"
