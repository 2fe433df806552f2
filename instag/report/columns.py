"""The files of a page as columns: arrays of small numbers, so that 10,000 rows stay light in a browser."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from instag import paths
from instag.labels import LABELS
from instag.table.rows import Row, Status

# Bits of a row's `flags`.
NEEDS_REVIEW, FAILED, REVIEWED, NOTHING_HEARD, ACCEPTED = 1, 2, 4, 8, 16


def label_names(rows: Sequence[Row]) -> list[str]:
    """The vocabulary, and behind it what people wrote that is not in it, in the order of the alphabet."""
    return [*LABELS, *sorted({row.label for row in rows} - {*LABELS, ""})]


def split_path(path: str) -> tuple[str, str]:
    """The folder and the name of a path as it stands in a table, where `/` separates on every system."""
    folder, slash, name = path.rpartition("/")
    return folder + slash, name


def is_silent(row: Row) -> bool:
    """Whether nothing is heard in a file that was analysed."""
    return bool(row.windows) and row.silent_windows == row.windows


def columns_of(
    rows: Sequence[Row], names: Sequence[str], strip_of: Callable[[str], str], page_folder: Path, root: Path | None
) -> dict[str, Any]:
    """The rows as columns.

    Args:
        rows: The files of one page.
        names: What the numbers of labels mean, as `label_names` gives it.
        strip_of: The strip of a path, as `instag.report.strip` writes it; "" where there is none.
        page_folder: The folder that the page will lie in, absolute: links to recordings start from there.
        root: The folder that relative paths in the table start from; the current one where it is None.

    Returns:
        What `data.js` reads as `rows`. Confidences are per mille, scores percent, durations tenths of seconds; -1
        stands for what a file does not have.
    """
    numbers = {name: number for number, name in enumerate(names)} | {"": -1}
    folders: dict[str, int] = {}
    columns: dict[str, list[Any]] = {
        name: []
        for name in ("folder", "name", "label", "machine", "confidence", "flags", "duration", "instruments", "strip")
    }
    numbers_of_labels: dict[str, list[int]] = {"scores": [], "shares": [], "presences": []}
    notes: dict[int, tuple[str, str]] = {}
    reviews: dict[int, tuple[str, str]] = {}
    for index, row in enumerate(rows):
        folder, name = split_path(row.path)
        columns["folder"].append(folders.setdefault(folder, len(folders)))
        columns["name"].append(name)
        columns["label"].append(numbers[row.label])
        columns["machine"].append(numbers.get(row.dominant, -1))
        columns["confidence"].append(-1 if row.confidence is None else round(1000 * row.confidence))
        columns["flags"].append(_flags(row))
        columns["duration"].append(-1 if row.duration_seconds is None else round(10 * row.duration_seconds))
        columns["instruments"].append(sum(1 << numbers[label] for label in row.instruments if label in numbers))
        columns["strip"].append(strip_of(row.path))
        for kind, values in numbers_of_labels.items():
            values.extend(round(100 * value) for value in getattr(row, kind) or (0.0,) * len(LABELS))
        if row.error or row.error_code:
            notes[index] = (row.error_code, row.error)
        if row.decision:
            reviews[index] = (row.reviewed_by, row.reviewed_at)
    links = [paths.to_table(os.path.relpath(paths.locate(folder or ".", root), page_folder)) for folder in folders]
    return {
        **columns,
        **numbers_of_labels,
        "folders": list(folders),
        "links": links,
        "notes": notes,
        "reviews": reviews,
    }


def _flags(row: Row) -> int:
    return (
        NEEDS_REVIEW * row.wants_review
        + FAILED * (row.status is Status.FAILED)
        + REVIEWED * (row.review is not None)
        + NOTHING_HEARD * is_silent(row)
        + ACCEPTED * row.is_accepted
    )
