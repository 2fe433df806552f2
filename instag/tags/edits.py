"""Changes to a file as a list of replaced ranges: whatever is in no range is copied byte for byte.

This is how everything that other people wrote survives: it is never decoded and written again.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Edit:
    """Puts `content` where the bytes from `start` to `end` were; start == end inserts."""

    start: int
    end: int
    content: bytes


@dataclass(frozen=True)
class RawField:
    """A tag field as it stands in a file.

    Attributes:
        key: As the file spells it.
        values: Its texts, or None where it holds something else than text.
    """

    key: str
    values: tuple[str, ...] | None


def growth(edits: Sequence[Edit]) -> int:
    """By how many bytes the file grows."""
    return sum(len(edit.content) - (edit.end - edit.start) for edit in edits)


def copy_with_edits(source: BinaryIO, target: BinaryIO, edits: Sequence[Edit]) -> None:
    """Writes a copy of `source` with the edits applied.

    Args:
        source: The file as it is.
        target: An empty file.
        edits: In any order; they must not overlap.
    """
    position = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        assert position <= edit.start <= edit.end, "edits overlap"
        _copy_range(source, target, position, edit.start)
        target.write(edit.content)
        position = edit.end
    source.seek(position)
    shutil.copyfileobj(source, target, _BLOCK_BYTES)


def _copy_range(source: BinaryIO, target: BinaryIO, start: int, end: int) -> None:
    source.seek(start)
    left = end - start
    while left > 0:
        block = source.read(min(left, _BLOCK_BYTES))
        if not block:
            raise OSError("the file became shorter while it was copied")
        target.write(block)
        left -= len(block)
