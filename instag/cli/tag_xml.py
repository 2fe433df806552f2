"""`instag tag --xml`: one recording's result as XML on stdout, for programs that characterise files one by one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from instag.cli.progress import Terminal
from instag.errors import UsageError
from instag.run.observer import Totals
from instag.table.rows import Row, Status


class XmlOfOne(Terminal):
    """Writes a PBCore document of the recording to stdout; failures are said on stderr, as ever."""

    def __init__(self, stream: BinaryIO, verbose: int) -> None:
        """Writes to a stream of bytes."""
        super().__init__(lines=False, quiet=True, verbose=verbose)
        self._stream = stream

    def file_ended(self, row: Row, totals: Totals) -> None:
        """Writes the document, if the recording could be analysed."""
        from instag.exports import pbcore

        super().file_ended(row, totals)
        if row.status is Status.ANALYSED:
            self._stream.write(pbcore.to_bytes([(row.path, row)]))
            self._stream.flush()


def check_xml(inputs: Sequence[Path], output: Path | None, events: bool) -> None:
    """Refuses what `--xml` cannot go with.

    Raises:
        UsageError: There is not exactly one file, or something else is asked for on stdout or in a table.
    """
    if len(inputs) != 1 or inputs[0].is_dir():
        raise UsageError("--xml is about one file.", "Name one file; for folders, write a table and use instag export.")
    if output or events:
        raise UsageError(
            f"--xml cannot go with {'--output' if output else '--events'}.",
            "Leave one of them out; --xml writes to stdout.",
        )
