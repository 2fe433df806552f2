"""Raven selection tables, tab-separated (Cornell Lab of Ornithology, Raven Pro User's Manual, "Selection tables")."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from instag.exports.spans import NamedSpan

SUFFIX = ".selections.txt"

_COLUMNS = ("Selection", "View", "Channel", "Begin Time (s)", "End Time (s)", "Instrument", "Confidence", "Source")


def to_text(path: str, spans: Sequence[NamedSpan]) -> str:
    """A selection for each span. A person's label has no confidence."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(_COLUMNS)
    for number, span in enumerate(spans, 1):
        sure = "" if span.confidence is None else f"{span.confidence:.3f}"
        times = (f"{span.start_seconds:.6f}", f"{span.end_seconds:.6f}")
        writer.writerow([number, "Waveform 1", 1, *times, span.label, sure, span.source])
    return text.getvalue()
