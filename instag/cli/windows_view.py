"""The windows of one recording as lines of text: when, how loud, what dominates, what is heard.

The numbers of a row come from the rule that also gives the file's verdict, so that the rows explain the verdict.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from instag.aggregate import aggregate, cast_votes, heard_in, why_silent
from instag.labels import COLOURS, DISPLAY_NAMES, OTHER
from instag.languages import Names
from instag.results import Scores, WindowScores

if TYPE_CHECKING:
    from instag.model.card import ModelCard

# More windows than this are folded, to the first of these lengths that gives no more rows than this.
MOST_ROWS = 60
_ROW_SECONDS = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
_BAR_CELLS = 8


@dataclass(frozen=True)
class Stretch:
    """A part of a recording: one window, or several folded into one row.

    Attributes:
        start_seconds: Where it starts.
        end_seconds: Where it ends.
        level_dbfs: RMS level; -inf for digital silence.
        silence: Why nothing is heard, or "".
        dominant: The label that dominates, or "" where nothing is heard.
        score: Its dominant score, 0..1.
        heard: Labels and numbers in 0..1, the largest first: their presence in a single window, their share of the
            heard time in a folded row.
    """

    start_seconds: float
    end_seconds: float
    level_dbfs: float
    silence: str
    dominant: str
    score: float
    heard: tuple[tuple[str, float], ...]


def row_seconds(windows: WindowScores) -> float | None:
    """The length of a row that keeps a recording readable; None where its windows are few enough to be shown each."""
    count = len(windows.start_seconds)
    if count <= MOST_ROWS:
        return None
    length = float(windows.end_seconds.max())
    return next((float(seconds) for seconds in _ROW_SECONDS if length / seconds <= MOST_ROWS), float(_ROW_SECONDS[-1]))


def fold(windows: WindowScores, card: ModelCard, every_seconds: float | None) -> Iterator[Stretch]:
    """Yields the rows of a recording.

    Args:
        windows: Its windows, in order.
        card: The labels and thresholds of the model that scored them.
        every_seconds: Windows that start in the same stretch of this length share a row; None gives each its own.
    """
    silence = why_silent(windows, card)
    votes = cast_votes(windows, card.file_rule, card.labels.index(OTHER) if OTHER in card.labels else -1)
    in_windows = heard_in(windows, votes.seconds, card)
    starts = windows.start_seconds
    keys = np.arange(len(starts)) if every_seconds is None else starts // every_seconds
    for _, group in groupby(range(len(starts)), keys.__getitem__):
        rows = list(group)
        power = float(np.mean(10 ** (windows.level_dbfs[rows] / 10)))
        dominant, score, heard = _opinion(windows, [row for row in rows if not silence[row]], card)
        if len(rows) > 1 and (seconds := votes.seconds[rows]).any():
            # Shares of the row as the whole file's verdict counts them, so that they add up to its own.
            heard = _named(seconds / seconds.sum() @ in_windows[rows], card)
        yield Stretch(
            start_seconds=float(starts[rows[0]]),
            end_seconds=float(windows.end_seconds[rows[-1]]),
            level_dbfs=10 * math.log10(power) if power > 0 else -math.inf,
            silence="" if dominant else silence[rows[0]],
            dominant=dominant,
            score=score,
            heard=heard,
        )


def _opinion(
    windows: WindowScores, rows: Sequence[int], card: ModelCard
) -> tuple[str, float, tuple[tuple[str, float], ...]]:
    """The dominant label of some windows, its score, and the labels heard with their numbers."""
    if not rows:
        return "", 0.0, ()
    part = WindowScores(*(getattr(windows, field.name)[rows] for field in fields(WindowScores)))
    # A window's own numbers are those of the timeline; the file's rule comes in where there are several.
    scores = aggregate(part, card).scores if len(rows) > 1 else part.scores[0]
    best = int(scores.argmax())
    return card.labels[best], float(scores[best]), _named(_over_threshold(part.presences[0], card), card)


def _named(numbers: NDArray[np.floating], card: ModelCard) -> tuple[tuple[str, float], ...]:
    """The labels with a number over 0, the largest first."""
    order = sorted((i for i in range(len(numbers)) if numbers[i] > 0), key=lambda i: -numbers[i])
    return tuple((card.labels[i], float(numbers[i])) for i in order if card.labels[i] != OTHER)


def _over_threshold(presences: Scores, card: ModelCard) -> Scores:
    thresholds = np.array([card.present_thresholds[label] for label in card.labels], np.float64)
    return presences * (presences >= thresholds)


def table_lines(
    stretches: Sequence[Stretch], heard_title: str, width: int | None, names: Names = DISPLAY_NAMES
) -> Iterator[Text]:
    """Yields the rows as lines whose times, levels and labels are whole.

    Args:
        stretches: The rows.
        heard_title: The heading of the last column.
        width: Cells of the terminal: what is heard continues on further lines. None puts each row on one line, for
            programs, and leaves the bars out.
        names: What the labels are called.
    """
    times = max(len(clock(stretch.end_seconds)) for stretch in stretches)
    heard_cells = max(len(f"  {name} 100 %,") for name in names.values())
    label_cells = max(len("dominant"), *(len(names.get(stretch.dominant, "")) for stretch in stretches))
    left = f"{'from':>{times}} {'to':>{times}} {'level':>7}  {'dominant':<{label_cells + 6}}"
    # The bar takes what the longest label with its number leaves of the line.
    cells = min(_BAR_CELLS, width - len(left) - 1 - heard_cells) if width else 0
    if cells > 0:
        left += " " * (cells + 1)
    yield Text(f"{left}  {heard_title}", style="bold")
    room = max(heard_cells, width - len(left)) - 2 if width else None
    for stretch in stretches:
        line = Text(f"{clock(stretch.start_seconds):>{times}} {clock(stretch.end_seconds):>{times}} ")
        line.append(f"{level_text(stretch.level_dbfs):>7}  ")
        if not stretch.dominant:
            line.append(stretch.silence, style="dim")
            yield line
            continue
        line.append(f"{names[stretch.dominant]:<{label_cells}}", style=COLOURS[stretch.dominant])
        line.append(f" {100 * stretch.score:3.0f} %")
        if cells > 0:
            filled = max(1, round(stretch.score * cells))
            line.append(" ").append("█" * filled, style=COLOURS[stretch.dominant])
            line.append("░" * (cells - filled), style="dim")
        first, *more = packed([f"{names[label]} {100 * value:.0f} %" for label, value in stretch.heard], room)
        yield line.append(f"  {first}" if first else "")
        for text in more:
            yield Text(" " * (len(left) + 2) + text)


def packed(items: Sequence[str], width: int | None) -> list[str]:
    """Items joined by commas, broken into lines between items; at least one line.

    Args:
        items: None of them is ever broken.
        width: Longest line where more than one item is on it; None gives one line.
    """
    lines = [""]
    for index, item in enumerate(items):
        text = item if index == len(items) - 1 else f"{item},"
        if not lines[-1]:
            lines[-1] = text
        elif width is None or len(lines[-1]) + 1 + len(text) <= width:
            lines[-1] += f" {text}"
        else:
            lines.append(text)
    return lines


def clock(seconds: float) -> str:
    """A time as minutes and tenths of seconds, with hours where there are any: `3:07.5`, `1:02:30.0`."""
    tenths = round(10 * seconds)
    hours, minutes, rest = tenths // 36_000, tenths // 600 % 60, tenths % 600 / 10
    return f"{hours}:{minutes:02}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"


def level_text(level_dbfs: float) -> str:
    """A level in dB below full scale; digital silence is `-inf dB`."""
    return f"{level_dbfs:.0f} dB"
