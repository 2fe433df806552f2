"""Options that several commands share, and the panels in which `--help` groups them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instag.cli.surroundings import check_reachable
from instag.errors import UsageError

if TYPE_CHECKING:
    from instag.model.session import Device

WHAT = "What to analyse"
WRITE = "What to write"
HOW = "How to run"
TELL = "What to show"


def option(*names: str, panel: str, help: str, env: str | None = None, **more: Any) -> Any:
    """An option in a panel of `--help`.

    Args:
        names: As they are typed.
        panel: The heading it stands under.
        help: One sentence.
        env: The environment variable that sets it. Only for options that belong to a machine (model, device, jobs): a
            forgotten variable must never make a job write into recordings.
        more: See `typer.Option`.
    """
    return typer.Option(*names, help=help, envvar=env, rich_help_panel=panel, **more)


def within(low: float, high: float | None = None) -> Callable[[Any], Any]:
    """Checks a number; typer's own bounds would show as type jargon in `--help`."""

    def check(value: Any) -> Any:
        if value is not None and (value < low or (high is not None and value > high)):
            bounds = f"at least {low:g}" if high is None else f"between {low:g} and {high:g}"
            raise typer.BadParameter(f"{value:g} is not {bounds}.")
        return value

    return check


Inputs = Annotated[
    list[str], typer.Argument(metavar="PATH...", help="Files and folders. Folders are walked.", show_default=False)
]
Include = Annotated[
    list[str] | None,
    option("--include", metavar="GLOB", panel=WHAT, help="In folders, take only files that match. May be repeated."),
]
Exclude = Annotated[
    list[str] | None,
    option("--exclude", metavar="GLOB", panel=WHAT, help="In folders, leave out files that match. May be repeated."),
]
ModelName = Annotated[
    str,
    option(
        "--model",
        metavar="NAME|FILE",
        panel=HOW,
        env="INSTAG_MODEL",
        help="A model that ships (see `instag model`), or an ONNX file.",
    ),
]
DeviceName = Annotated[
    str,
    option("--device", metavar="auto|cpu|cuda", panel=HOW, env="INSTAG_DEVICE", help="The device that runs the model."),
]
Overlap = Annotated[
    float,
    option(
        "--overlap",
        metavar="SECONDS",
        panel=WHAT,
        callback=within(0),
        show_default=False,
        help="Overlap of consecutive windows; none unless given.",
    ),
]
KeepMtime = Annotated[
    bool, option("--keep-mtime", panel=WRITE, help="Keep the modification time of files whose tags change.")
]
DryRun = Annotated[bool, option("--dry-run", panel=WRITE, help="Say what would be written, and write nothing.")]
Quiet = Annotated[
    bool, option("--quiet", "-q", panel=TELL, help="No progress and no summary. Failures are still shown.")
]
Events = Annotated[
    bool, option("--events", panel=TELL, help="JSON Lines on stdout, for programs (see docs/events.md).")
]


def input_paths(inputs: list[str]) -> list[Path]:
    """The files and folders on the command line.

    Raises:
        UsageError: An argument is empty, as `"$UNSET"` is in a script; it must not mean the current folder.
    """
    for argument in inputs:
        if not argument.strip():
            raise UsageError("PATH: an argument is empty.", "Check the script's variables; '.' is the current folder.")
    return [check_reachable(Path(argument), "PATH") for argument in inputs]


def check_overlap(overlap_seconds: float, window_seconds: float) -> None:
    """Checks that an overlap leaves a step from window to window.

    Raises:
        UsageError: It does not; less than a tenth of a window would also score everything ten times over.
    """
    longest = 0.9 * window_seconds
    if overlap_seconds > longest:
        raise UsageError(
            f"--overlap {overlap_seconds:g}: must be at most {longest:g} s with this model's window of "
            f"{window_seconds:g} s."
        )


def parse_device(name: str) -> Device:
    """The device behind `--device`.

    Raises:
        UsageError: There is none of that name.
    """
    from instag.model.session import Device

    try:
        return Device(name.lower())
    except ValueError:
        raise UsageError(f"--device {name}: must be auto, cpu or cuda.") from None
