"""What to change in a file's fields, and how instag knows what is its own.

The rule is pure: the fields that are there and the values to write give what to remove, to add and to put back.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from instag.tags.edits import RawField
from instag.tags.fields import (
    CONFIDENCE,
    DOMINANT,
    HEARD,
    INSTRUMENT,
    OWN_KEYS,
    REVIEW,
    SOURCE,
    UNDO,
    Change,
    Fields,
    ForeignFieldError,
    TagValues,
    collect,
    is_instags,
)
from instag.tags.undo import Undo, parse_undo


@dataclasses.dataclass(frozen=True)
class _Present:
    """The fields of a file, parted by who wrote them.

    Attributes:
        undo: The undo document.
        has_own: The fields with instag's names are instag's.
        is_ours: INSTRUMENT is instag's and untouched since.
    """

    undo: Undo
    has_own: bool
    is_ours: bool

    @property
    def put_back(self) -> tuple[RawField, ...]:
        """What goes back when instag's fields are removed; an INSTRUMENT that was edited since stays instead."""
        return tuple(field for field in self.undo.replaced if self.is_ours or field.key.upper() != INSTRUMENT)


def _present(fields: tuple[RawField, ...]) -> _Present:
    undo = parse_undo("".join(collect(fields, UNDO)[:1]))
    is_ours = undo.wrote_instrument and collect(fields, INSTRUMENT) == collect(fields, HEARD)
    return _Present(undo, is_instags(fields), is_ours)


def instruments_of_others(fields: tuple[RawField, ...]) -> tuple[str, ...]:
    """The texts of the INSTRUMENT fields that somebody else wrote, those that instag replaced and keeps included."""
    now = _present(fields)
    theirs = now.put_back if now.is_ours else fields
    return tuple(text for field in theirs if field.key.upper() == INSTRUMENT for text in field.values or ())


def plan_write(
    fields: tuple[RawField, ...], values: TagValues, missing: tuple[str, ...], *, overwrite: bool
) -> Change | None:
    """What to change so that the file has `values`.

    Args:
        fields: INSTRUMENT and instag's own fields as they are now.
        values: The values.
        missing: Parts of the container that have to be made for tags.
        overwrite: Fields of somebody else are replaced, and kept in INSTRUMENT_UNDO.

    Returns:
        The change, or None where the file has all those values already.

    Raises:
        ForeignFieldError: Fields of somebody else are in the way, or could not be put back later.
    """
    now = _present(fields)
    foreign = () if now.is_ours else tuple(field for field in fields if field.key.upper() == INSTRUMENT)
    namesakes = () if now.has_own else tuple(field for field in fields if field.key.upper() in OWN_KEYS)
    if namesakes and not overwrite:
        raise ForeignFieldError(
            f"has a field {namesakes[0].key} that instag did not write",
            "Use --overwrite to replace it; `instag untag` puts it back.",
        )
    writes_instrument = bool(values.instruments) and (not foreign or overwrite)
    replaced = now.put_back + _replaceable((*namesakes, *(foreign if writes_instrument else ())), fields, now)
    if not writes_instrument:
        replaced = tuple(field for field in replaced if field.key.upper() != INSTRUMENT)
    undo = Undo(writes_instrument, replaced, tuple(dict.fromkeys((*now.undo.created, *missing))))
    gives_back = now.is_ours and not writes_instrument
    change = Change(
        remove=OWN_KEYS | ({INSTRUMENT} if writes_instrument or now.is_ours else frozenset()),
        add=_rendered(values, undo),
        put_back=tuple(field for field in now.put_back if field.key.upper() == INSTRUMENT) if gives_back else (),
    )
    there: dict[str, tuple[str, ...]] = {}
    for field in fields:
        if field.key.upper() in change.remove:
            there[field.key.upper()] = there.get(field.key.upper(), ()) + (field.values or ())
    return None if there == change.wanted() else change


def _replaceable(foreign: Iterable[RawField], fields: tuple[RawField, ...], now: _Present) -> tuple[RawField, ...]:
    """Fields of somebody else as they are kept: their places count without instag's own fields."""
    kept = []
    for field in foreign:
        if field.values is None:
            raise ForeignFieldError(
                f"has a field {field.key} that is not text and so could not be put back",
                "Run without --overwrite to keep it, or write a sidecar instead.",
            )
        own = [f for f in fields if now.has_own and f.key.upper() in OWN_KEYS and f.part == field.part]
        before = sum(f.position < field.position for f in own)
        kept.append(dataclasses.replace(field, position=field.position - before))
    return tuple(kept)


def _rendered(values: TagValues, undo: Undo) -> Fields:
    """The fields to add. A source may hold any name, so it is not among the last 128 bytes: see `Undo.to_text`."""
    heard = ((HEARD, values.instruments),) if values.instruments else ()
    return (
        *(((INSTRUMENT, values.instruments),) if undo.wrote_instrument else ()),
        (SOURCE, (values.source,)),
        *heard,
        (DOMINANT, (values.dominant,)),
        (CONFIDENCE, (f"{values.confidence:.3f}",)),
        (REVIEW, ("1" if values.needs_review else "0",)),
        (UNDO, (undo.to_text(),)),
    )


def plan_remove(fields: tuple[RawField, ...]) -> Change | None:
    """What to change so that nothing of instag's is left and what it replaced is back; None where it wrote nothing."""
    now = _present(fields)
    if not now.has_own:
        return None
    remove = OWN_KEYS | ({INSTRUMENT} if now.is_ours else frozenset())
    return Change(remove, (), now.undo.created, now.put_back)
