"""An evaluation as one page of HTML with nothing outside it: figures, tables and two drawings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from instag.labels import DISPLAY_NAMES, LABELS
from instag.measure.judged import Matched
from instag.measure.metrics import Evaluation
from instag.measure.truth import Truth
from instag.measure.wording import figure, left_out, percent

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1b; --paper: #fff; --line: #767676; --mark: #0b5cad; }
@media (prefers-color-scheme: dark) { :root { --ink: #eee; --paper: #161616; --line: #9a9a9a; --mark: #7ab8ff; } }
body { font: 1rem/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem;
  margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border-bottom: 1px solid var(--line); padding: .2rem .6rem; text-align: right; }
th:first-child { text-align: left; }
td.hit { font-weight: bold; }
svg { max-width: 100%; height: auto; }
svg text { fill: var(--ink); font-size: 12px; }
"""
_SIDE = 260  # of a drawing's square, in its own units
_EDGE = 40  # around it, for the words on its axes


def to_html(found: Evaluation, matched: Matched, truth: Truth) -> str:
    """The page."""
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8"><title>How right is this table?</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<style>{_STYLE}</style></head><body><main>",
        "<h1>How right is this table?</h1>",
        f"<p>{found.recordings} recordings were judged against the true labels.</p>",
    ]
    if notes := list(left_out(matched, truth)):
        parts += ["<ul>", *(f"<li>{escape(note)}</li>" for note in notes), "</ul>"]
    rest = "nothing is left" if found.kept_accuracy is None else f"{percent(found.kept_accuracy)} of the rest are right"
    rows = [
        ("dominant label right", figure(found.accuracy)),
        ("macro F1", figure(found.macro_f1)),
        ("calibration error", figure(found.calibration_error)),
        ("sent to review", f"{percent(found.review_share)}; {rest}"),
    ]
    if found.presence_f1 is not None:
        rows.append(("F1 of all that is heard", percent(found.presence_f1)))
    parts += ["<h2>In short</h2>", _table(("figure", "value"), rows)]
    classes = [
        (
            DISPLAY_NAMES[c.label],
            str(c.recordings),
            *("–" if v is None else percent(v) for v in (c.precision, c.recall, c.f1)),
        )
        for c in found.classes
    ]
    parts += ["<h2>Label by label</h2>", _table(("label", "true recordings", "precision", "recall", "F1"), classes)]
    parts += [
        "<h2>What was taken for what</h2>",
        "<p>Rows: the true label. Columns: the machine's.</p>",
        _confusion(found),
    ]
    parts += [
        "<h2>Can the confidence be believed?</h2>",
        "<p>On the line, a confidence of 80 % is right in 80 of 100.</p>",
    ]
    points = [(each.confidence, each.accuracy) for each in found.bins]
    said = "; ".join(f"{percent(each.confidence)} sure, {percent(each.accuracy)} right" for each in found.bins)
    parts.append(_drawing(points, "mean confidence", "share right", f"Calibration: {said}", diagonal=True))
    bins = [
        (f"{b.low:.1f}–{b.high:.1f}", str(b.recordings), percent(b.confidence), percent(b.accuracy)) for b in found.bins
    ]
    parts.append(_table(("confidence", "recordings", "mean confidence", "right"), bins))
    parts.append("<h2>What does review buy?</h2><p>The least confident recordings go to a person.</p>")
    points = [(1 - each.share, each.accuracy) for each in found.curve]
    said = "; ".join(
        f"{percent(1 - each.share)} to review, {percent(each.accuracy)} of the rest right" for each in found.curve
    )
    parts.append(_drawing(points, "share to review", "right of the rest", f"Review: {said}", diagonal=False))
    curve = [
        (percent(1 - k.share), str(k.recordings), f"{k.least_confidence:.3f}", percent(k.accuracy)) for k in found.curve
    ]
    parts.append(_table(("to review", "left", "least confidence left", "right"), curve))
    return "\n".join([*parts, "</main></body></html>", ""])


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in header)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>' + "".join(f"<td>{escape(each)}</td>" for each in row[1:]) + "</tr>"
        for row in rows
    )
    return f'<table tabindex="0"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _confusion(found: Evaluation) -> str:
    names = [escape(DISPLAY_NAMES[label]) for label in LABELS]
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    body = []
    for true, counts in enumerate(found.confusion):
        cells = (f"<td{' class=hit' if n == true else ''}>{count or ''}</td>" for n, count in enumerate(counts))
        body.append(f'<tr><th scope="row">{names[true]}</th>{"".join(cells)}</tr>')
    first = '<th scope="col">true label</th>'
    return f'<table tabindex="0"><thead><tr>{first}{head}</tr></thead><tbody>{"".join(body)}</tbody></table>'


def _drawing(points: Sequence[tuple[float, float]], below: str, beside: str, said: str, *, diagonal: bool) -> str:
    def place(x: float, y: float) -> tuple[float, float]:
        return round(_EDGE + x * _SIDE, 1), round(10 + (1 - y) * _SIDE, 1)

    whole = _SIDE + _EDGE + 20
    left, bottom = place(0, 0)
    right, top = place(1, 1)
    parts = [
        f'<svg role="img" aria-label="{escape(said)}" viewBox="0 0 {whole} {whole + 20}" width="{whole}">',
        f'<rect x="{left}" y="{top}" width="{_SIDE}" height="{_SIDE}" fill="none" stroke="var(--line)"/>',
    ]
    if diagonal:
        parts.append(f'<line x1="{left}" y1="{bottom}" x2="{right}" y2="{top}" stroke="var(--line)"/>')
    marks = [place(*point) for point in points]
    line = " ".join(f"{x},{y}" for x, y in marks)
    parts.append(f'<polyline points="{line}" fill="none" stroke="var(--mark)" stroke-width="2"/>')
    parts += [f'<circle cx="{x}" cy="{y}" r="4" fill="var(--mark)"/>' for x, y in marks]
    for share in (0, 0.5, 1):
        x, _ = place(share, 0)
        _, y = place(0, share)
        parts.append(f'<text x="{x}" y="{bottom + 16}" text-anchor="middle">{percent(share)}</text>')
        parts.append(f'<text x="{left - 4}" y="{y + 4}" text-anchor="end">{100 * share:.0f}</text>')
    parts.append(f'<text x="{left + _SIDE / 2}" y="{bottom + 32}" text-anchor="middle">{escape(below)}</text>')
    turned = f"translate(12 {10 + _SIDE / 2}) rotate(-90)"
    parts.append(f'<text transform="{turned}" text-anchor="middle">{escape(beside)}, %</text></svg>')
    return "".join(parts)
