"""An evaluation as lines of text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

from instag.labels import LABELS
from instag.measure.judged import Matched
from instag.measure.metrics import Evaluation, Figure
from instag.measure.truth import Truth
from instag.paths import for_terminal

_NAMED_AT_MOST = 3


def to_lines(found: Evaluation, matched: Matched, truth: Truth) -> Iterator[str]:
    """What `instag evaluate` prints."""
    yield from left_out(matched, truth)
    yield f"recordings judged        {found.recordings}"
    yield f"dominant label right     {figure(found.accuracy)}"
    yield f"macro F1                 {figure(found.macro_f1)}"
    yield f"calibration error        {figure(found.calibration_error)}"
    if found.presence_f1 is not None:
        yield f"F1 of all that is heard  {percent(found.presence_f1)} (recordings with several true labels)"
    rest = "nothing is left" if found.kept_accuracy is None else f"{percent(found.kept_accuracy)} of the rest right"
    yield f"sent to review           {percent(found.review_share)}; {rest}"
    yield ""
    yield "label              true  precision  recall     F1"
    for each in found.classes:
        figures = f"{_short(each.precision):>9}  {_short(each.recall):>6}  {_short(each.f1):>5}"
        yield f"{each.label:<16} {each.recordings:>6}  {figures}"
    yield ""
    yield "mistakes, the most frequent first"
    mistakes = [
        (count, LABELS[true], LABELS[heard])
        for true, row in enumerate(found.confusion)
        for heard, count in enumerate(row)
        if count and true != heard
    ]
    for count, true, heard in sorted(mistakes, key=lambda each: (-each[0], each[1:])):
        yield f"{count:>5}  {true} was taken for {heard}"
    if not mistakes:
        yield "    0  none"
    yield ""
    yield "confidence   recordings  mean confidence  right"
    for each_bin in found.bins:
        span = f"{each_bin.low:.1f} to {each_bin.high:.1f}"
        yield f"{span}   {each_bin.recordings:>10}  {percent(each_bin.confidence):>15}  {percent(each_bin.accuracy):>5}"
    yield ""
    yield "if the least confident go to a person"
    for kept in found.curve:
        sure = f"confidence {kept.least_confidence:.3f} or more"
        right = f"{percent(kept.accuracy)} of the other {kept.recordings} right"
        yield f"{percent(1 - kept.share):>5} to review: {right} ({sure})"


def left_out(matched: Matched, truth: Truth) -> Iterator[str]:
    """What was not judged, and why."""
    for paths, why in (
        (matched.failed, "could not be analysed, and count as nothing"),
        (matched.only_truth, "have a true label, and are not in the table"),
        (matched.several, "names of label files fit several recordings, and are left out"),
        (truth.machines, "label files are as `instag export` wrote them, nobody's word, and are left out"),
        (
            [f"{each.path} ({each.place})" for each in truth.repeats],
            "lines name a recording again; its labels are joined",
        ),
    ):
        if paths:
            more = ", …" if len(paths) > _NAMED_AT_MOST else ""
            yield f"{len(paths)} {why}: {for_terminal(', '.join(paths[:_NAMED_AT_MOST]))}{more}"
    if matched.only_table:
        yield f"{matched.only_table} in the table have no true label, and are left out"
    if truth.unknown:
        words = ", ".join(f"{word} ({count})" for word, count in truth.unknown.items())
        yield f"words that are no label, left out: {words}"
    if matched.reviewed:
        yield f"{matched.reviewed} were reviewed by a person; the machine's label is judged all the same"


def to_json(found: Evaluation, matched: Matched, truth: Truth) -> str:
    """The same as one JSON object; `confusion` has a row for each true label, in the order of `labels`."""
    document = {
        "labels": LABELS,
        **asdict(found),
        "left_out": {
            "failed": matched.failed,
            "not_in_table": matched.only_truth,
            "names_of_several": matched.several,
            "as_exported": truth.machines,
            "without_truth": matched.only_table,
            "unknown_words": truth.unknown,
        },
        "repeated": [asdict(each) for each in truth.repeats],
        "reviewed": matched.reviewed,
    }
    return json.dumps(document, ensure_ascii=False)


def percent(share: float) -> str:
    """A share as people read it: 0.953 is `95 %`."""
    return f"{100 * share:.0f} %"


def figure(each: Figure) -> str:
    """A figure with its interval, in percent."""
    if each.low == each.high:
        return f"{100 * each.value:.1f} % (no interval: each resample gives the same)"
    return f"{100 * each.value:.1f} % (95 % interval {100 * each.low:.1f} to {100 * each.high:.1f})"


def _short(share: float | None) -> str:
    return "-" if share is None else percent(share)
