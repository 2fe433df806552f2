"""Stretches of a recording in which one label dominates: what a page draws and an export writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from instag.table.timeline import WindowRow


@dataclass(frozen=True)
class Span:
    """A stretch in which one label dominates.

    Attributes:
        start_seconds: Where it starts.
        end_seconds: Where it ends.
        label: The label; "" where nothing is heard.
        confidence: The mean of its windows' confidences, weighted by their new seconds, 0..1.
    """

    start_seconds: float
    end_seconds: float
    label: str
    confidence: float


def merge_spans(windows: Sequence[WindowRow]) -> list[Span]:
    """Joins consecutive windows with one label.

    Where windows overlap, the later one counts for the seconds that are new in it, as in the verdict on the file. So
    the spans cover the time that the windows cover, without gaps that the windows do not have, and never overlap.

    Args:
        windows: Of one recording, in the order of time.
    """
    cut: list[Span] = []
    heard_until = 0.0
    for window in windows:
        start = max(window.start_seconds, heard_until)
        if window.end_seconds > start:
            cut.append(Span(start, window.end_seconds, window.dominant, window.confidence))
            heard_until = window.end_seconds
    runs: list[list[Span]] = []
    for span in cut:
        # A gap in the windows starts a new run even if the label stays.
        if runs and (runs[-1][-1].label, runs[-1][-1].end_seconds) == (span.label, span.start_seconds):
            runs[-1].append(span)
        else:
            runs.append([span])
    return [_joined(run) for run in runs]


def _joined(spans: list[Span]) -> Span:
    seconds = sum(span.end_seconds - span.start_seconds for span in spans)
    weighted = sum(span.confidence * (span.end_seconds - span.start_seconds) for span in spans)
    return Span(spans[0].start_seconds, spans[-1].end_seconds, spans[0].label, weighted / seconds)
