"""`instag show`: what the model hears in one file, window by window, and the tags that are in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from instag.cli.boundary import errors_for_people
from instag.cli.options import DeviceName, ModelName, Overlap, check_overlap, parse_device
from instag.constants import LIMITS_NOTICE
from instag.errors import ExitCode, FileError
from instag.labels import DISPLAY_NAMES, LABELS

if TYPE_CHECKING:
    from rich.console import RenderableType

    from instag.model.card import ModelCard
    from instag.results import FileResult, Verdict

# One colour a label, in the labels' order; told apart on dark and on light terminals.
_COLOURS = (
    "#b5651d #8a6fdf #5ab4e5 #c9a227 #e4572e #7a9e3f #3f7fbf #e6a0c4 #f2c14e #c2385a #2fa58c #8c8c8c".split()  # noqa: SIM905
)
_BAR_CELLS = 24


def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A recording.")],
    model: ModelName = "instag",
    overlap: Overlap = 0.0,
    device: DeviceName = "auto",
) -> None:
    """Show what the model hears in a file, window by window, and the tags that are in it.

    Exit codes: 0 shown; 1 the file cannot be analysed; 3 the model or the device cannot be used.
    """
    from rich.console import Console

    from instag.analyse import Analyser, AnalysisSettings
    from instag.model.session import find_model, open_model
    from instag.paths import one_line

    with errors_for_people():
        loaded = open_model(find_model(model), parse_device(device))
        check_overlap(overlap, loaded.card.window_seconds)
        console = Console(highlight=False)
        try:
            result = Analyser(loaded, AnalysisSettings(overlap_seconds=overlap)).analyse(file)
        except FileError as error:
            typer.echo(f"FAILED {one_line(str(error))} [{error.code}]", err=True)
            raise typer.Exit(ExitCode.SOME_FAILED) from None
        for part in (_heading(file, result), _timeline(result, loaded.card), _verdict(result.verdict), _tags(file)):
            console.print(part)
        console.print(f"{loaded.card.model_id} {loaded.card.version}. {LIMITS_NOTICE}", style="dim", markup=False)


def _heading(file: Path, result: FileResult) -> RenderableType:
    from rich.text import Text

    from instag.paths import for_terminal

    info = result.info
    text = Text(for_terminal(file), style="bold")
    text.append(
        f"\n{info.container}, {info.sample_rate} Hz, {info.channels} channel{'s' * (info.channels != 1)}, "
        f"{result.duration_seconds:.1f} s",
        style="not bold",
    )
    if result.warning:
        text.append(f"\n{result.warning}", style="yellow not bold")
    return text


def _timeline(result: FileResult, card: ModelCard) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    from instag.aggregate import cast_votes
    from instag.labels import OTHER_INDEX

    table = Table(box=None, pad_edge=False)
    for title in ("from", "to", "level", "dominant", "", "heard as well"):
        table.add_column(title, justify="right" if title in ("from", "to", "level") else "left", no_wrap=True)
    windows = result.windows
    votes = cast_votes(windows, card.file_rule, OTHER_INDEX)
    for index, start in enumerate(windows.start_seconds):
        level = windows.level_dbfs[index]
        cells = [_clock(start), _clock(windows.end_seconds[index]), f"{level:.0f} dB"]
        if not votes.weights[index]:
            table.add_row(*cells, Text("silent" if votes.silent[index] else "blank tape", style="dim"), "", "")
            continue
        scores = windows.scores[index]
        best = int(scores.argmax())
        filled = max(1, round(float(scores[best]) * _BAR_CELLS))
        bar = Text("█" * filled, style=_COLOURS[best]) + Text("░" * (_BAR_CELLS - filled), style="dim")
        bar.append(f" {100 * scores[best]:3.0f} %")
        heard = ", ".join(
            f"{DISPLAY_NAMES[LABELS[i]]} {100 * scores[i]:.0f} %"
            for i in scores.argsort()[::-1]
            if i != best and scores[i] >= 0.1
        )
        table.add_row(*cells, Text(DISPLAY_NAMES[LABELS[best]], style=_COLOURS[best]), bar, heard)
    return table


def _verdict(verdict: Verdict) -> RenderableType:
    from rich.text import Text

    if verdict.confidence == 0.0:
        return Text("Most likely dominant: nothing, the file is silent. Needs review.", style="bold")
    text = Text("Most likely dominant: ", style="bold")
    text.append(DISPLAY_NAMES[verdict.dominant], style=_COLOURS[LABELS.index(verdict.dominant)])
    text.append(f" (confidence {100 * verdict.confidence:.0f} %)")
    heard = ", ".join(DISPLAY_NAMES[label] for label in verdict.instruments)
    text.append(f"\nHeard, most of the time first: {heard or 'none of the eleven'}", style="not bold")
    if verdict.needs_review:
        text.append("\nNeeds review: a person should listen.", style="yellow not bold")
    return text


def _tags(file: Path) -> RenderableType:
    from rich.text import Text

    from instag import tags
    from instag.paths import for_terminal

    try:
        found = tags.read_all_tags(file)
    except FileError as error:
        return Text(f"Tags in the file: cannot be read ({error})")
    if not found:
        return Text("Tags in the file: none")
    lines = [f"  {for_terminal(name)}: {for_terminal('; '.join(values))}" for name, values in found.items()]
    return Text("\n".join(["Tags in the file:", *lines]))


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{seconds % 60:04.1f}"
