"""`instag model`: what a model says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from instag.cli.boundary import errors_for_people
from instag.cli.options import ModelName
from instag.constants import LIMITS_NOTICE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from instag.model.card import ModelCard

EXAMPLES = """
instag model                     # the model that is used by default
instag model --model small       # the small one
instag model --model mine.onnx   # one of your own
"""


def model(model: ModelName = "instag") -> None:
    """Show what a model says of itself: labels, version, licence, evaluation, limits.

    Exit codes: 0 shown. 2 usage. 3 the model cannot be used.
    """
    from instag.model.session import find_model, open_model, shipped_models

    with errors_for_people():
        path = find_model(model)
        for line in card_lines(open_model(path).card):
            typer.echo(line)
        typer.echo(f"file: {path}")
        typer.echo(f"models that come with instag: {', '.join(shipped_models())}")


def card_lines(card: ModelCard) -> Iterator[str]:
    """The card, one line per field."""
    yield f"{card.model_id} {card.version}, licence {card.licence}"
    yield f"labels: {', '.join(card.labels)}"
    yield f"input: windows of {card.window_seconds:g} s at {card.sample_rate} Hz, mono"
    yield f"needs review below confidence {card.review_threshold:.2f}"
    thresholds = ", ".join(f"{label} {value:.2f}" for label, value in card.present_thresholds.items())
    yield f"an instrument counts as heard from presence: {thresholds}"
    for title, values in (("recipe", card.recipe), ("evaluation", card.evaluation)):
        if values:
            yield f"{title}:"
            yield from _nested(values, 1)
    yield "limits:"
    for sentence in (*card.limits, LIMITS_NOTICE):
        yield f"  - {sentence}"


def _nested(values: Mapping[str, Any], depth: int) -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield f"{'  ' * depth}{name}:"
            yield from _nested(value, depth + 1)
        else:
            text = f"{value:.4g}" if isinstance(value, float) else str(value)
            yield f"{'  ' * depth}{name}: {text}"
