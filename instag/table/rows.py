"""One row per file: the fields of the results table, the same in CSV, JSON Lines and SQLite."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, NamedTuple, cast

from instag.identifiers import identifiers
from instag.labels import LABELS
from instag.results import TagOutcome
from instag.table.strangers import StrangeRecordError, describe_value

Value = str | int | float | bool | None


class Status(StrEnum):
    """What became of a file."""

    ANALYSED = "analysed"
    SKIPPED = "skipped"
    FAILED = "failed"


class AssignedBy(StrEnum):
    """Who a file's label comes from."""

    NOBODY = ""
    MACHINE = "machine"
    PERSON = "person"


@dataclass(frozen=True)
class Review:
    """A person's word on a recording.

    Attributes:
        label: The label that the person gave.
        by: Who.
        at: When, ISO 8601 in UTC.
        heard: Whether a person listened. Otherwise the machine's label was accepted unheard, and `by` says at which
            risk, or by whom.
    """

    label: str
    by: str
    at: str
    heard: bool = True


def decision_of(assigned_by: str, dominant: str, label: str, by: str, at: str) -> Review | None:
    """What the columns of a row say of its review.

    Args:
        assigned_by: The column `assigned_by`.
        dominant: The machine's label.
        label: The column `reviewed_label`.
        by: The column `reviewed_by`.
        at: The column `reviewed_at`.
    """
    if not (label or at):
        return None
    if not label and assigned_by == AssignedBy.MACHINE:
        return Review(dominant, by, at, heard=False)
    return Review(label, by, at)


@dataclass(frozen=True)
class Row:
    """A row of the results table.

    Attributes:
        path: As given, in the form of `instag.paths.to_table`.
        status: Analysed, skipped or failed.
        dominant: Label of the most likely dominant instrument; "" where the file failed.
        confidence: Its calibrated probability.
        needs_review: Whether a person should listen.
        instruments: Labels heard, the one with the largest share of time first; joined by `;` where it is written.
        assigned_by: Whether the label is the machine's or a person's; nobody's where the file failed.
        reviewed_label: The label a person gave, or "". The machine's stays in `dominant`.
        reviewed_by: Who gave it; where the machine's label was accepted unheard, at which risk, or by whom.
        reviewed_at: When, ISO 8601 in UTC.
        duration_seconds: Length of what was decoded.
        heard_share: How much of the file's sound was decoded, 0..1; None where the file does not tell.
        windows: Number of windows.
        silent_windows: How many of them were silent.
        sample_rate: Of the file, in Hz.
        channels: Of the file.
        size_bytes: Size after tags were written.
        mtime_ns: Modification time after tags were written.
        audio_digest: Digest of the audio essence, which tagging never changes.
        tags_written: What became of the tags.
        model_id: The model that was used.
        model_version: Its version.
        settings: The options that decide the result.
        instag_version: The version of instag.
        analysed_at: When, ISO 8601 in UTC.
        error_code: One of `instag.errors.ErrorCode`, or "".
        error: What is wrong and what to do, or a warning; one line.
        scores: For each label the file's dominant score.
        shares: For each label the share of the heard time in which it is heard.
        presences: For each label the file's presence.
    """

    path: str
    status: Status
    dominant: str = ""
    confidence: float | None = None
    needs_review: bool | None = None
    instruments: tuple[str, ...] = ()
    assigned_by: AssignedBy = AssignedBy.NOBODY
    reviewed_label: str = ""
    reviewed_by: str = ""
    reviewed_at: str = ""
    duration_seconds: float | None = None
    heard_share: float | None = None
    windows: int | None = None
    silent_windows: int | None = None
    sample_rate: int | None = None
    channels: int | None = None
    size_bytes: int | None = None
    mtime_ns: int | None = None
    audio_digest: str = ""
    tags_written: TagOutcome = TagOutcome.NOT_ASKED
    model_id: str = ""
    model_version: str = ""
    settings: str = ""
    instag_version: str = ""
    analysed_at: str = ""
    error_code: str = ""
    error: str = ""
    scores: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()
    presences: tuple[float, ...] = ()

    @property
    def label(self) -> str:
        """The label that counts: the person's if there is one, else the machine's; "" where the file failed."""
        return self.reviewed_label or self.dominant

    @property
    def review(self) -> Review | None:
        """The word of a person who heard it, if there is one."""
        return self.decision if self.decision and self.decision.heard else None

    @property
    def is_accepted(self) -> bool:
        """Whether the machine's label was accepted unheard."""
        return self.decision is not None and not self.decision.heard

    @property
    def decision(self) -> Review | None:
        """A person's word, or the acceptance of the machine's label unheard."""
        return decision_of(self.assigned_by, self.dominant, self.reviewed_label, self.reviewed_by, self.reviewed_at)

    @property
    def wants_review(self) -> bool:
        """Whether a person should still listen."""
        return bool(self.needs_review) and not self.is_accepted and not self.reviewed_label

    def to_record(self) -> dict[str, Value]:
        """The row as one flat record, in the order of `COLUMNS`; an absent value is None."""
        record = {name: getattr(self, name) for name in _PLAIN}
        record["status"] = str(self.status)
        record["instruments"] = ";".join(self.instruments)
        record["assigned_by"] = str(self.assigned_by)
        record["tags_written"] = str(self.tags_written)
        record.update(zip(_SCORE_COLUMNS, self.scores or _NO_SCORES, strict=True))
        record.update(zip(_SHARE_COLUMNS, self.shares or _NO_SCORES, strict=True))
        record.update(zip(_PRESENT_COLUMNS, self.presences or _NO_SCORES, strict=True))
        return {name: None if value == "" else value for name, value in record.items()}


