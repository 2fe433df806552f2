"""A table beside what people say."""

from __future__ import annotations

import posixpath
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
        several: Names without an extension that fit several recordings, so that nobody knows which is meant.
        only_table: How many analysed recordings have no truth.
        reviewed: How many of `judged` a person reviewed; the machine's label is judged all the same.
    """

    judged: tuple[Judged, ...]
    failed: tuple[str, ...]
    only_truth: tuple[str, ...]
    several: tuple[str, ...]
    only_table: int
    reviewed: int


def match(rows: Iterable[Row], truth: Truth) -> Matched:
    """Puts each row beside its truth.

    The path in both must be written alike, but for `./` and backslashes. Where the truth may lack extensions, a name
    without one belongs to the only recording of that name, unless a recording is called exactly so.
    """
    pairs: list[tuple[Row, tuple[str, ...]]] = []
    by_stem: dict[str, list[Row]] = {}
    missing = dict.fromkeys(truth.labels)
    only_table = 0
    for row in rows:
        path = normal_path(row.path)
        stem = posixpath.splitext(path)[0]
        if path in truth.labels:
            pairs.append((row, truth.labels[path]))
            missing.pop(path, None)
        elif truth.may_lack_extension and stem in truth.labels:
            by_stem.setdefault(stem, []).append(row)
        else:
            only_table += row.status is Status.ANALYSED
    several = []
    for stem, same in by_stem.items():
        if stem in missing and len(same) == 1:
            pairs.append((same[0], truth.labels[stem]))
        else:
            only_table += sum(row.status is Status.ANALYSED for row in same)
            several += [stem] * (stem in missing)
        missing.pop(stem, None)
    judged: list[Judged] = []
    failed, reviewed = [], 0
    for row, labels in pairs:
        if row.status is not Status.ANALYSED or row.confidence is None:
            failed.append(row.path)
            continue
        reviewed += row.review is not None
        judged.append(Judged(row.path, labels, row.dominant, row.confidence, row.instruments, bool(row.needs_review)))
    return Matched(tuple(judged), tuple(failed), tuple(missing), tuple(several), only_table, reviewed)
