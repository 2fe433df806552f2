"""Which sample people were asked to hear: a small JSON file beside the table."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from instag.constants import TEMPORARY_PREFIX
from instag.errors import CannotStartError

_MARK = "instag_sample"
_FORM = 1


@dataclass(frozen=True)
class SampleRecord:
    """What a sample needs to be drawn again.

    Attributes:
        count: How many files were asked for.
        seed: Of the draw.
        drawn_at: When the first sample of the table was drawn, ISO 8601 in UTC: what people decided before is no part
            of it.
    """

    count: int
    seed: int
    drawn_at: str


def sample_path(table: Path) -> Path:
    """Where the record of a table's sample lies."""
    return table.with_name(f"{table.name}.sample.json")


def read_sample(table: Path) -> SampleRecord | None:
    """The record of a table's sample; None where none was drawn.

    Raises:
        CannotStartError: It cannot be read, or instag did not write it.
    """
    path = sample_path(table)
    try:
        document = json.loads(path.read_text("utf-8"))
        if document.pop(_MARK) != _FORM:
            raise ValueError("another form")
        record = SampleRecord(**document)
        if type(record.count) is not int or type(record.seed) is not int or type(record.drawn_at) is not str:
            raise ValueError("a field has another type")
        return record
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CannotStartError(f"{path}: cannot be read ({error.strerror}).", "Check its permissions.") from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise CannotStartError(
            f"{path}: is not the record of a sample that instag wrote.",
            "Move it away and draw the sample again; what people decided stays in the table.",
        ) from None


def keep_sample(table: Path, count: int) -> SampleRecord:
    """Takes down that a sample is drawn; one of the same size that is there already stays.

    A larger sample goes on from a smaller one: decisions since the first one count.

    Raises:
        CannotStartError: The record cannot be read or written.
    """
    before = read_sample(table)
    if before and before.count == count:
        return before
    now = datetime.now(UTC).isoformat(timespec="seconds")
    record = SampleRecord(count, before.seed if before else 0, before.drawn_at if before else now)
    _write(table, record)
    return record


def join_samples(sources: Sequence[Path], output: Path) -> None:
    """Keeps the record of the samples that were drawn from some tables beside the table that is made of them.

    The largest one is to be heard, and the earliest time lets all decisions count.

    Raises:
        CannotStartError: A record cannot be read or written.
    """
    records = [record for record in map(read_sample, sources) if record]
    if records:
        largest = max(records, key=lambda record: record.count)
        _write(output, replace(largest, drawn_at=min(record.drawn_at for record in records)))


def _write(table: Path, record: SampleRecord) -> None:
    path = sample_path(table)
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{path.name}")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(json.dumps({_MARK: _FORM, **asdict(record)}) + "\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise CannotStartError(
            f"{path}: cannot be written ({error.strerror}).", "The sample needs a folder that you may write to."
        ) from None
