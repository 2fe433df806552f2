"""One writer at a time: a lock beside the output, taken over from a process that is dead."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import SoftFileLock, Timeout

from instag.errors import CannotStartError


@contextmanager
def locked(output: Path) -> Iterator[None]:
    """Holds the lock of an output file.

    The lock is a file `NAME.lock` that names its holder's process and host; filelock takes it over where that process
    no longer runs on this host.

    Raises:
        CannotStartError: Another job holds it, or the folder cannot be written.
    """
    output = Path(os.path.realpath(output))  # one lock, whatever link leads to the file
    if not output.parent.is_dir():  # filelock would make it, and a mistyped name would become a folder
        raise CannotStartError(f"{output}: there is no folder {output.parent}.", "Make it, or name another one.")
    path = output.with_name(output.name + ".lock")
    lock = SoftFileLock(path, blocking=False)
    try:
        lock.acquire()
    except Timeout:
        raise CannotStartError(
            f"{output}: another job is writing it ({_holder(path)}).",
            f"Wait for that job, or name another output. If it no longer runs, delete {path}.",
        ) from None
    except OSError as error:
        raise CannotStartError(
            f"{output}: cannot be written ({error.strerror}).", "Name a file in a folder that is there and writable."
        ) from None
    try:
        yield
    finally:
        lock.release()


def _holder(path: Path) -> str:
    try:
        process, host = path.read_text(errors="replace").split("\n")[:2]
    except (OSError, ValueError):
        return "its name cannot be read"
    return f"process {process} on {host}"
