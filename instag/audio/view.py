"""A file as libsndfile shall see it."""

from __future__ import annotations

import os
from typing import BinaryIO

from instag.containers import Span
from instag.containers.id3 import ID3V1_BYTES

_ENDLESS_BYTES = 1 << 40


class View:
    """From an offset on, and endless on demand."""

    def __init__(self, file: BinaryIO, offset: int, is_endless: bool = False) -> None:
        """Looks at a file.

        Args:
            file: Open for reading, unbuffered.
            offset: Where the view starts.
            is_endless: Whether to pretend a length beyond every real one. Reading ends where the file ends.
        """
        self._file, self._offset = file, offset
        self._is_endless = is_endless
        self._size = _ENDLESS_BYTES if is_endless else file.seek(0, os.SEEK_END) - offset
        self._position = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """See `io.IOBase.seek`."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = min(max(0, base + offset), self._size)
        return self._position

    def tell(self) -> int:
        """See `io.IOBase.tell`."""
        return self._position

    def read(self, size: int) -> bytes:
        """See `io.RawIOBase.read`. An error reads as the end: raised in a callback from C, it would only be printed."""
        if self._is_endless and self._position >= self._size - ID3V1_BYTES:
            # libsndfile looks for a tag at the end, and gives the file up where it can read nothing there.
            data = bytes(size)
        else:
            try:
                self._file.seek(self._offset + self._position)
                data = self._file.read(size)
            except OSError:
                return b""
        self._position += len(data)
        return data


class Part:
    """A range of bytes of a file, as a file of its own."""

    def __init__(self, file: BinaryIO, span: Span) -> None:
        self._file, self._span, self._position = file, span, 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """See `io.IOBase.seek`."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._span.length}[whence]
        self._position = min(max(0, base + offset), self._span.length)
        return self._position

    def tell(self) -> int:
        """See `io.IOBase.tell`."""
        return self._position

    def read(self, size: int) -> bytes:
        """See `io.RawIOBase.read`."""
        self._file.seek(self._span.start + self._position)
        data = self._file.read(min(size, self._span.length - self._position))
        self._position += len(data)
        return data
