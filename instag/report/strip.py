"""A recording's timeline in a few hundred bytes: what the page draws as a coloured strip."""

from __future__ import annotations

from collections.abc import Sequence

from instag.labels import LABELS
from instag.table.spans import Span

# A strip on a screen has no room for more, and 10,000 of them must fit into a page of 5 MB.
MOST_STRETCHES = 48
_NOTHING_HEARD, _NO_WINDOW = "Y", "Z"
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_MARKS = dict(zip(LABELS, "ABCDEFGHIJKL", strict=True)) | {"": _NOTHING_HEARD}


def strip_text(spans: Sequence[Span]) -> str:
    """The spans as text: for each a capital letter, two digits and its length in tenths of seconds to the base of 36.

    The letter is the label's place in the vocabulary (`A` for the first), `Y` where nothing is heard, and `Z` where
    there is no window. The digits are the confidence in percent, 99 at most. A recording of more than `MOST_STRETCHES`
    spans is cut into that many equal parts, and each part has the label that is heard longest in it.

    Args:
        spans: Of one recording, in the order of time, without overlap.
    """
    if len(spans) > MOST_STRETCHES:
        spans = _folded(spans)
    tokens: list[str] = []
    at = 0
    for span in spans:
        start, end = round(10 * span.start_seconds), round(10 * span.end_seconds)
        if start > at:
            tokens.append(f"{_NO_WINDOW}00{_base36(start - at)}")
        if end > start:
            percent = min(99, round(100 * span.confidence))
            tokens.append(f"{_MARKS.get(span.label, _NOTHING_HEARD)}{percent:02}{_base36(end - start)}")
        at = max(at, end)
    return "".join(tokens)


def _folded(spans: Sequence[Span]) -> list[Span]:
    """Equal parts, each with the label that is heard longest in it and that label's mean confidence."""
    length = spans[-1].end_seconds
    parts: list[Span] = []
    first = 0
    for number in range(MOST_STRETCHES):
        start, end = length * number / MOST_STRETCHES, length * (number + 1) / MOST_STRETCHES
        seconds: dict[str, float] = {}
        weighted: dict[str, float] = {}
        while first < len(spans) and spans[first].end_seconds <= start:
            first += 1
        for span in spans[first:]:
            shared = min(end, span.end_seconds) - max(start, span.start_seconds)
            if shared <= 0:
                break
            seconds[span.label] = seconds.get(span.label, 0.0) + shared
            weighted[span.label] = weighted.get(span.label, 0.0) + shared * span.confidence
        if seconds:
            label = max(seconds, key=lambda name: seconds[name])
            parts.append(Span(start, end, label, weighted[label] / seconds[label]))
    return parts


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"
