"""Label tracks of Audacity: start, end and text, with tabs between them."""

from __future__ import annotations

from collections.abc import Sequence

from instag.exports.spans import NamedSpan

SUFFIX = ".txt"


def to_text(path: str, spans: Sequence[NamedSpan]) -> str:
    """A label track, for File > Import > Labels."""
    return "".join(f"{span.start_seconds:.6f}\t{span.end_seconds:.6f}\t{span.text}\n" for span in spans)
