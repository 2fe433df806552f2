"""Holds a collection against the recordings that its model was measured on, as the model's card keeps them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instag.errors import CannotStartError
from instag.labels import DISPLAY_NAMES, LABELS
from instag.measure.shift import Shift, shifts
from instag.model.card import ModelCard
from instag.table.rows import Row, Status

CONFIDENCE = "confidence"
# With fewer recordings only enormous differences could be told from chance.
LEAST_RECORDINGS = 30


@dataclass(frozen=True)
class Reference:
    """What a card says of the recordings that its model was measured on.

    Attributes:
        recordings: How many.
        source: What they are, in words.
        shares: Each label's share of them.
        edges: Of the steps of the histograms, from 0 to 1.
        counts: For each label and for `confidence`, the recordings in each step.
    """

    recordings: int
    source: str
    shares: dict[str, float]
    edges: NDArray[np.float64]
    counts: dict[str, NDArray[np.int64]]


@dataclass(frozen=True)
class Drift:
    """A collection against the reference of its model.

    Attributes:
        recordings: How many were compared.
        left_out: How many rows were not: failed, silent, or of another model.
        reference: How many recordings the reference has.
        source: What they are.
        verdict: In a few sentences.
        shifts: Confidence and each label's score, the largest difference first.
        shares: For each label, its share in the reference and here.
    """

    recordings: int
    left_out: int
    reference: int
    source: str
    verdict: str
    shifts: tuple[Shift, ...]
    shares: dict[str, tuple[float, float]]


def read_reference(card: ModelCard) -> Reference:
    """The field `reference` of a card.

    Raises:
        CannotStartError: The card has none, or it cannot be used.
    """
    name, document = f"{card.model_id} {card.version}", card.reference
    if not document:
        raise CannotStartError(
            f"The card of the model {name} has no reference to compare with.",
            "Use a model that has one (--model); `python -m export refit` and `restamp` put it into a model's card.",
        )
    try:
        return _read(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CannotStartError(
            f"The reference in the card of the model {name} cannot be used ({type(error).__name__}: {error}).",
            "Write it again with `python -m export refit` and `restamp`.",
        ) from None


def _read(document: Mapping[str, Any]) -> Reference:
    histograms = document["histograms"]
    edges = np.array(histograms["edges"], np.float64)
    if len(edges) < 3 or edges[0] != 0 or edges[-1] != 1 or (np.diff(edges) <= 0).any():
        raise ValueError("the edges do not rise from 0 to 1")
    counts = {label: np.array(histograms[f"score_{label}"], np.int64) for label in LABELS}
    counts[CONFIDENCE] = np.array(document[CONFIDENCE], np.int64)
    for name, each in counts.items():
        if each.shape != (len(edges) - 1,) or (each < 0).any() or not each.sum():
            raise ValueError(f"the histogram of {name} does not fit")
    shares = {label: float(document["labels"][label]) for label in LABELS}
    return Reference(int(document["recordings"]), str(document["source"]), shares, edges, counts)


def drift(rows: Iterable[Row], card: ModelCard) -> Drift:
    """Compares what the model says here with what it says of its reference.

    Only the machine's word counts, also where a person labelled a recording.

    Args:
        rows: The rows of a table.
        card: The card of the model that made it.

    Raises:
        CannotStartError: The card has no reference, or too few rows are of its model.
    """
    reference = read_reference(card)
    kept, left_out, strangers = [], 0, Counter[str]()
    for row in rows:
        is_ours = (row.model_id, row.model_version) == (card.model_id, card.version)
        if row.status is Status.ANALYSED and not is_ours:
            strangers[f"{row.model_id} {row.model_version}"] += 1
        if is_ours and row.status is Status.ANALYSED and row.confidence and any(row.scores):
            kept.append(row)
        else:
            left_out += 1
    if len(kept) < LEAST_RECORDINGS:
        others = f"; {sum(strangers.values())} are of {', '.join(strangers)}" if strangers else ""
        raise CannotStartError(
            f"The table has {len(kept)} recordings in which {card.model_id} {card.version} heard something{others}. "
            f"At least {LEAST_RECORDINGS} are needed.",
            "Name the table's model with --model." if strangers else "Analyse more recordings of the collection.",
        )
    scores = np.array([row.scores for row in kept])
    here = {label: _histogram(scores[:, at], reference) for at, label in enumerate(LABELS)}
    here[CONFIDENCE] = _histogram(np.array([row.confidence for row in kept]), reference)
    found = shifts({name: (reference.counts[name], here[name]) for name in here})
    given = Counter(row.dominant for row in kept)
    shares = {label: (reference.shares[label], given[label] / len(kept)) for label in LABELS}
    return Drift(len(kept), left_out, reference.recordings, reference.source, in_words(found), found, shares)


def _histogram(values: NDArray[np.float64], reference: Reference) -> NDArray[np.int64]:
    # Scores of 32 bits may be a hair over 1.
    return np.histogram(np.clip(values, 0.0, 1.0), reference.edges)[0].astype(np.int64)


def in_words(found: Sequence[Shift]) -> str:
    """What differences mean for somebody who is to trust the labels."""
    drifted = [shift for shift in found if shift.is_some]
    if not drifted:
        return "This collection sounds like what the model was measured on. Its figures should hold here."
    how = "unlike" if any(shift.is_much for shift in drifted) else "somewhat unlike"
    words = [f"This collection sounds {how} what the model was measured on."]
    labels = [shift for shift in drifted if shift.name != CONFIDENCE]
    if len(labels) < len(drifted):
        effect = next(shift.effect for shift in drifted if shift.name == CONFIDENCE)
        # Narrow bands make a model surer that it hears none of the eleven.
        words.append("It is less sure here." if effect < 0 else "It is surer here, which does not make it right.")
    names = ", ".join(DISPLAY_NAMES[shift.name] for shift in labels)
    if labels:
        more = ", ".join(DISPLAY_NAMES[shift.name] for shift in labels if shift.effect > 0)
        less = ", ".join(DISPLAY_NAMES[shift.name] for shift in labels if shift.effect <= 0)
        words.append(
            "It hears "
            + "; ".join(f"{word} {which}" for word, which in (("more", more), ("less", less)) if which)
            + "."
        )
        words.append(f"Unless the collection has other instruments, expect more errors for {names}.")
    else:
        words.append("Expect more errors for all instruments.")
    return " ".join([*words, "Listen to a sample."])


def lines(result: Drift) -> Iterator[str]:
    """What `instag drift` prints."""
    yield result.verdict
    yield ""
    yield f"Compared: {result.recordings} recordings with {result.reference} ({result.source})."
    if result.left_out:
        yield f"Left out, since they failed, are silent or are of another model: {result.left_out}."
    yield ""
    yield "number            difference  index  effect       p  share there   here"
    for shift in result.shifts:
        word = "much" if shift.is_much else "some" if shift.is_some else "-"
        there, here = result.shares.get(shift.name, (None, None))
        shares = "" if there is None or here is None else f"{100 * there:>10.1f} % {100 * here:>4.1f} %"
        figures = f"{shift.stability_index:>6.2f}  {shift.effect:>+6.2f}  {shift.p:>6.4f}"
        yield f"{DISPLAY_NAMES.get(shift.name, shift.name):<16}  {word:<10} {figures} {shares}".rstrip()
