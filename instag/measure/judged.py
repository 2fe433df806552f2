"""A table beside what people say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from instag.measure.metrics import Judged
from instag.measure.truth import Truth, normal_path
from instag.table.rows import Row, Status


@dataclass(frozen=True)
class Matched:
    """What of both belongs together.

    Attributes:
        judged: The recordings that both hold.
        failed: Paths with a truth that could not be analysed.
        only_truth: Paths with a truth that the table lacks.
        only_table: How many analysed recordings have no truth.
        reviewed: How many of `judged` a person reviewed; the machine's label is judged all the same.
    """

    judged: tuple[Judged, ...]
    failed: tuple[str, ...]
    only_truth: tuple[str, ...]
    only_table: int
    reviewed: int


def match(rows: Iterable[Row], truth: Truth) -> Matched:
    """Puts each row beside its truth; the path in both must be written alike, but for `./` and backslashes."""
    judged: list[Judged] = []
    failed, only_table, reviewed = [], 0, 0
    missing = dict.fromkeys(truth.labels)
    for row in rows:
        path = normal_path(row.path)
        labels = truth.labels.get(path)
        missing.pop(path, None)
        if labels is None:
            only_table += row.status is Status.ANALYSED
        elif row.status is not Status.ANALYSED or row.confidence is None:
            failed.append(row.path)
        else:
            reviewed += row.review is not None
            judged.append(
                Judged(row.path, labels, row.dominant, row.confidence, row.instruments, bool(row.needs_review))
            )
    return Matched(tuple(judged), tuple(failed), tuple(missing), only_table, reviewed)
