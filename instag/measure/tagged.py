"""What other people wrote into the files of a table as INSTRUMENT tags."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from instag.errors import FileError
from instag.measure.truth import normal_path
from instag.paths import locate
from instag.table.rows import Row
from instag.tags import read_instruments_of_others


def read_tagged(rows: Iterable[Row], root: Path | None) -> tuple[dict[str, str], list[str]]:
    """Reads the tags of each file.

    Args:
        rows: The rows of a table.
        root: The folder that relative paths in the table start from; the current one where it is None.

    Returns:
        What is written in each file, by its path as `normal_path` gives it, without files where nothing is; and the
        files that cannot be read.
    """
    written: dict[str, str] = {}
    unreadable: list[str] = []
    for row in rows:
        try:
            words = read_instruments_of_others(locate(row.path, root))
        except FileError:
            unreadable.append(row.path)
            continue
        if words:
            written[normal_path(row.path)] = "; ".join(words)
    return written, unreadable
