"""How a record becomes one line of CSV or JSON Lines, and back.

A line never holds a line break (paths and messages are escaped before), so a file of records can be read, repaired and
cut line by line.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from instag.table.rows import Value

# A spreadsheet would run a field that starts so as a formula (OWASP, "CSV Injection").
_FORMULA_STARTS = ("=", "+", "-", "@")


class LineCodec(Protocol):
    """Turns records into lines and lines into records."""

    @property
    def header(self) -> bytes:
        """The first line of the file, with its line end; empty where the format has none."""

    def encode(self, record: Mapping[str, Value]) -> bytes:
        """One line, with its line end."""

    def decode(self, line: bytes) -> dict[str, Any]:
        """The record of one line (without its line end).

        Raises:
            ValueError: The line is not a whole record.
        """


@dataclass(frozen=True)
class CsvCodec:
    """RFC 4180, UTF-8. Absent values are empty fields.

    Attributes:
        types: The columns in their order, with their types.
    """

    types: Mapping[str, type]

    @property
    def header(self) -> bytes:
        """The names of the columns."""
        return _csv_line(list(self.types))

    def encode(self, record: Mapping[str, Value]) -> bytes:
        """One line, with its line end."""
        return _csv_line([_csv_text(record[name]) for name in self.types])

    def decode(self, line: bytes) -> dict[str, Any]:
        """The record of one line."""
        try:
            texts = next(csv.reader([line.decode("utf-8")], strict=True))
        except (csv.Error, StopIteration) as error:
            raise ValueError(str(error)) from None
        if len(texts) != len(self.types):
            raise ValueError(f"{len(texts)} fields instead of {len(self.types)}")
        return {name: _from_csv_text(text, kind) for (name, kind), text in zip(self.types.items(), texts, strict=True)}


@dataclass(frozen=True)
class JsonLinesCodec:
    """One JSON object per line, UTF-8. Absent values are null."""

    header: bytes = b""

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
            raise ValueError("not a JSON object")
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
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return "'" + value
    return str(value)


def _from_csv_text(text: str, kind: type) -> Value:
    if not text:
        return None
    if kind is bool:
        if text not in ("true", "false"):
            raise ValueError(f"{text!r} is neither true nor false")
        return text == "true"
    value: Value = kind(text)
    return value
