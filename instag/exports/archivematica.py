"""Archivematica's `metadata/metadata.csv`: Dublin Core for each file of a transfer.

Source: Archivematica's documentation, "Import metadata": UTF-8, the first column is `filename` with paths that begin
with `objects/`, and an element with several values has several columns of one name.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from instag.exports.statements import statements
from instag.labels import DISPLAY_NAMES
from instag.table.rows import Row

PREFIX = "objects/"


def to_bytes(recordings: Sequence[tuple[str, Row]]) -> bytes:
    """The file.

    Args:
        recordings: The path of each recording, with `objects/` in front, and its row.
    """
    said = [(path, statements(row)) for path, row in recordings]
    most = max((len(each) for _, each in said), default=0)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["filename", *["dc.subject"] * most, *["dc.description"] * most])
    for path, each in said:
        gaps = [""] * (most - len(each))
        subjects = [DISPLAY_NAMES.get(statement.label, statement.label) for statement in each]
        writer.writerow([path, *subjects, *gaps, *(statement.note for statement in each), *gaps])
    return text.getvalue().encode()
