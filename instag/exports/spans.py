"""What a timeline says of one recording: the machine's spans, or the one label of the person who heard it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from instag.exports.statements import machine_said
from instag.labels import DISPLAY_NAMES
from instag.paths import one_line
from instag.table.rows import Row
from instag.table.spans import merge_spans
from instag.table.timeline import WindowRow


@dataclass(frozen=True)
class NamedSpan:
    """A stretch of a recording, as an export names it.

    Attributes:
        start_seconds: Where it starts.
        end_seconds: Where it ends.
        label: What a person reads.
        confidence: 0..1; None where a person gave the label.
        source: Who says so: the model and its version, or the person and what the machine said.
    """

    start_seconds: float
    end_seconds: float
    label: str
    confidence: float | None
    source: str

    @property
    def text(self) -> str:
        """The label, who gave it and how sure it is, in one line."""
        sure = "" if self.confidence is None else f", {100 * self.confidence:.0f} %"
        return f"{self.label} ({self.source}{sure})"


def named_spans(row: Row, windows: Sequence[WindowRow]) -> list[NamedSpan]:
    """The spans of a recording; silence has none.

    A person's label is about the whole recording, so it takes the place of all of the machine's spans.

    Args:
        row: The recording in the table.
        windows: Its windows in the order of time.
    """
    if row.reviewed_label:
        end = row.duration_seconds or max((window.end_seconds for window in windows), default=0.0)
        by = f"person: {row.reviewed_by}" if row.reviewed_by else "person"
        said = machine_said(row)
        person = one_line(f"{by}; {said}" if said else by)
        return (
            [NamedSpan(0.0, end, DISPLAY_NAMES.get(row.reviewed_label, row.reviewed_label), None, person)]
            if end
            else []
        )
    machine = one_line(f"machine: {row.model_id} {row.model_version}")
    return [
        NamedSpan(span.start_seconds, span.end_seconds, DISPLAY_NAMES[span.label], span.confidence, machine)
        for span in merge_spans(windows)
        if span.label
    ]
