"""The labels in the thesauri and code lists that catalogues use; `identifiers.json` holds them with their sources.

An identifier that nobody confirmed is not there. Some schemes do not tell an acoustic guitar from an electric one, or
know a label under another name: then `term` says what the identifier stands for.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_name("identifiers.json")


@dataclass(frozen=True)
class Identifier:
    """A label in one scheme.

    Attributes:
        scheme: The key of the scheme: `musicbrainz`, `wikidata`, `audioset`, `mimo`, `iaml`, `marc048` or `lcmpt`.
        scheme_name: What a person reads, e.g. `MARC 048`.
        code: The identifier, or "" where only the term is confirmed.
        term: The scheme's own term where it was looked up, or "". LCMPT always has one, for MARC field 382.
        uri: The address that stands for it, or "" where the scheme has none.
    """

    scheme: str
    scheme_name: str
    code: str
    term: str
    uri: str

    def to_document(self) -> dict[str, str]:
        """What JSON holds of it: what is known of `code`, `term` and `uri`."""
        known = {"code": self.code, "term": self.term, "uri": self.uri}
        return {name: value for name, value in known.items() if value}

    def __str__(self) -> str:
        both = f"{self.code} ({self.term})" if self.code and self.term else self.code or self.term
        return f"{self.scheme_name} {both}"


@cache
def identifiers(label: str) -> dict[str, Identifier]:
    """The identifiers of a label, by scheme, in the order of the schemes; none for a label that is not ours."""
    document = _document()
    return {
        scheme: Identifier(
            scheme,
            about["name"],
            code := known[scheme].get("code", ""),
            known[scheme].get("term", ""),
            about["uri"].format(code=code) if code else "",
        )
        for known in (document["labels"].get(label, {}),)
        for scheme, about in document["schemes"].items()
        if scheme in known
    }


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(_FILE.read_text("utf-8"))
    return document
