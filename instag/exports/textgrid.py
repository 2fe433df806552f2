"""Praat TextGrids in the long text format (Praat manual, "TextGrid file formats")."""

from __future__ import annotations

from collections.abc import Sequence

from instag.exports.spans import NamedSpan

SUFFIX = ".TextGrid"


def to_text(path: str, spans: Sequence[NamedSpan]) -> str:
    """One tier, `instrument`, that covers all of the time: what no span covers is an empty interval."""
    intervals: list[tuple[float, float, str]] = []
    reached = 0.0
    for span in spans:
        if span.start_seconds > reached:
            intervals.append((reached, span.start_seconds, ""))
        intervals.append((span.start_seconds, span.end_seconds, span.text))
        reached = span.end_seconds
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {reached:.6f}"]
    lines += ["tiers? <exists>", "size = 1", "item []:", "    item [1]:", '        class = "IntervalTier"']
    lines += ['        name = "instrument"', "        xmin = 0", f"        xmax = {reached:.6f}"]
    lines.append(f"        intervals: size = {len(intervals)}")
    for number, (start, end, text) in enumerate(intervals, 1):
        lines += [f"        intervals [{number}]:", f"            xmin = {start:.6f}", f"            xmax = {end:.6f}"]
        lines.append('            text = "{}"'.format(text.replace('"', '""')))
    return "\n".join(lines) + "\n"
