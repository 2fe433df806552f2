"""Holds what a catalogue, or other people's tags, say of recordings against what was heard, worst first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from instag.labels import DISPLAY_NAMES
from instag.measure.truth import normal_path
from instag.measure.words import read_words
from instag.paths import for_terminal, one_line
from instag.table.rows import Row

_NAMED_AT_MOST = 5


@dataclass(frozen=True)
class Difference:
    """A recording of which two things are said.

    Attributes:
        path: As in the table.
        written: The words that are written of it.
        written_labels: The labels that they stand for.
        heard: The label that counts in the table: a person's if there is one, else the machine's.
        confidence: The machine's, 0..1; None where a person gave the label.
        is_partial: An instrument that is written is heard too, but does not dominate.
    """

    path: str
    written: str
    written_labels: tuple[str, ...]
    heard: str
    confidence: float | None
    is_partial: bool


@dataclass(frozen=True)
class Comparison:
    """What is written against what was heard.

    Attributes:
        source: What is compared with: "catalogue" or "tags".
        compared: How many recordings.
        agree: Of how many of them the label is among those written.
        differences: The others, worst first: persons' labels, then those of which nothing written is heard, then the
            partial ones; each kind with the highest confidence first.
        untold: Rows of the table of which nothing is written.
        missing: Paths of the catalogue that have no row, or files whose tags cannot be read.
        failed: Recordings that could not be analysed.
        unknown_words: Words that are no instrument known here, with the number of recordings. Recordings with no
            other word were not compared.
    """

    source: str
    compared: int
    agree: int
    differences: tuple[Difference, ...]
    untold: int
    missing: tuple[str, ...]
    failed: tuple[str, ...]
    unknown_words: dict[str, int]


def compare(rows: Iterable[Row], written: Mapping[str, str], source: str, unreadable: Sequence[str] = ()) -> Comparison:
    """Compares row by row.

    Args:
        rows: The rows of a table.
        written: What is written of each path, as `instag.measure.truth.normal_path` gives it.
        source: "catalogue" or "tags".
        unreadable: Files of the table whose tags cannot be read.
    """
    unknown: Counter[str] = Counter()
    missing = dict.fromkeys(written)
    failed: list[str] = []
    differences: list[Difference] = []
    compared = untold = 0
    for row in rows:
        path = normal_path(row.path)
        missing.pop(path, None)
        named = read_words(written.get(path, ""))
        unknown.update(set(named.unknown))
        if path not in written:
            untold += row.path not in unreadable
        elif not row.label:
            failed.append(row.path)
        elif named.labels:
            compared += 1
            if row.label not in named.labels:
                differences.append(_difference(row, written[path], named.labels))
    differences.sort(key=_rank)
    return Comparison(
        source,
        compared,
        compared - len(differences),
        tuple(differences),
        untold,
        (*missing, *unreadable),
        tuple(failed),
        dict(sorted(unknown.items())),
    )


def _difference(row: Row, written: str, labels: tuple[str, ...]) -> Difference:
    # A person's label is about the whole recording: what the machine hears beside it is no excuse for the catalogue.
    is_partial = not row.reviewed_label and any(label in row.instruments for label in labels)
    return Difference(row.path, written, labels, row.label, None if row.reviewed_label else row.confidence, is_partial)


def _rank(one: Difference) -> tuple[bool, bool, float, str]:
    return one.confidence is not None, one.is_partial, -(one.confidence or 0.0), one.path


def _some(names: Sequence[str]) -> str:
    """The first names, and how many more there are: the rest is in the JSON."""
    shown = ", ".join(for_terminal(name) for name in names[:_NAMED_AT_MOST])
    more = len(names) - _NAMED_AT_MOST
    return f"{shown} and {more} more" if more > 0 else shown


def lines(result: Comparison) -> Iterator[str]:
    """One line for each difference, then the counts."""
    for one in result.differences:
        heard = DISPLAY_NAMES.get(one.heard, one.heard)
        sure = "by a person" if one.confidence is None else f"{one.confidence:.2f}"
        partial = " (what is written is heard too)" if one.is_partial else ""
        yield f"{for_terminal(one.path)}  {result.source}: {one_line(one.written)}; heard: {heard}, {sure}{partial}"
    if result.differences:
        yield ""
    partial_count = sum(one.is_partial for one in result.differences)
    yield (
        f"Compared: {result.compared}. Same: {result.agree}. Different: {len(result.differences)}, of which "
        f"{partial_count} only in what dominates."
    )
    if result.untold:
        yield f"Rows of the table without a word in the {result.source}: {result.untold}."
    if result.missing:
        why = "Files whose tags cannot be read" if result.source == "tags" else "Paths without a row in the table"
        yield f"{why}: {len(result.missing)} ({_some(result.missing)})."
    if result.failed:
        yield f"Recordings that could not be analysed: {len(result.failed)} ({_some(result.failed)})."
    if result.unknown_words:
        words = [f"{word} ({number})" for word, number in result.unknown_words.items()]
        yield f"Words that are no instrument known here: {len(words)} ({_some(words)})."
