"""What people said, as the manifest that training reads: `python -m train` takes it with `--manifest`."""

from __future__ import annotations

import csv
import io
import posixpath
from collections.abc import Iterable

from instag.errors import CannotStartError
from instag.paths import for_terminal
from instag.table.rows import Row

_FIELDS = ("path", "label", "detail", "source", "kind", "group", "split", "seconds", "licence", "labels")


def to_bytes(recordings: Iterable[tuple[str, Row]]) -> bytes:
    """A line for each recording to which a person gave a label, as CSV; copies of one audio stand there once.

    All are for training. Recordings of one folder form a group, which no split may cut.

    Args:
        recordings: Paths relative to the folder of the manifest, and their rows.

    Raises:
        CannotStartError: A name cannot be written into a text file.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_FIELDS)
    seen: set[str] = set()
    for path, row in recordings:
        key = row.audio_digest or row.path
        if not row.reviewed_label or key in seen:
            continue
        seen.add(key)
        try:
            path.encode()
        except UnicodeEncodeError:
            raise CannotStartError(
                f"{for_terminal(path)}: the name is no UTF-8, so that no manifest can hold it.", "Rename the file."
            ) from None
        group = posixpath.dirname(path) or "."
        seconds = "" if row.duration_seconds is None else f"{row.duration_seconds:g}"
        # Others may be heard beside the instrument that dominates.
        writer.writerow([path, row.reviewed_label, "", "review", "song/mix", group, "train", seconds, "", ""])
    return text.getvalue().encode()
