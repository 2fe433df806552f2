"""The seconds of a recording that tell most of one label."""

from __future__ import annotations

from collections.abc import Sequence

from instag.labels import LABELS
from instag.results import Silence
from instag.table.timeline import WindowRow

# Long enough for a person to be sure, short enough to hear hundreds.
TELLING_SECONDS = 6.0
# Times in a timeline are rounded to thousandths of a second.
_ROUNDING_SECONDS = 0.002


def telling_stretch(windows: Sequence[WindowRow], label: str) -> tuple[float, float] | None:
    """The stretch of at most `TELLING_SECONDS` (one window, if windows are longer) in which a label scores highest.

    Stretches shorter than half of the longest one are no candidates, so that the end of a file does not win by being
    short. The earliest of the best is taken.

    Args:
        windows: Of one recording, in the order of time.
        label: One of the vocabulary.

    Returns:
        Start and end in seconds, or None where nothing is heard in any window.
    """
    number = LABELS.index(label)
    candidates: list[tuple[float, float, float]] = []
    for first, window in enumerate(windows):
        if window.silence is not Silence.NONE:
            continue
        run = [window]
        for following in windows[first + 1 :]:
            is_joined = following.start_seconds <= run[-1].end_seconds + _ROUNDING_SECONDS
            fits = following.end_seconds - window.start_seconds <= TELLING_SECONDS + _ROUNDING_SECONDS
            if not (is_joined and fits) or following.silence is not Silence.NONE:
                break
            run.append(following)
        seconds = [each.end_seconds - each.start_seconds for each in run]
        score = sum(each.scores[number] * length for each, length in zip(run, seconds, strict=True)) / sum(seconds)
        candidates.append((round(score, 6), window.start_seconds, run[-1].end_seconds))
    if not candidates:
        return None
    longest = max(end - start for _, start, end in candidates)
    _, start, end = max(
        (candidate for candidate in candidates if candidate[2] - candidate[1] >= longest / 2),
        key=lambda candidate: (candidate[0], -candidate[1]),
    )
    return start, end
