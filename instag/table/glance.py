"""Reads of a line only what the start of a job needs: two hundred thousand rows in about a second.

The other fields are checked for their kind alone; they are read in full when the row itself is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from instag.results import TagOutcome
from instag.table.codecs import CsvCodec, RowJsonCodec, unguard
from instag.table.rows import COLUMN_TYPES, COLUMNS, Mark, Review, Status, decision_of, row_from_record
from instag.table.strangers import StrangeRecordError, describe_columns

_AT = {name: index for index, name in enumerate(COLUMNS)}
_PATH, _STATUS, _TAGS, _DIGEST = (_AT[name] for name in ("path", "status", "tags_written", "audio_digest"))
_SIZE, _MTIME, _WINDOWS = (_AT[name] for name in ("size_bytes", "mtime_ns", "windows"))
_MODEL, _VERSION, _SETTINGS = (_AT[name] for name in ("model_id", "model_version", "settings"))
_REVIEW = tuple(_AT[name] for name in ("assigned_by", "dominant", "reviewed_label", "reviewed_by", "reviewed_at"))
_LABEL, _WHEN = _AT["reviewed_label"], _AT["reviewed_at"]
_NEEDS_REVIEW = _AT["needs_review"]
_FIRST_SCORE = _AT["error"] + 1
# Joined by semicolons: a comma in a number is a spreadsheet's, which no longer says what the row said.
_NUMBERS = re.compile(r"[0-9.eE;+-]*")
_SINGLES = tuple(_AT[name] for name in ("confidence", "duration_seconds", "heard_share"))
_STATUSES = {str(status): status for status in Status}
_OUTCOMES = {str(outcome): outcome for outcome in TagOutcome}
_TRUTHS = frozenset({"", "true", "false"})


class Glance(NamedTuple):
    """What the start of a job needs of a row."""

    path: str
    mark: Mark
    digest: str
    review: Review | None


@dataclass(frozen=True)
class CsvGlance:
    """For CSV.

    Attributes:
        codec: Reads a whole line.
    """

    codec: CsvCodec

    def __call__(self, line: bytes) -> Glance:
        """Reads a line, without its line end.

        Raises:
            ValueError: The line is damaged.
            StrangeRecordError: It is whole, and another program changed it.
        """
        texts = self.codec.texts(line)
        status, tags_written = _STATUSES.get(texts[_STATUS]), _OUTCOMES.get(texts[_TAGS])
        if (
            not texts[_PATH]
            or status is None
            or tags_written is None
            or texts[_NEEDS_REVIEW] not in _TRUTHS
            or not _NUMBERS.fullmatch(";".join((*texts[_FIRST_SCORE:], *(texts[index] for index in _SINGLES))))
            or b"\0" in line
        ):
            return self._refuse(line)
        try:
            mark = Mark(
                status,
                int(texts[_SIZE]) if texts[_SIZE] else None,
                int(texts[_MTIME]) if texts[_MTIME] else None,
                unguard(texts[_MODEL]),
                unguard(texts[_VERSION]),
                unguard(texts[_SETTINGS]),
                tags_written,
                int(texts[_WINDOWS]) if texts[_WINDOWS] else None,
            )
        except ValueError:
            return self._refuse(line)
        review = None
        if texts[_LABEL] or texts[_WHEN]:
            review = decision_of(*(unguard(texts[index]) for index in _REVIEW))
        return Glance(unguard(texts[_PATH]), mark, texts[_DIGEST], review)

    def _refuse(self, line: bytes) -> Glance:
        """Reads the whole line, whose error says what is wrong with it."""
        row = row_from_record(self.codec.decode(line))
        raise ValueError(f"the row of {row.path} is damaged")


@dataclass(frozen=True)
class JsonGlance:
    """For JSON Lines.

    Attributes:
        codec: Reads a whole line.
    """

    codec: RowJsonCodec

    def __call__(self, line: bytes) -> Glance:
        """Reads a line, without its line end.

        Raises:
            ValueError: The line is damaged.
            StrangeRecordError: It is whole, and another program wrote or changed it.
        """
        record = self.codec.decode(line)
        if len(record) != len(COLUMNS) or record.keys() != COLUMN_TYPES.keys():
            raise StrangeRecordError(describe_columns(record, COLUMNS))
        return glance_at(record)


def glance_at(record: Mapping[str, Any]) -> Glance:
    """What the start of a job needs of a record that has all columns.

    Raises:
        ValueError: A field is not of its type.
    """
    status = _STATUSES.get(str(record["status"]))
    tags_written = _OUTCOMES.get(str(record["tags_written"] or ""))
    numbers = [record[name] for name in ("size_bytes", "mtime_ns", "windows")]
    texts = [record[name] or "" for name in _TEXT_COLUMNS]
    is_sound = all(type(number) is int or number is None for number in numbers) and all(
        type(text) is str for text in texts
    )
    if status is None or tags_written is None or not is_sound or not texts[0]:
        row = row_from_record(record)
        raise ValueError(f"the row of {row.path} is damaged")
    path, model, version, settings, digest, *review = texts
    mark = Mark(status, numbers[0], numbers[1], model, version, settings, tags_written, numbers[2])
    return Glance(path, mark, digest, decision_of(*review))


_TEXT_COLUMNS = (
    "path",
    "model_id",
    "model_version",
    "settings",
    "audio_digest",
    "assigned_by",
    "dominant",
    "reviewed_label",
    "reviewed_by",
    "reviewed_at",
)
