"""Names of files as text: in tables, reversibly; on terminals, harmlessly.

A POSIX file name is any bytes without `/` and NUL: line breaks, escape sequences and bytes that are no UTF-8 included.
Python carries such bytes as lone surrogates (`surrogateescape`), which no UTF-8 file can hold.
"""

from __future__ import annotations

import errno
import os
import re
import unicodedata
from functools import lru_cache
from pathlib import Path

from instag.errors import ErrorCode, FileError

# On Windows names are UTF-16, and lone surrogates stand for themselves.
_ON_WINDOWS = os.name == "nt"
_CODEC_ERRORS = "surrogatepass" if _ON_WINDOWS else "surrogateescape"

# What a table's row never holds: control characters, line and paragraph separators, surrogates, and the escape itself.
_UNFIT_FOR_TABLE = frozenset({"Cc", "Zl", "Zp", "Cs"})
# A terminal is harmed by format characters too (they turn the direction of writing round), but joiners are ordinary
# parts of Persian and Indian words and of emoji.
_UNFIT_FOR_TERMINAL = _UNFIT_FOR_TABLE | {"Cf"}
_JOINERS = "\u200c\u200d"
# Spreadsheets take a field that starts so for a formula.
_FORMULA_STARTS = ("=", "+", "-", "@")

_ESCAPED = re.compile(rb"\\(?:x([0-9a-f]{2})|(\\))")


def _escape(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", _CODEC_ERRORS))


def to_table(path: str | os.PathLike[str]) -> str:
    r"""A path as it stands in tables.

    `/` separates folders on every system. Every byte of a control character, of a line or paragraph separator and of
    what is no UTF-8 becomes `\xNN`, a backslash `\\`. A relative path that starts like a formula gets `./` in front.
    """
    text = os.fspath(path)
    if _ON_WINDOWS:
        text = text.replace("\\", "/")
    if text.startswith(_FORMULA_STARTS):
        text = f"./{text}"
    if text.isascii() and text.isprintable() and "\\" not in text:
        return text
    return "".join(
        r"\\" if c == "\\" else _escape(c) if unicodedata.category(c) in _UNFIT_FOR_TABLE else c for c in text
    )


def from_table(text: str) -> str:
    """The path that `to_table` wrote; `./` in front stays, since it names the same file."""
    if "\\" not in text:
        return text

    def unescape(match: re.Match[bytes]) -> bytes:
        return bytes([int(match[1], 16)]) if match[1] else b"\\"

    return _ESCAPED.sub(unescape, text.encode("utf-8", _CODEC_ERRORS)).decode("utf-8", _CODEC_ERRORS)


def table_path(path: str | os.PathLike[str], root: Path | None = None) -> str:
    """The path of a file as it stands in the table of a job.

    Args:
        path: As it was given or found.
        root: Where given, a file below it is named relative to it, however it was spelled and whatever links lead to
            its folder; any other file has its absolute path. So each file has one name.
    """
    if root is None:
        return to_table(path)
    folder, name = os.path.split(os.path.normpath(path))
    full = os.path.join(_real_folder(folder), name)  # noqa: PTH118 - a Path for each of a million files is slow
    top = os.path.join(_real_folder(os.fspath(root)), "")  # noqa: PTH118
    return to_table(full.removeprefix(top))


@lru_cache(maxsize=1024)
def _real_folder(folder: str) -> str:
    return os.path.realpath(folder)


def locate(text: str, root: Path | None = None) -> Path:
    """The file that a path of a table leads to.

    Args:
        text: As it stands in the table.
        root: The folder that relative paths start from; the current one where it is None.
    """
    path = Path(from_table(text))
    return root / path if root else path


def other_spelling(path: str | os.PathLike[str], folder: str) -> str:
    """The absolute spelling of a relative path, or the relative one of an absolute path; "" where there is none.

    Args:
        path: The path.
        folder: The current folder, absolute.
    """
    text = os.fspath(path)
    if not Path(text).is_absolute():
        return os.path.normpath(os.path.join(folder, text))  # noqa: PTH118
    top = os.path.join(folder, "")  # noqa: PTH118
    normal = os.path.normpath(text)
    return normal.removeprefix(top) if normal.startswith(top) else ""


def for_terminal(path: str | os.PathLike[str]) -> str:
    r"""A path for messages: what could command a terminal, break a line or fail to print stands as `\xNN`."""
    text = os.fspath(path)
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        _escape(c) if unicodedata.category(c) in _UNFIT_FOR_TERMINAL and c not in _JOINERS else c for c in text
    )


def unreachable(path: str | os.PathLike[str], error: OSError | ValueError) -> FileError:
    """The operating system's refusal of a path, as an error of that file.

    Args:
        path: The file or folder.
        error: What the system said; ValueError is Python's word for a name with a NUL in it.
    """
    name = for_terminal(path)
    number = error.errno if isinstance(error, OSError) else errno.ENOENT
    if number in (errno.ENOENT, errno.ENOTDIR):
        return FileError(ErrorCode.NOT_FOUND, f"{name}: there is no such file or folder.", "Check the path.")
    if number in (errno.EACCES, errno.EPERM):
        return FileError(
            ErrorCode.NOT_READABLE, f"{name}: permission to read it is denied.", "Run as a user who may read it."
        )
    if number == errno.ELOOP:
        return FileError(
            ErrorCode.NOT_FOUND, f"{name}: its symbolic links lead round in a circle.", "Remove or repair the link."
        )
    reason = (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
    return FileError(
        ErrorCode.NOT_READABLE, f"{name}: the system cannot read it ({reason}).", "Check the disk or the network share."
    )


def is_same_file(one: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    """Whether two paths lead to one file, by another spelling, a link or a hard link; the file need not exist yet."""
    if os.path.realpath(one) == os.path.realpath(other):
        return True
    try:
        return Path(one).samefile(other)
    except OSError:
        return False


def one_line(text: str) -> str:
    """A message that fits one line of a table or a terminal, whatever a library put into it."""
    return for_terminal(" ".join(text.split()))
