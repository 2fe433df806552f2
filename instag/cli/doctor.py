"""`instag doctor`: what this machine can do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instag.cli.boundary import errors_for_people
from instag.cli.options import ANALYSE, SAY, ModelName, option, path_of
from instag.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from instag.doctor import Report

EXAMPLES = """
instag doctor                          # does instag work here
instag doctor --table /archive/t.csv   # is that a good place for a table
instag doctor --json                   # the same for programs
"""


def doctor(
    model: ModelName = "instag",
    table: Annotated[
        Path | None,
        option(
            "--table",
            panel=ANALYSE,
            metavar="TABLE",
            parser=path_of,
            show_default="one in the current folder",
            help="Where you mean to write a table; its file system is looked at.",
        ),
    ] = None,
    as_json: Annotated[bool, option("--json", panel=SAY, help="One JSON object on stdout, for programs.")] = False,
) -> None:
    """Say what this machine can do, and check that the model gives the labels that it should.

    Exit codes: 0 instag works here. 2 usage. 3 it does not, or the model gives other labels than it should.
    """
    from instag.doctor import examine
    from instag.model.session import find_model

    with errors_for_people():
        report = examine(find_model(model), table or Path("table.csv"))
        if as_json:
            typer.echo(report.to_json())
        else:
            for line in _lines(report):
                typer.echo(line)
    if report.errors:
        raise typer.Exit(ExitCode.CANNOT_START)


def _lines(report: Report) -> Iterator[str]:
    yield f"instag {report.instag}, Python {report.python}, {report.system}"
    features = "not listed by this system" if report.cpu_features is None else " ".join(report.cpu_features)
    yield f"CPU features: {features}"
    builds = ", ".join(f"{name} {version}" for name, version in report.onnxruntime.items())
    yield f"onnxruntime: {builds or 'no package of that name is installed'}"
    if build := report.devices["cpu"].get("build"):
        yield f"  built as: {build}"
    needed = f"; {report.driver_needed} or newer is needed for the GPU" if report.driver_needed else ""
    yield f"NVIDIA driver: {report.driver or 'none found'}{needed}"
    for device, found in report.devices.items():
        yield f"{device}: {_outcome(found)}"
    yield f"libraries: {_versions(report.libraries)}"
    for name, wanted in report.extras.items():
        yield f"extra {name}: {_versions(wanted)}"
    for path, kind in report.file_systems.items():
        yield f"file system of {path}: {kind or 'local'}"
    for note in report.notes:
        yield f"note: {note}"
    for error in report.errors:
        yield f"error: {error}"
    yield "Not all is well." if report.errors else "All is well."


def _outcome(found: dict[str, Any]) -> str:
    if "error" in found:
        return f"does not start: {found['error']}"
    if "windows" not in found:
        return "starts"
    return (
        f"starts; {found['windows']} windows scored again, largest difference {found['largest_difference']:.1e}, "
        f"{found['labels_differ']} labels differ; {1000 * found['mean_seconds']:.1f} ms a window"
    )


def _versions(found: dict[str, str | None]) -> str:
    return ", ".join(f"{name} {version or 'missing'}" for name, version in found.items()) or "nothing"
