"""One writer at a time: a lock beside the output, which ends with the process that holds it, however that ends."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from instag.errors import CannotStartError


@contextmanager
def locked(output: Path, remedy: str = "Wait for that job, or name another output.") -> Iterator[None]:
    """Holds the lock of an output file.

    The lock is the system's own on a file `NAME.lock`, so that it is gone with a process that is killed at any instant;
    what the file says of its holder is for people only.

    Args:
        output: The file.
        remedy: What to do if somebody else holds it.

    Raises:
        CannotStartError: Another job holds it, or the folder cannot be written.
    """
    output = Path(os.path.realpath(output))  # one lock, whatever link leads to the file
    if not output.parent.is_dir():  # filelock would make it, and a mistyped name would become a folder
        raise CannotStartError(f"{output}: there is no folder {output.parent}.", "Make it, or name another one.")
    path = output.with_name(output.name + ".lock")
    lock = FileLock(path, blocking=False)
    try:
        lock.acquire()
    except Timeout:
        raise CannotStartError(f"{output}: another job is writing it ({_holder(path)}).", remedy) from None
    except OSError as error:
        raise CannotStartError(
            f"{output}: cannot be written ({error.strerror}).", "Name a file in a folder that is there and writable."
        ) from None
    try:
        with contextlib.suppress(OSError):
            path.write_text(f"{os.getpid()}\n{platform.node()}\n")
        yield
    finally:
        # Removed while it is held: filelock looks after locking whether its file is still the one with that name.
        with contextlib.suppress(OSError):
            path.unlink()
        lock.release()


def _holder(path: Path) -> str:
    try:
        process, host = path.read_text(errors="replace").split("\n")[:2]
    except (OSError, ValueError):
        return "its name cannot be read"
    return f"process {process} on {host}"
