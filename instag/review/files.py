"""Which files the page may play: those of the table, and no link that leads out of their folders."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from instag.errors import ErrorCode, FileError
from instag.paths import for_terminal, locate, unreachable


class Files:
    """The folders of a table's recordings.

    A relative path belongs to the folder that relative paths start from; every other path to the deepest folder that
    all of those have in common. Links inside these folders are followed.
    """

    def __init__(self, root: Path | None) -> None:
        """Knows no path yet.

        Args:
            root: The folder that relative paths start from; the current one where it is None.
        """
        self._given_root = root
        self._root = _absolute(root or Path())
        self._common: str | None = None

    def learn(self, path: str) -> None:
        """Takes note of a path of the table."""
        full = _absolute(locate(path, self._given_root))
        if not _is_inside(full, self._root):
            folder = os.path.dirname(full)  # noqa: PTH120 - a Path for each of a million rows is slow
            self._common = folder if self._common is None else os.path.commonpath((self._common, folder))

    def find(self, path: str) -> Path:
        """The real file of a path of the table.

        Raises:
            FileError: It is not there, is no regular file, or a link leads out of the folders.
        """
        full = locate(path, self._given_root)
        try:
            real = os.path.realpath(full, strict=True)
            is_file = stat.S_ISREG(os.stat(real).st_mode)  # noqa: PTH116
        except (OSError, ValueError) as error:
            raise unreachable(full, error) from None
        if not is_file:
            raise FileError(ErrorCode.NOT_A_FILE, f"{for_terminal(full)}: not a regular file.", "Check the path.")
        top = self._root if _is_inside(_absolute(full), self._root) else self._common
        if top is None or not _is_inside(real, os.path.realpath(top)):
            raise FileError(
                ErrorCode.NOT_READABLE,
                f"{for_terminal(full)}: a symbolic link leads out of the folder of the table's recordings.",
                "Name the folder that holds them all with --root.",
            )
        return Path(real)


def _absolute(path: Path) -> str:
    """By the names alone: a link stays a link."""
    return os.path.abspath(path)  # noqa: PTH100


def _is_inside(path: str, folder: str) -> bool:
    return path.startswith(os.path.join(folder, ""))  # noqa: PTH118
