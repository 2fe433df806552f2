"""The one place where faults of containers and of the system become errors for the user."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from instag.containers import StructureError, UnsupportedError
from instag.errors import ErrorCode, FileError, TagError
from instag.tags.fields import ForeignFieldError

_DENIED = (errno.EROFS, errno.EACCES, errno.EPERM)


@contextmanager
def errors_of_file(path: Path) -> Iterator[None]:
    """Turns faults that concern a file into a `TagError` that names it.

    Raises:
        FileError: Whatever the fault was.
    """
    try:
        yield
    except FileError:
        raise
    except ForeignFieldError as error:
        raise TagError(ErrorCode.TAGS_FOREIGN, f"{path}: {error}.", error.remedy) from error
    except UnsupportedError as error:
        raise TagError(ErrorCode.TAGS_UNSUPPORTED, f"{path}: {error}.", "Write a sidecar instead.") from error
    except StructureError as error:
        raise TagError(
            ErrorCode.TAGS_DAMAGED_CONTAINER, f"{path}: {error}.", "Repair the file, or write a sidecar instead."
        ) from error
    except OSError as error:
        denied = error.errno in _DENIED
        raise TagError(
            ErrorCode.TAGS_READ_ONLY if denied else ErrorCode.TAGS_WRITE_FAILED,
            f"{path}: {error.strerror or error}; the file was left as it was.",
            "Check permissions." if denied else "Check the disk and its free space, then run again.",
        ) from error
