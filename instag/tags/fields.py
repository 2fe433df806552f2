"""The fields that instag writes into a file: their names and their values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from instag.containers import UnsupportedError
from instag.tags.edits import RawField

INSTRUMENT = "INSTRUMENT"
HEARD = "INSTRUMENT_HEARD"
DOMINANT = "INSTRUMENT_DOMINANT"
CONFIDENCE = "INSTRUMENT_CONFIDENCE"
SOURCE = "INSTRUMENT_SOURCE"
REVIEW = "INSTRUMENT_REVIEW"
UNDO = "INSTRUMENT_UNDO"
# Names that builds before version 1.0 wrote. They are removed, and replaced when tags are written again.
_OLD_NAMES = {
    "INSTAG_INSTRUMENT": HEARD,
    "INSTAG_DOMINANT": DOMINANT,
    "INSTAG_CONFIDENCE": CONFIDENCE,
    "INSTAG_MODEL": SOURCE,
    "INSTAG_REVIEW": REVIEW,
    "INSTAG_UNDO": UNDO,
}
OWN_KEYS = frozenset((HEARD, DOMINANT, CONFIDENCE, SOURCE, REVIEW, UNDO, *_OLD_NAMES))

_MACHINE, _PERSON = "machine: ", "person: "

Fields = tuple[tuple[str, tuple[str, ...]], ...]


class ForeignFieldError(UnsupportedError):
    """A field of somebody else is in the way.

    Attributes:
        remedy: What the user can do.
    """

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.remedy = remedy


@dataclass(frozen=True)
class TagValues:
    """The values that instag writes into a file.

    Attributes:
        instruments: Display names for `INSTRUMENT`, empty where none of the eleven is heard.
        dominant: Name of the label.
        confidence: 0..1; written with three decimals.
        source: Who says so, as `machine_source` or `person_source` gives it.
        needs_review: True where a person should listen.
    """

    instruments: tuple[str, ...]
    dominant: str
    confidence: float
    source: str
    needs_review: bool


@dataclass(frozen=True)
class Change:
    """What to do with a file's fields.

    Attributes:
        remove: Keys in capitals; all their fields are removed.
        add: Fields to add, in order.
        drop: Parts of the container to remove if nothing is left in them.
        put_back: Fields of somebody else to put back where they were, each with the bytes it had.
    """

    remove: frozenset[str]
    add: Fields
    drop: tuple[str, ...] = ()
    put_back: tuple[RawField, ...] = ()

    def wanted(self) -> dict[str, tuple[str, ...]]:
        """What the file says under the removed keys after the change: texts by key in capitals."""
        texts: dict[str, tuple[str, ...]] = {}
        for key, values in (*((field.key, field.values or ()) for field in self.put_back), *self.add):
            texts[key.upper()] = texts.get(key.upper(), ()) + values
        return texts


def current_name(key: str) -> str:
    """A key in capitals, by the name it has today."""
    return _OLD_NAMES.get(key.upper(), key.upper())


def collect(fields: Iterable[RawField], key: str) -> tuple[str, ...]:
    """All texts of a key under today's or its old name, in order."""
    return tuple(value for field in fields if current_name(field.key) == key for value in field.values or ())


def values_from(fields: Mapping[str, tuple[str, ...]]) -> TagValues | None:
    """What instag wrote, from fields by key in capitals; None where it wrote nothing that is understood."""
    fields = {current_name(key): values for key, values in fields.items()}
    first = {key: fields[key][0] for key in OWN_KEYS if fields.get(key)}
    try:
        confidence = float(first[CONFIDENCE])
        return TagValues(fields.get(HEARD, ()), first[DOMINANT], confidence, first[SOURCE], first[REVIEW] == "1")
    except (KeyError, ValueError):
        return None


def machine_source(model_id: str, version: str) -> str:
    """The source of values that a model found, for example `machine: instag-yamnet 1.2.0`."""
    return f"{_MACHINE}{model_id} {version}"


def person_source(name: str, date: str) -> str:
    """The source of values that a person decided.

    Args:
        name: The person's name.
        date: The day of the decision, as YYYY-MM-DD.
    """
    return f"{_PERSON}{name}, {date}"


def is_instags(fields: Iterable[RawField]) -> bool:
    """Whether instag wrote the fields that have its names: the undo document, or a source in its form, says so."""
    for field in fields:
        text = "".join((field.values or ())[:1])
        if field.key.upper() in _OLD_NAMES or current_name(field.key) == UNDO:
            return True
        if current_name(field.key) == SOURCE and text.startswith((_MACHINE, _PERSON)):
            return True
    return False
