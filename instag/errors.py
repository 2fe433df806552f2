"""Errors that a user reads. Each says what is wrong with which file or option, and what to do.

Foreign exceptions (libsndfile, mutagen, onnxruntime, sqlite3, the operating system) are converted at the boundary
module of their library, so that everything above handles these classes only. Whatever else surfaces is a bug and stops
the job.
"""

from __future__ import annotations

from enum import StrEnum


class ExitCode:
    """Exit codes of the command line."""

    DONE = 0
    SOME_FAILED = 1
    USAGE = 2
    CANNOT_START = 3
    INTERRUPTED = 130


class ErrorCode(StrEnum):
    """Stable codes of the `error_code` column; documented in docs/errors.md."""

    # The file cannot be analysed.
    NOT_FOUND = "not-found"
    NOT_READABLE = "not-readable"
    NOT_A_FILE = "not-a-file"
    EMPTY_FILE = "empty-file"
    NO_AUDIO = "no-audio"
    NOT_AUDIO = "not-audio"
    UNSUPPORTED_FORMAT = "unsupported-format"
    NEEDS_AV = "needs-av"
    CORRUPT_AUDIO = "corrupt-audio"
    CHANGED_DURING_RUN = "changed-during-run"
    DECODER_CRASHED = "decoder-crashed"
    TIMED_OUT = "timed-out"
    OUT_OF_MEMORY = "out-of-memory"
    NO_SCORES = "no-scores"
    # The file was analysed, with a reservation.
    TRUNCATED = "truncated"
    OTHER_STREAMS = "other-streams"
    # The file was analysed, and its tags or its sidecar could not be written.
    TAGS_UNSUPPORTED = "tags-unsupported"
    TAGS_DAMAGED_CONTAINER = "tags-damaged-container"
    TAGS_IN_BAG = "tags-in-bag"
    TAGS_READ_ONLY = "tags-read-only"
    TAGS_HARD_LINK = "tags-hard-link"
    TAGS_FOREIGN = "tags-foreign"
    TAGS_NOT_VERIFIED = "tags-not-verified"
    TAGS_WRITE_FAILED = "tags-write-failed"
    SIDECAR_WRITE_FAILED = "sidecar-write-failed"


class InstagError(Exception):
    """Base of every error meant for the user.

    Attributes:
        message: What is wrong, naming the file or the option.
        remedy: What to do about it.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class FileError(InstagError):
    """Trouble with one file: it becomes a row, and the job continues."""

    def __init__(self, code: ErrorCode, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.code = code

    def __reduce__(self) -> tuple[type[FileError], tuple[ErrorCode, str, str]]:
        # Exceptions travel from worker processes; the default would call __init__ with the wrong arguments.
        return type(self), (self.code, self.message, self.remedy)


class TagError(FileError):
    """The tags of a file could not be written; the file is as it was."""


class UsageError(InstagError):
    """An option or an argument cannot be meant (exit 2)."""


class CannotStartError(InstagError):
    """The model, a provider that was asked for, or the output cannot be used (exit 3)."""
