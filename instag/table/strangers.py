"""What a file is that is not a table of ours, or no longer one: the sentence that a person gets instead of a loss."""

from __future__ import annotations

import re
from collections.abc import Collection

# A spreadsheet rounds long whole numbers so, and writes truth values in capitals.
_ROUNDED = re.compile(r"-?\d+([.,]\d+)?[eE]\+?\d+|-?\d+[.,]\d+")
_DECIMAL_COMMA = re.compile(r"-?\d+,\d+([eE][+-]?\d+)?")
_TRUTH = frozenset({"TRUE", "FALSE"})
# What tables said of an analysed file before the names of today.
_OLD_STATUS = "tagged"


class StrangeRecordError(ValueError):
    """A line that is whole, and that instag of this version did not write: it must never be moved or replaced."""


def describe_header(line: bytes, columns: Collection[str]) -> str:
    """Why the first line of a file is not the header of a table.

    Args:
        line: The first line.
        columns: The columns of a table, in their order.

    Returns:
        What the file is, as the end of a sentence that starts with its name.
    """
    text = line.decode("utf-8", "replace").rstrip("\r\n")
    plain = text.removeprefix("\ufeff")
    for separator, name in ((";", "semicolons"), ("\t", "tabs")):
        if set(_names(plain, separator)) >= set(columns):
            return f"was saved by a spreadsheet, which separates fields by {name}"
    names = _names(plain, ",")
    if text != plain and set(names) >= set(columns):
        return "was saved by a spreadsheet, which put a byte order mark in front"
    return describe_columns(names, columns)


def describe_columns(found: Collection[str], columns: Collection[str]) -> str:
    """Why these are not the columns of a table.

    Args:
        found: The names that the file has.
        columns: The columns of a table, in their order.

    Returns:
        The end of a sentence, as from `describe_header`.
    """
    added = [name for name in found if name not in columns]
    missing = [name for name in columns if name not in found]
    if not missing and added:
        return f"has columns that instag did not write ({_list(added)})"
    if not missing:
        return "has its columns in another order than instag writes them"
    if {"path", "status"} <= set(found):
        return f"was written by another version of instag (without {_list(missing)})"
    return "is not a table of instag"


def describe_value(name: str, text: str, kind: type) -> str | None:
    """What changed the value of a field, where it can be told.

    Args:
        name: The column.
        text: The value.
        kind: The type that it should have.

    Returns:
        The end of a sentence, or None where it is plain damage.
    """
    rounded = kind is int and _ROUNDED.fullmatch(text)
    if rounded or (kind is bool and text in _TRUTH) or (kind is float and _DECIMAL_COMMA.fullmatch(text)):
        return f"was saved by a spreadsheet, which turned {name} into {text}"
    if name == "status" and text == _OLD_STATUS:
        return f"was written by an earlier version of instag (its status is {text})"
    return None


def _names(text: str, separator: str) -> list[str]:
    return [name.strip('"') for name in text.split(separator)]


def _list(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
