"""`instag plot`: a picture of one recording."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from instag.cli.boundary import errors_for_people
from instag.cli.options import ANALYSE, WRITE, DeviceName, ModelName, option, parse_device, path_of
from instag.errors import ExitCode, FileError

EXAMPLES = """
instag plot song.mp3 -o song.png     # for a screen
instag plot side-a.flac -o side.svg  # for print
"""


def plot(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", parser=path_of, rich_help_panel=ANALYSE, show_default=False, help="A recording."
        ),
    ],
    output: Annotated[
        Path,
        option(
            "--output",
            "-o",
            panel=WRITE,
            metavar="PICTURE",
            parser=path_of,
            show_default=False,
            help="A new file, .png or .svg.",
        ),
    ],
    model: ModelName = "instag",
    device: DeviceName = "auto",
) -> None:
    """Draw a recording: waveform, spectrogram and instruments, on one axis of time.

    Needs matplotlib: pip install 'instag[plot]'

    Exit codes: 0 done. 1 the recording cannot be analysed. 2 usage. 3 the model, the device or matplotlib cannot be
    used, or PICTURE cannot be written.
    """
    from instag.analyse import Analyser
    from instag.audio import open_audio
    from instag.model.session import find_model, open_model
    from instag.paths import one_line
    from instag.report.plot import COLUMNS, check_plot, draw, spans_of
    from instag.report.waves import waves_of

    with errors_for_people():
        check_plot(output)
        loaded = open_model(find_model(model), parse_device(device))
        rate = loaded.card.sample_rate
        try:
            result = Analyser(loaded).analyse(file)
            with open_audio(file, rate) as stream:
                waves = waves_of(stream.blocks(), rate, result.duration_seconds, COLUMNS)
        except FileError as error:
            typer.echo(f"FAILED {one_line(str(error))} [{error.code}]", err=True)
            raise typer.Exit(ExitCode.SOME_FAILED) from None
        draw(file, result, spans_of(result, loaded.card), waves, output)
