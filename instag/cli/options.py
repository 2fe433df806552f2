"""Options that several commands share, and how the words of an option become values.

What belongs to the machine and not to the job (the model, the device, the number of jobs) can also be set by an
environment variable. Nothing else can: a variable that somebody forgot must never write into recordings.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instag.errors import UsageError

if TYPE_CHECKING:
    from instag.languages import Names
    from instag.model.card import ModelCard
    from instag.model.session import Device

# The panels of --help, in their order.
ANALYSE = "What to analyse"
WRITE = "What to write"
RUN = "How to run"
SAY = "What to print"

# Less than this between the starts of two windows is never meant: it scores the same sound thirty times over and more.
LEAST_HOP_SECONDS = 0.1

_CHECK_VARIABLE = "If it comes from a shell variable, check that the variable is set."


def option(*names: str, help: str, panel: str, env: bool = False, **more: Any) -> Any:
    """An option of a panel.

    Args:
        names: `--long` and, where there is one, `-s`.
        help: One or two sentences.
        panel: Its group in --help.
        env: Whether `INSTAG_` and its name in capitals set it too.
        more: For Typer.
    """
    long = next(name for name in names if name.startswith("--"))
    variable = "INSTAG_" + long.removeprefix("--").replace("-", "_").upper()
    return typer.Option(*names, help=help, rich_help_panel=panel, envvar=variable if env else None, **more)


def path_of(text: str) -> Path:
    """The path that a word of the command line names.

    Raises:
        typer.BadParameter: It is empty (Python would take it for the current folder), or relative to a folder that is
            gone.
    """
    if not text.strip():
        raise typer.BadParameter(f"the path is empty. {_CHECK_VARIABLE}")
    path = Path(text)
    if not path.is_absolute() and current_folder_is_gone():
        raise typer.BadParameter(
            f"{text}: the current folder no longer exists. Change to another folder, or give an absolute path."
        )
    return path


def current_folder_is_gone() -> bool:
    """Whether the current folder was removed, or unmounted, since the shell entered it."""
    try:
        Path.cwd()
    except OSError:
        return True
    return False


def leave_a_folder_that_is_gone() -> None:
    """Moves to `/` where the current folder is gone: worker processes cannot start in a folder that does not exist.

    To be called when the paths of the command line are parsed: from then on they are absolute.
    """
    if current_folder_is_gone():
        os.chdir("/")


def number(least: float, most: float = math.inf, *, whole: bool = False) -> Callable[[str | float], float]:
    """What parses a number from `least` to `most`; NaN and infinity are none."""
    kind = "a whole number" if whole else "a number"
    limits = f"of {least:g} or more" if math.isinf(most) else f"from {least:g} to {most:g}"

    def parse(text: str | float) -> float:
        try:
            value = int(text) if whole else float(text)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and least <= value <= most):
            raise typer.BadParameter(f"{text} must be {kind} {limits}.")
        return value

    return parse


def _glob_of(text: str) -> str:
    if not text.strip():
        raise typer.BadParameter(f"the pattern is empty. {_CHECK_VARIABLE}")
    return text


def _model_of(text: str) -> str:
    # The name of a shipped model is no path; whatever else it may be is looked up as one.
    return os.fspath(path_of(text)) if not text.strip() or os.sep in text or text.endswith(".onnx") else text


def input_paths(help: str = "Files and folders. Folders are searched to any depth.") -> Any:
    """The argument that names what a command works on."""
    return typer.Argument(metavar="PATH...", help=help, parser=path_of, rich_help_panel=ANALYSE, show_default=False)


Inputs = Annotated[list[Path], input_paths()]
Include = Annotated[
    list[str] | None,
    option(
        "--include",
        panel=ANALYSE,
        metavar="GLOB",
        parser=_glob_of,
        help="In folders, take only files that match. Can be repeated.",
    ),
]
Exclude = Annotated[
    list[str] | None,
    option(
        "--exclude",
        panel=ANALYSE,
        metavar="GLOB",
        parser=_glob_of,
        help="In folders, leave out files and folders that match. Can be repeated.",
    ),
]
ModelName = Annotated[
    str,
    option(
        "--model",
        panel=ANALYSE,
        env=True,
        metavar="NAME|FILE",
        parser=_model_of,
        help="A model that comes with instag (`instag model` lists them), or an ONNX file.",
    ),
]
DeviceName = Annotated[
    str,
    option(
        "--device",
        panel=RUN,
        env=True,
        metavar="auto|cpu|cuda",
        help="Where the model runs. auto takes a GPU if one can be used.",
    ),
]
Overlap = Annotated[
    float,
    option(
        "--overlap",
        panel=ANALYSE,
        metavar="SECONDS",
        parser=number(0),
        help="Overlap of consecutive windows.",
    ),
]
KeepMtime = Annotated[
    bool, option("--keep-mtime", panel=WRITE, help="Keep a file's modification time when its tags change.")
]
SidecarDir = Annotated[
    Path | None,
    option(
        "--sidecar-dir",
        panel=WRITE,
        metavar="DIR",
        parser=path_of,
        help="Keep sidecars in DIR, in the same tree of folders, for read-only masters and bags.",
    ),
]
Language = Annotated[
    str,
    option(
        "--language",
        panel=SAY,
        metavar="en|de|fr|it|es",
        help="The language in which labels are shown. Tables, tags and sidecars keep the English names.",
    ),
]
DryRun = Annotated[bool, option("--dry-run", panel=WRITE, help="Only say what would be done.")]
Quiet = Annotated[
    bool, option("--quiet", "-q", panel=SAY, help="No progress and no summary. Failures are still shown.")
]
Verbose = Annotated[int, option("--verbose", "-v", panel=SAY, count=True, help="Show each file.", show_default=False)]
Events = Annotated[bool, option("--events", panel=SAY, help="JSON Lines on stdout, for programs (docs/events.md).")]


TablePath = Annotated[
    Path,
    typer.Argument(
        metavar="TABLE",
        parser=path_of,
        rich_help_panel=ANALYSE,
        show_default=False,
        help="A table that `instag tag --output` wrote.",
    ),
]
TableRoot = Annotated[
    Path | None,
    option(
        "--root",
        panel=ANALYSE,
        metavar="DIR",
        parser=path_of,
        help="The folder that relative paths in the table start from.",
        show_default="the current folder",
    ),
]


def parse_language(code: str) -> Names:
    """What the labels are called in the language behind `--language`.

    Raises:
        UsageError: It is none of those that are known.
    """
    from instag.languages import NAMES

    if code.lower() not in NAMES:
        raise UsageError(f"--language {code}: must be one of {', '.join(NAMES)}.")
    return NAMES[code.lower()]


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


def check_overlap(overlap_seconds: float, card: ModelCard) -> None:
    """Checks that windows which overlap so much still move on.

    Raises:
        UsageError: They do not.
    """
    most = card.window_seconds - LEAST_HOP_SECONDS
    if overlap_seconds > most:
        raise UsageError(
            f"--overlap {overlap_seconds:g}: must be {most:g} or less.",
            f"The model's window is {card.window_seconds:g} s long, and the next one starts at least "
            f"{LEAST_HOP_SECONDS:g} s later.",
        )
