"""Options that several commands share. Each can also be given as an environment variable, `INSTAG_` and its name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instag.errors import UsageError

if TYPE_CHECKING:
    from instag.model.session import Device


def option(*names: str, help: str, env: bool = True, **more: Any) -> Any:
    """An option whose environment variable is named after it."""
    long = next(name for name in names if name.startswith("--"))
    variable = "INSTAG_" + long.removeprefix("--").replace("-", "_").upper()
    return typer.Option(*names, help=help, envvar=variable if env else None, **more)


Inputs = Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files and folders; folders are walked.")]
Include = Annotated[
    list[str] | None, option("--include", metavar="GLOB", help="Take only files that match; may be repeated.")
]
Exclude = Annotated[
    list[str] | None, option("--exclude", metavar="GLOB", help="Leave out files that match; may be repeated.")
]
ModelName = Annotated[
    str, option("--model", metavar="NAME|FILE", help="A model that ships (see `instag model`), or an ONNX file.")
]
DeviceName = Annotated[str, option("--device", metavar="auto|cpu|cuda", help="Where the model runs.")]
Overlap = Annotated[
    float, option("--overlap", metavar="SECONDS", min=0.0, help="How far a window reaches into the one before it.")
]
KeepMtime = Annotated[bool, option("--keep-mtime", help="Files keep their modification time when their tags change.")]
DryRun = Annotated[bool, option("--dry-run", help="Say what would be done, and do nothing.")]
Quiet = Annotated[bool, option("--quiet", "-q", help="No progress and no summary; failures are shown all the same.")]


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
