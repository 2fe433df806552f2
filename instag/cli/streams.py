"""The standard streams, made fit for a job: they may be full, closed, or a pipe whose reader has gone.

Results that cannot be written end the job with a sentence and exit code 3, since nobody would miss what was lost.
Messages that cannot be written are dropped: the exit code and the table say how the job went.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Any

from instag.errors import CannotStartError

_STDIN, _STDOUT, _STDERR = 0, 1, 2


def guard_streams() -> None:
    """Replaces `sys.stdout` and `sys.stderr`; called once, when the command starts."""
    closed = _fill_closed()
    sys.stdout = _text(_Results(_STDOUT, "w", closefd=False), sys.stdout)
    sys.stderr = _text(_Messages(_STDERR, "w", closefd=False), sys.stderr)
    if _STDOUT in closed:
        sys.stdout.buffer.raw.failed_with(OSError(errno.EBADF, "it is closed"))  # type: ignore[attr-defined]


class _Results(io.FileIO):
    """Standard output. What fails is said once; from then on writing does nothing, so that Python can end in peace."""

    _reason: str | None = None
    _is_told = False

    def failed_with(self, error: OSError) -> None:
        """Remembers why nothing can be written."""
        if error.errno == errno.EPIPE:
            self._reason = "the program that reads it has ended"
        else:
            self._reason = error.strerror or str(error)

    def write(self, data: Any) -> int | None:  # type: ignore[override]
        """Writes, and turns the system's refusal into ours.

        Raises:
            CannotStartError: Nothing more can be written.
        """
        if self._reason is None:
            try:
                return super().write(data)
            except OSError as error:
                self.failed_with(error)
        if self._is_told:
            return len(data)
        self._is_told = True
        raise CannotStartError(
            f"The standard output cannot be written: {self._reason}.",
            "Send it to a place that takes it, or use --output TABLE where the command has it.",
        )


class _Messages(io.FileIO):
    """Standard error, of which what cannot be written is dropped."""

    def write(self, data: Any) -> int | None:  # type: ignore[override]
        """Writes if it can."""
        try:
            return super().write(data)
        except OSError:
            return len(data)


def _fill_closed() -> set[int]:
    """Opens the null device in place of closed streams; returns their numbers.

    Otherwise the next file that is opened, the table say, would take the number of a stream, and whatever a library
    prints would land in it.
    """
    closed = set()
    for number in (_STDIN, _STDOUT, _STDERR):
        try:
            os.fstat(number)
        except OSError:
            closed.add(number)
            nowhere = os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is this one
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            os.set_inheritable(number, True)
    return closed


def _text(raw: io.FileIO, before: Any) -> io.TextIOWrapper:
    """A text stream over a raw one, with the encoding of the one that it replaces."""
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=getattr(before, "encoding", None) or "utf-8",
        # A name that is not valid UTF-8 must not stop a job when it is printed.
        errors="backslashreplace",
        line_buffering=raw.isatty() or raw.fileno() == _STDERR,
    )
