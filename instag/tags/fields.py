"""What instag writes into a file, and how it knows later what was its own.

The rule is pure: from the fields that are there and the values to write comes what to remove and what to add.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from instag.containers import UnsupportedError
from instag.tags.edits import RawField

INSTRUMENT = "INSTRUMENT"
HEARD = "INSTRUMENT_HEARD"
DOMINANT = "INSTRUMENT_DOMINANT"
CONFIDENCE = "INSTRUMENT_CONFIDENCE"
SOURCE = "INSTRUMENT_SOURCE"
REVIEW = "INSTRUMENT_REVIEW"
UNDO = "INSTRUMENT_UNDO"
# The names that builds before version 1.0 wrote. They are taken back, and replaced when tags are written again.
_OLD_NAMES = {
    "INSTAG_INSTRUMENT": HEARD,
    "INSTAG_DOMINANT": DOMINANT,
    "INSTAG_CONFIDENCE": CONFIDENCE,
    "INSTAG_MODEL": SOURCE,
    "INSTAG_REVIEW": REVIEW,
    "INSTAG_UNDO": UNDO,
}
OWN_KEYS = frozenset((HEARD, DOMINANT, CONFIDENCE, SOURCE, REVIEW, UNDO, *_OLD_NAMES))

Fields = tuple[tuple[str, tuple[str, ...]], ...]


class ForeignFieldError(UnsupportedError):
    """A field of somebody else that was to be replaced could not be put back later."""


@dataclass(frozen=True)
class TagValues:
    """The values that instag writes into a file.

    Attributes:
        instruments: Display names for `INSTRUMENT`, empty where none of the eleven is heard.
        dominant: Name of the label.
        confidence: 0..1; written with three decimals.
        source: Who says so: `machine: instag-yamnet 1.2.0`, or `person: name, date`.
        needs_review: True where a person should listen.
    """

    instruments: tuple[str, ...]
    dominant: str
    confidence: float
    source: str
    needs_review: bool


@dataclass(frozen=True)
class Undo:
    """What `untag` needs beyond the fields themselves: the content of INSTRUMENT_UNDO, ASCII-only JSON.

    Attributes:
        wrote_instrument: INSTRUMENT is instag's.
        replaced: Fields of somebody else that `--overwrite` replaced by it, as they were spelt.
        created: Parts of the container that were made for the tags and go with them.
    """

    wrote_instrument: bool = False
    replaced: Fields = ()
    created: tuple[str, ...] = ()

    def to_text(self) -> str:
        """The JSON text."""
        document: dict[str, Any] = {}
        if self.wrote_instrument:
            document["wrote"] = [INSTRUMENT]
        if self.replaced:
            document["replaced"] = [[key, *values] for key, values in self.replaced]
        if self.created:
            document["created"] = list(self.created)
        # A replaced text may hold the letters TAG, which 128 bytes before the end of a file would read as an ID3v1 tag.
        return json.dumps(document, separators=(",", ":")).replace("TAG", "\\u0054AG")


def parse_undo(text: str) -> Undo:
    """Reads INSTRUMENT_UNDO; what is not understood counts as nothing, so that nothing of others is touched."""
    try:
        document = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return Undo()
    if not isinstance(document, dict):
        return Undo()
    replaced = document.get("replaced", [])
    created = document.get("created", [])
    wrote = document.get("wrote", [])
    if not (isinstance(replaced, list) and all(_is_texts(item, 2) for item in replaced)):
        return Undo()
    if not (_is_texts(created, 0) and _is_texts(wrote, 0)):
        return Undo()
    fields = tuple((item[0], tuple(item[1:])) for item in replaced if item[0].upper() == INSTRUMENT)
    return Undo(INSTRUMENT in wrote, fields, tuple(created))


def _is_texts(value: object, at_least: int) -> bool:
    return isinstance(value, list) and len(value) >= at_least and all(isinstance(item, str) for item in value)


@dataclass(frozen=True)
class Change:
    """What to do with a file's fields.

    Attributes:
        remove: Keys in capitals, all fields of which go.
        add: Fields to add, in order.
        drop: Parts of the container to remove where nothing is left in them.
    """

    remove: frozenset[str]
    add: Fields
    drop: tuple[str, ...] = ()


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


def _current(fields: tuple[RawField, ...]) -> tuple[Undo, bool]:
    """The undo document, and whether INSTRUMENT is instag's and untouched since."""
    undo = parse_undo("".join(collect(fields, UNDO)[:1]))
    is_ours = undo.wrote_instrument and collect(fields, INSTRUMENT) == collect(fields, HEARD)
    return undo, is_ours


def plan_write(
    fields: tuple[RawField, ...], values: TagValues, missing: tuple[str, ...], *, overwrite: bool
) -> Change | None:
    """What to change so that the file says `values`.

    Args:
        fields: INSTRUMENT and instag's own fields as they are now.
        values: What is to be said.
        missing: Parts of the container that have to be made for tags.
        overwrite: An INSTRUMENT of somebody else is replaced, and kept in INSTRUMENT_UNDO.

    Returns:
        The change, or None where the file says all that already.

    Raises:
        ForeignFieldError: The INSTRUMENT to replace is no text, so it could not be put back.
    """
    undo, is_ours = _current(fields)
    foreign = () if is_ours else tuple(field for field in fields if field.key.upper() == INSTRUMENT)
    replaced: Fields = undo.replaced if is_ours else ()
    write_instrument = bool(values.instruments) and (not foreign or overwrite)
    if write_instrument and foreign:
        if any(field.values is None for field in foreign):
            raise ForeignFieldError("has an INSTRUMENT field that is no text and so could not be put back")
        replaced = tuple((field.key, field.values or ()) for field in foreign)
    created = tuple(dict.fromkeys((*undo.created, *missing)))
    after = Undo(write_instrument, replaced if write_instrument else (), created)
    add: list[tuple[str, tuple[str, ...]]] = []
    if write_instrument:
        add.append((INSTRUMENT, values.instruments))
    elif is_ours:
        add.extend(replaced)
    if values.instruments:
        add.append((HEARD, values.instruments))
    add.append((DOMINANT, (values.dominant,)))
    add.append((CONFIDENCE, (f"{values.confidence:.3f}",)))
    add.append((SOURCE, (values.source,)))
    add.append((REVIEW, ("1" if values.needs_review else "0",)))
    add.append((UNDO, (after.to_text(),)))
    remove = OWN_KEYS | ({INSTRUMENT} if write_instrument or is_ours else frozenset())
    there: dict[str, tuple[str, ...]] = {}
    for field in fields:
        if field.key.upper() in remove:
            there[field.key.upper()] = there.get(field.key.upper(), ()) + (field.values or ())
    wanted: dict[str, tuple[str, ...]] = {}
    for key, texts in add:
        wanted[key.upper()] = wanted.get(key.upper(), ()) + texts
    return None if there == wanted else Change(remove, tuple(add))


def plan_remove(fields: tuple[RawField, ...]) -> Change | None:
    """What to change so that nothing of instag's is left, and what it replaced is back; None where there is nothing."""
    if not any(field.key.upper() in OWN_KEYS for field in fields):
        return None
    undo, is_ours = _current(fields)
    if is_ours:
        return Change(OWN_KEYS | {INSTRUMENT}, undo.replaced, undo.created)
    return Change(OWN_KEYS, (), undo.created)
