"""Makes the surroundings safe before a command runs: streams that are closed, a current folder that is gone."""

from __future__ import annotations

import atexit
import errno
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from instag.errors import ExitCode, UsageError

_gone_folder: list[bool] = []


def prepare() -> None:
    """Makes streams and the current folder usable, or ends with a sentence where they cannot be."""
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - it lives as long as the process
    if sys.stdout is None:
        _end("standard output is closed", "Redirect it to a file, or to /dev/null.")
    # A name that is not valid UTF-8 must not stop a job when it is printed.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        Path.cwd()
    except FileNotFoundError:
        # Worker processes need a current folder, and absolute paths still lead to their files. An empty one, so that no
        # relative path can lead anywhere.
        empty = tempfile.mkdtemp(prefix="instag-")
        os.chdir(empty)
        atexit.register(_leave, empty)
        _gone_folder.append(True)


def _leave(empty: str) -> None:
    os.chdir("/")
    Path(empty).rmdir()


def check_reachable(path: Path, name: str) -> Path:
    """Checks that a path of the command line means something.

    Raises:
        UsageError: It is relative, and the current folder no longer exists.
    """
    if _gone_folder and not path.is_absolute():
        raise UsageError(
            f"{name} {path}: the current folder no longer exists.",
            "Change into a folder that exists, or give absolute paths.",
        )
    return path


@contextmanager
def written_output() -> Iterator[None]:
    """Sees to it that what was printed has arrived; a full disk or a closed pipe ends with a sentence."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # The reader went away (`instag ... | head`). Python would complain once more while closing.
        _silence_stdout()
        raise SystemExit(ExitCode.SOME_FAILED) from None
    except OSError as error:
        if error.filename is not None or error.errno not in (errno.ENOSPC, errno.EIO, errno.EBADF, errno.EDQUOT):
            raise
        _silence_stdout()
        _end(f"standard output cannot be written ({error.strerror})", "Free some space, or redirect it elsewhere.")


def _silence_stdout() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _end(what: str, remedy: str) -> None:
    print(f"instag: {what}. {remedy}", file=sys.stderr)
    raise SystemExit(ExitCode.CANNOT_START)
