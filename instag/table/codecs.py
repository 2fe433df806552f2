"""How a record becomes one line of CSV or JSON Lines, and back.

A line never holds a line break (paths and messages are escaped before), so a file of records can be read, repaired and
cut line by line.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from instag.table.rows import IDENTIFIERS, Value, with_identifiers
from instag.table.strangers import StrangeRecordError, describe_value

# A spreadsheet would run a field that starts so as a formula (OWASP, "CSV Injection"). An apostrophe in front stops it;
# one that stood there already gets another, so that the text comes back as it was.
_FORMULA = re.compile(r"'*[=+\-@]")
_GUARDED = re.compile(r"'+[=+\-@]")


class LineCodec(Protocol):
    """Turns records into lines and lines into records."""

    @property
    def header(self) -> bytes:
        """The first line of the file, with its line end; empty where the format has none."""

    @property
    def start(self) -> bytes:
        """The bytes that every record starts with."""

    def encode(self, record: Mapping[str, Value]) -> bytes:
        """One line, with its line end."""

    def decode(self, line: bytes) -> dict[str, Any]:
        """The record of one line (without its line end).

        Raises:
            ValueError: The line is no whole record.
            StrangeRecordError: It is whole, and was written or changed by another program.
        """


@dataclass(frozen=True)
class CsvCodec:
    """RFC 4180, UTF-8. Absent values are empty fields.

    Attributes:
        types: The columns in their order, with their types.
    """

    types: Mapping[str, type]
    start: bytes = b""

    @property
    def header(self) -> bytes:
        """The names of the columns."""
        return _csv_line(list(self.types))

    def encode(self, record: Mapping[str, Value]) -> bytes:
        """One line, with its line end."""
        return _csv_line([_csv_text(record[name]) for name in self.types])

    def decode(self, line: bytes) -> dict[str, Any]:
        """The record of one line."""
        texts = self.texts(line)
        return {
            name: _from_csv_text(name, text, self.types[name]) for name, text in zip(self.types, texts, strict=True)
        }

    def texts(self, line: bytes) -> list[str]:
        """The fields of one line as they stand there.

        Raises:
            ValueError: They are not as many as the columns.
        """
        text = line.decode("utf-8")
        try:
            # Most lines have no quotes, and splitting them is ten times as fast.
            texts = next(csv.reader([text], strict=True)) if '"' in text else text.split(",")
        except (csv.Error, StopIteration) as error:
            raise ValueError(str(error)) from None
        if len(texts) != len(self.types):
            raise ValueError(f"{len(texts)} fields instead of {len(self.types)}")
        return texts


@dataclass(frozen=True)
class JsonLinesCodec:
    """One JSON object per line, UTF-8. Absent values are null."""

    header: bytes = b""
    start: bytes = b'{"path": '

    def encode(self, record: Mapping[str, Value]) -> bytes:
        """One line, with its line end."""
        return json.dumps(record, ensure_ascii=False, allow_nan=False).encode() + b"\n"

    def decode(self, line: bytes) -> dict[str, Any]:
        """The record of one line."""
        try:
            record = json.loads(line)
        except RecursionError:
            raise ValueError("nested too deeply") from None
        if not isinstance(record, dict):
            raise StrangeRecordError("is not a table of instag")
        return record


@dataclass(frozen=True)
class RowJsonCodec(JsonLinesCodec):
    """Rows of the results table in JSON Lines: each brings the identifiers of its labels, for programs that read it."""

    def encode(self, record: Mapping[str, Value]) -> bytes:
        """One line, with its line end."""
        return super().encode(with_identifiers(record))

    def decode(self, line: bytes) -> dict[str, Any]:
        """The record of one line; the identifiers follow from its labels."""
        record = super().decode(line)
        record.pop(IDENTIFIERS, None)
        return record


def _csv_line(fields: list[str]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(fields)
    return buffer.getvalue().encode()


def _csv_text(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return guard(value)
    return str(value)


def guard(text: str) -> str:
    """The text of a field as it stands in CSV, where no spreadsheet runs it."""
    return "'" + text if _FORMULA.match(text) else text


def unguard(text: str) -> str:
    """The inverse of `guard`."""
    return text[1:] if text.startswith("'") and _GUARDED.match(text) else text


def _from_csv_text(name: str, text: str, kind: type) -> Value:
    if not text:
        return None
    if kind is str:
        text = unguard(text)
    if strange := describe_value(name, text, kind):
        raise StrangeRecordError(strange)
    if kind is bool:
        if text not in ("true", "false"):
            raise ValueError(f"{text!r} is neither true nor false")
        return text == "true"
    value: Value = kind(text)
    return value
