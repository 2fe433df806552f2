"""Draws one recording: waveform, spectrogram and instruments, on one axis of time."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

from instag.aggregate import why_silent
from instag.errors import CannotStartError, UsageError
from instag.labels import COLOURS, DISPLAY_NAMES, LABELS
from instag.model.card import ModelCard
from instag.paths import to_table
from instag.report.waves import FLOOR_DB, Waves
from instag.results import FileResult
from instag.table import refuse_in_bag
from instag.table.spans import Span, merge_spans
from instag.table.timeline import WindowRow

FORMATS = (".png", ".svg")
COLUMNS = 1200
_INCHES = (12.0, 7.0)


def check_plot(output: Path) -> None:
    """Checks that a picture may be written and can be drawn.

    Raises:
        UsageError: The name ends neither in `.png` nor in `.svg`.
        CannotStartError: There is a file of that name, it would lie in the payload of a BagIt bag, or matplotlib is not
            installed.
    """
    if output.suffix.lower() not in FORMATS:
        raise UsageError(f"--output {output}: the name must end in .png or .svg.", "The ending chooses the format.")
    if output.exists():
        raise CannotStartError(f"{output}: is already there.", "Name a new file.")
    refuse_in_bag(output)
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise CannotStartError(
            "Plots need the package matplotlib, which is not installed.", "Install it: pip install 'instag[plot]'"
        ) from None


def spans_of(result: FileResult, card: ModelCard) -> list[Span]:
    """The stretches of a recording that has just been analysed, as a timeline would give them."""
    windows = result.windows
    rows: list[WindowRow] = []
    for at, silence in enumerate(why_silent(windows, card)):
        best = int(windows.scores[at].argmax())
        rows.append(
            WindowRow(
                float(windows.start_seconds[at]),
                float(windows.end_seconds[at]),
                float(windows.level_dbfs[at]),
                silence,
                "" if silence else card.labels[best],
                0.0 if silence else float(windows.scores[at][best]),
                tuple(map(float, windows.scores[at])),
                tuple(map(float, windows.presences[at])),
            )
        )
    return merge_spans(rows)


def draw(path: Path, result: FileResult, spans: Sequence[Span], waves: Waves, output: Path) -> None:
    """Draws a recording into a file.

    Args:
        path: The recording, for the title.
        result: Its verdict.
        spans: Its stretches.
        waves: Its sound.
        output: The picture; `check_plot` has to be content with it.

    Raises:
        CannotStartError: It cannot be written.
    """
    import matplotlib
    from matplotlib.figure import Figure

    figure = Figure(figsize=_INCHES, layout="constrained")
    wave, spectrum, timeline = figure.subplots(3, 1, sharex=True, height_ratios=(1, 2, 1.4))
    seconds = max(result.duration_seconds, 1e-3)
    columns = len(waves.lowest)
    times = [seconds * (column + 0.5) / columns for column in range(columns)]
    wave.fill_between(times, waves.lowest, waves.highest, color="#2d6996", linewidth=0.5)
    wave.set(ylim=(-1, 1), ylabel="amplitude")
    image = spectrum.imshow(
        waves.power_db,
        origin="lower",
        aspect="auto",
        extent=(0, seconds, 0, waves.top_hz / 1000),
        cmap="magma",
        vmin=FLOOR_DB,
        vmax=0,
        interpolation="nearest",
    )
    spectrum.set(ylabel="kHz")
    figure.colorbar(image, ax=spectrum, label="dB", pad=0.01)
    present = {span.label for span in spans}
    shown = [label for label in reversed(LABELS) if label in present]
    for height, label in enumerate(shown):
        bars = [(s.start_seconds, s.end_seconds - s.start_seconds) for s in spans if s.label == label]
        timeline.broken_barh(bars, (height - 0.4, 0.8), facecolors=COLOURS[label])
    timeline.set_yticks(range(len(shown)), [DISPLAY_NAMES[label] for label in shown])
    timeline.set(xlim=(0, seconds), ylim=(-0.6, max(0.6, len(shown) - 0.4)), xlabel="seconds")
    verdict = result.verdict
    heard = (
        f"{DISPLAY_NAMES[verdict.dominant]}, {100 * verdict.confidence:.0f} %" if present - {""} else "nothing heard"
    )
    title = figure.suptitle(f"{to_table(path.name)}: {heard} (most likely dominant; confidence, not a guarantee)")
    title.set_parse_math(False)  # a $ in a name is no formula
    is_svg = output.suffix.lower() == ".svg"
    try:
        with warnings.catch_warnings(), matplotlib.rc_context({"svg.hashsalt": "instag"}):
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            with output.open("xb") as file:
                figure.savefig(file, format=output.suffix.lower()[1:], metadata={"Date": None} if is_svg else None)
    except OSError as error:
        raise CannotStartError(f"{output}: cannot be written ({error.strerror}).", "Name another file.") from None
