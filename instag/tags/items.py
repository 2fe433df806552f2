"""Lists of tag items as bytes: what every container has under one name or another (frames, comments, atoms, records).

An item that somebody else wrote is copied, never written anew. One that `--overwrite` replaced goes back with the same
bytes to the same place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from instag.containers import StructureError, UnsupportedError
from instag.tags.edits import RawField
from instag.tags.fields import Change

Parser = Callable[[bytes], RawField | None]
Renderer = Callable[[str, tuple[str, ...]], Sequence[bytes]]


def fields_of(raws: Iterable[bytes], parse: Parser, part: int = 0) -> tuple[RawField, ...]:
    """INSTRUMENT and instag's own fields in a list of items, with their bytes and places.

    Args:
        raws: The items of the list, in order.
        parse: Gives the field that an item is, or None where it is not of concern here.
        part: Which of the container's lists this is.
    """
    found = ((number, raw, parse(raw)) for number, raw in enumerate(raws))
    return tuple(
        RawField(field.key, field.values, raw, part, number) for number, raw, field in found if field is not None
    )


def changed_items(raws: Iterable[bytes], change: Change, parse: Parser, render: Renderer, part: int = 0) -> list[bytes]:
    """The items of a list after a change.

    Args:
        raws: The items of the list, in order.
        change: The change.
        parse: Gives the field that an item is, or None where it is not of concern here.
        render: Gives the items of a new field.
        part: Which of the container's lists this is; new fields go into part 0.
    """
    items = [raw for raw in raws if (field := parse(raw)) is None or field.key.upper() not in change.remove]
    for field in sorted(change.put_back, key=lambda field: field.position):
        if field.part == part:
            place = field.position if field.raw else len(items)
            items[place:place] = [field.raw] if _is_sound(field, parse) else render(field.key, field.values or ())
    if part == 0:
        items.extend(item for key, values in change.add for item in render(key, values))
    return items


def _is_sound(field: RawField, parse: Parser) -> bool:
    """Whether the bytes still mean the same here: another tagger may have changed the version of the tag."""
    try:
        found = parse(field.raw) if field.raw else None
    except (StructureError, UnsupportedError):
        return False
    return found is not None and (found.key, found.values) == (field.key, field.values)
