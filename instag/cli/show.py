"""`instag show`: what the model hears in recordings, window by window, and the tags that are in them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from instag.cli.boundary import errors_for_people
from instag.cli.options import (
    SAY,
    DeviceName,
    Language,
    ModelName,
    Overlap,
    check_overlap,
    input_paths,
    number,
    option,
    parse_device,
    parse_language,
)
from instag.constants import LIMITS_NOTICE
from instag.errors import ExitCode, FileError
from instag.labels import COLOURS, LABELS, OTHER

if TYPE_CHECKING:
    from rich.text import Text

    from instag.languages import Names
    from instag.model.card import ModelCard
    from instag.results import FileResult, Verdict

EXAMPLES = """
instag show song.mp3                # every window; long files are folded
instag show side-a.flac --every 30  # one row per 30 seconds
instag show *.wav --overlap 1.5     # several files; windows overlap by half
"""


def show(
    files: Annotated[list[Path], input_paths("Recordings.")],
    overlap: Overlap = 0.0,
    model: ModelName = "instag",
    device: DeviceName = "auto",
    language: Language = "en",
    every: Annotated[
        float | None,
        option(
            "--every",
            panel=SAY,
            metavar="SECONDS",
            parser=number(0.1, 1e6),
            help="One row per SECONDS; 0.1 shows every window.",
            show_default="every window, or at most 60 rows",
        ),
    ] = None,
) -> None:
    """Show what the model hears in recordings, window by window, and the tags in the files.

    Exit codes: 0 shown. 1 a file cannot be analysed. 2 usage. 3 the model or the device cannot be used.
    """
    from rich.console import Console
    from rich.text import Text

    from instag.analyse import Analyser, AnalysisSettings
    from instag.model.session import find_model, open_model
    from instag.paths import one_line

    with errors_for_people():
        names = parse_language(language)
        loaded = open_model(find_model(model), parse_device(device))
        check_overlap(overlap, loaded.card)
        analyser = Analyser(loaded, AnalysisSettings(overlap_seconds=overlap))
        # A terminal gets lines that end between words; a pipe gets each line whole.
        console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
        width = console.width if console.is_terminal else None
        failed = False
        for file in files:
            try:
                result = analyser.analyse(file)
            except FileError as error:
                failed = True
                typer.echo(f"FAILED {one_line(str(error))} [{error.code}]", err=True)
                continue
            rows = _rows(result, loaded.card, every, width, names)
            for line in (*_heading(file, result), *rows, *_verdict(result.verdict, names), *_tags(file), Text()):
                console.print(line)
        console.print(Text(f"{loaded.card.model_id} {loaded.card.version}. {LIMITS_NOTICE}", style="dim"))
        if failed:
            raise typer.Exit(ExitCode.SOME_FAILED)


def _heading(file: Path, result: FileResult) -> Iterator[Text]:
    from rich.text import Text

    from instag.paths import for_terminal

    info = result.info
    yield Text(for_terminal(file), style="bold")
    channels = f"{info.channels} channel{'s' * (info.channels != 1)}"
    yield Text(f"{info.container}, {info.sample_rate} Hz, {channels}, {result.duration_seconds:.1f} s")
    if result.warning:
        yield Text(result.warning, style="yellow")


def _rows(result: FileResult, card: ModelCard, every: float | None, width: int | None, names: Names) -> Iterator[Text]:
    from instag.cli.windows_view import fold, row_seconds, table_lines

    seconds = every or row_seconds(result.windows)
    stretches = list(fold(result.windows, card, seconds))
    is_folded = len(stretches) < len(result.windows.start_seconds)
    yield from table_lines(stretches, "share of time" if is_folded else "presence", width, names)
    if is_folded and not every:
        from rich.text import Text

        yield Text(f"One row per {seconds:g} s; --every SECONDS shows more or fewer.", style="dim")


def _verdict(verdict: Verdict, names: Names) -> Iterator[Text]:
    from rich.text import Text

    from instag.identifiers import identifiers

    if verdict.confidence == 0.0:
        yield Text("Most likely dominant: nothing, the file is silent. Needs review.", style="bold")
        return
    dominant = Text("Most likely dominant: ", style="bold")
    dominant.append(names[verdict.dominant], style=COLOURS[verdict.dominant])
    yield dominant.append(f" (confidence {100 * verdict.confidence:.0f} %)")
    instruments = ", ".join(names[label] for label in verdict.instruments)
    yield Text(f"Instruments: {instruments or 'none of the eleven'}")
    if known := ", ".join(str(found) for found in identifiers(verdict.dominant).values()):
        yield Text(f"In catalogues, {names[verdict.dominant]} is: {known}")
    shares = sorted(zip(LABELS, verdict.shares, strict=True), key=lambda share: -share[1])
    heard = ", ".join(f"{names[label]} {100 * share:.0f} %" for label, share in shares if share > 0 and label != OTHER)
    if heard:
        yield Text(f"Share of the time that is not silent: {heard}")
    if verdict.needs_review:
        yield Text("Needs review: a person should listen.", style="yellow")


def _tags(file: Path) -> Iterator[Text]:
    from rich.text import Text

    from instag import tags
    from instag.paths import for_terminal, one_line

    try:
        found = tags.read_all_tags(file)
    except FileError as error:
        yield Text(f"Tags in the file: cannot be read ({one_line(str(error))})")
        return
    yield Text("Tags in the file:" if found else "Tags in the file: none")
    for name, values in found.items():
        yield Text(f"  {for_terminal(name)}: {for_terminal('; '.join(values))}")
