"""What a model says of a known collection, as the card keeps it: later collections are held against that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instag.labels import LABELS

# Histograms of ten equal steps; the last one includes 1.
EDGES = tuple(round(0.1 * step, 1) for step in range(11))


def make_reference(
    dominant: Sequence[str], confidence: NDArray[np.float64], scores: NDArray[np.floating[Any]], source: str
) -> dict[str, Any]:
    """The card's field `reference`.

    Args:
        dominant: (files,) the label given to each file, at least one.
        confidence: (files,) 0..1.
        scores: (files, labels) the files' scores, 0..1, in the order of `LABELS`.
        source: What the recordings are, in words.

    Returns:
        `recordings`, their number; `source`; `labels`, each label's share of the files; `histograms`, with `edges` and
        for each label the counts `score_<label>`; `confidence`, counts over the same edges.
    """
    return {
        "recordings": len(dominant),
        "source": source,
        "labels": {label: round(list(dominant).count(label) / len(dominant), 4) for label in LABELS},
        "histograms": {
            "edges": list(EDGES),
            **{f"score_{label}": _counts(scores[:, at]) for at, label in enumerate(LABELS)},
        },
        "confidence": _counts(confidence),
    }


def _counts(values: NDArray[np.floating[Any]]) -> list[int]:
    # Softmax in 32 bits may end a hair over 1.
    counts: list[int] = np.histogram(np.clip(values, 0.0, 1.0), EDGES)[0].tolist()
    return counts
