"""What `untag` needs to know beyond the fields themselves: the content of INSTRUMENT_UNDO, ASCII JSON."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from instag.tags.edits import RawField
from instag.tags.fields import INSTRUMENT, OWN_KEYS


@dataclass(frozen=True)
class Undo:
    """What a write did to a file that its fields do not say.

    Attributes:
        wrote_instrument: INSTRUMENT is instag's.
        replaced: Fields of somebody else that `--overwrite` replaced, each with its bytes and its place.
        created: Parts of the container that were made for the tags and are removed with them.
    """

    wrote_instrument: bool = False
    replaced: tuple[RawField, ...] = ()
    created: tuple[str, ...] = ()

    def to_text(self) -> str:
        """The JSON text."""
        document: dict[str, Any] = {}
        if self.wrote_instrument:
            document["wrote"] = [INSTRUMENT]
        if self.replaced:
            document["replaced"] = [[field.key, *(field.values or ())] for field in self.replaced]
            # The texts serve where another tagger has since changed the version of the tag; the bytes everywhere else.
            document["as"] = [
                [field.part, field.position, base64.b64encode(field.raw).decode()] for field in self.replaced
            ]
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
    replaced, places, created, wrote = (document.get(key, []) for key in ("replaced", "as", "created", "wrote"))
    if not (isinstance(replaced, list) and all(_is_texts(item, 2) for item in replaced)):
        return Undo()
    if not (_is_texts(created, 0) and _is_texts(wrote, 0) and isinstance(places, list)):
        return Undo()
    # Builds before version 1.0 kept no places.
    places = places if len(places) == len(replaced) else [None] * len(replaced)
    fields = tuple(
        _field(item, place) for item, place in zip(replaced, places, strict=True) if item[0].upper() in _REPLACEABLE
    )
    return Undo(INSTRUMENT in wrote, fields, tuple(created))


_REPLACEABLE = OWN_KEYS | {INSTRUMENT}


def _field(texts: list[str], place: object) -> RawField:
    """A replaced field; without bytes if its place is not sound."""
    key, values = texts[0], tuple(texts[1:])
    match place:
        case [int(part), int(position), str(coded)] if part >= 0 and position >= 0:
            try:
                return RawField(key, values, base64.b64decode(coded, validate=True), part, position)
            except ValueError:
                pass
    return RawField(key, values)


def _is_texts(value: object, at_least: int) -> bool:
    return isinstance(value, list) and len(value) >= at_least and all(isinstance(item, str) for item in value)
