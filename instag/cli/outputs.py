"""The files that `instag tag` writes results to: checked before anything starts, then locked and opened."""

from __future__ import annotations

from contextlib import ExitStack, closing
from pathlib import Path

from instag.cli.settings import check_target
from instag.errors import UsageError
from instag.paths import is_same_file
from instag.table import ResultTable, open_table, refuse_in_bag, table_kind
from instag.table.lock import locked
from instag.table.timeline import Timeline


def check_outputs(output: Path | None, windows: Path | None, settings: Path | None) -> None:
    """Checks the names of the files that a job is to write.

    Raises:
        UsageError: A name does not say its format, is missing, or is that of another output.
        CannotStartError: A file would lie in the payload of a BagIt bag.
    """
    if output:
        table_kind(output)
    if windows and not output:
        raise UsageError("--windows needs --output.", "An interrupted job continues from the table.")
    if windows and output and is_same_file(windows, output):
        raise UsageError(
            f"--windows {windows} and --output {output} lead to the same file.", "Give the timeline its own file."
        )
    if settings:
        check_target(settings)
    # Now, since even a lock beside an output would be a file too many in a bag.
    for target in (output, windows):
        if target:
            refuse_in_bag(target)


def open_outputs(
    stack: ExitStack, output: Path | None, windows: Path | None, *, read_only: bool
) -> tuple[ResultTable | None, Timeline | None]:
    """Locks and opens the table and the timeline.

    Args:
        stack: Closes and unlocks them at its end.
        output: The table, or None.
        windows: The timeline, or None.
        read_only: Opens only what exists, to read it, as a dry run does.

    Raises:
        UsageError: The timeline's name does not say its format.
        CannotStartError: One of them cannot be used, or another job is writing it.
    """
    table: ResultTable | None = None
    timeline: Timeline | None = None
    if output and (output.exists() or not read_only):
        if not read_only:
            stack.enter_context(locked(output))
        table = stack.enter_context(closing(open_table(output, read_only=read_only)))
    if windows and (windows.exists() or not read_only):
        if not read_only:
            stack.enter_context(locked(windows))
        timeline = stack.enter_context(closing(Timeline(windows, read_only=read_only)))
    return table, timeline