class Mark(NamedTuple):
    """What of a row decides whether its file is done. A tuple, since one is made for every row when a job starts."""

    status: Status
    size_bytes: int | None
    mtime_ns: int | None
    model_id: str
    model_version: str
    settings: str
    tags_written: TagOutcome
    windows: int | None

    @staticmethod
    def of(row: Row) -> Mark:
        """The mark of a row."""
        return Mark(
            row.status,
            row.size_bytes,
            row.mtime_ns,
            row.model_id,
            row.model_version,
            row.settings,
            row.tags_written,
            row.windows,
        )


_PLAIN = tuple(field.name for field in fields(Row) if field.name not in ("scores", "shares", "presences"))
_SCORE_COLUMNS = tuple(f"score_{label}" for label in LABELS)
_SHARE_COLUMNS = tuple(f"share_{label}" for label in LABELS)
_PRESENT_COLUMNS = tuple(f"present_{label}" for label in LABELS)
_NO_SCORES: tuple[None, ...] = (None,) * len(LABELS)

# The words of the column `settings` that say what was written beside the table.
TAGS, SIDECAR = "tags", "sidecar"
OUTPUTS = frozenset({TAGS, SIDECAR})


def without_outputs(settings: str) -> str:
    """What decides the result, of a value of the column `settings`."""
    return " ".join(word for word in settings.split() if word not in OUTPUTS)


# What JSON has beside the columns.
IDENTIFIERS = "identifiers"
COLUMNS: tuple[str, ...] = (*_PLAIN, *_SCORE_COLUMNS, *_SHARE_COLUMNS, *_PRESENT_COLUMNS)

_INTEGERS = frozenset({"windows", "silent_windows", "sample_rate", "channels", "size_bytes", "mtime_ns"})
_BOOLEANS = frozenset({"needs_review"})
_REALS = frozenset(
    {"confidence", "duration_seconds", "heard_share", *_SCORE_COLUMNS, *_SHARE_COLUMNS, *_PRESENT_COLUMNS}
)

COLUMN_TYPES: dict[str, type] = {
    name: int if name in _INTEGERS else bool if name in _BOOLEANS else float if name in _REALS else str
    for name in COLUMNS
}


def with_identifiers(record: Mapping[str, Value]) -> dict[str, Any]:
    """A record as JSON holds it: `identifiers` tells what its labels are called in thesauri and code lists.

    Args:
        record: What `Row.to_record` gave.
    """
    labels = dict.fromkeys(
        (record["reviewed_label"], record["dominant"], *str(record["instruments"] or "").split(";")),
    )
    known = {
        str(label): {scheme: found.to_document() for scheme, found in identifiers(str(label)).items()}
        for label in labels
        if label and identifiers(str(label))
    }
    return {**record, IDENTIFIERS: known}


def row_from_record(record: Mapping[str, Any]) -> Row:
    """The inverse of `Row.to_record`.

    Raises:
        ValueError: A field is missing, or is not of its type.
    """
    values: dict[str, Value] = {}
    for name in COLUMNS:
        if name not in record:
            raise ValueError(f"the field {name!r} is missing")
        values[name] = _checked(name, record[name])
    plain: dict[str, Any] = {name: values[name] for name in _PLAIN}
    for name in _PLAIN:
        if plain[name] is None and COLUMN_TYPES[name] is str:
            plain[name] = ""
    if not plain["path"]:
        raise ValueError("the field 'path' is empty")
    if strange := describe_value("status", plain["status"], str):
        raise StrangeRecordError(strange)
    plain["status"] = Status(plain["status"])
    plain["instruments"] = tuple(label for label in plain["instruments"].split(";") if label)
    plain["assigned_by"] = AssignedBy(plain["assigned_by"])
    plain["tags_written"] = TagOutcome(plain["tags_written"])
    return Row(
        **plain,
        scores=_scores(values, _SCORE_COLUMNS),
        shares=_scores(values, _SHARE_COLUMNS),
        presences=_scores(values, _PRESENT_COLUMNS),
    )


def _checked(name: str, value: Any) -> Value:
    kind = COLUMN_TYPES[name]
    if value is None:
        return None
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ValueError(f"the field {name!r} is {value!r}")
    return cast(Value, value)


def _scores(values: Mapping[str, Value], names: tuple[str, ...]) -> tuple[float, ...]:
    numbers = [values[name] for name in names]
    if any(number is None for number in numbers):
        return ()
    return tuple(float(number) for number in numbers if number is not None)


assert len(COLUMNS) == 27 + 3 * len(LABELS)
