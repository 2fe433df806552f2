"""DATA_STATEMENT.md: every source that shaped the weights, its licence, and what was done to it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from export.card import WEIGHTS_LICENCE
from export.sources import SOURCES

_TEMPLATE = Path(__file__).parent / "templates" / "DATA_STATEMENT.md"


def data_statement(checkpoint: Mapping[str, Any]) -> str:
    """The page as Markdown."""
    sources = checkpoint["sources"]
    rows = [_row(one) for one in sources]
    return _TEMPLATE.read_text(encoding="utf-8").format(
        model_id=checkpoint["model_id"],
        version=checkpoint["version"],
        clips=sum(one["clips"] for one in sources),
        hours=sum(one["seconds"] for one in sources) / 3600,
        fingerprint=checkpoint["recipe"]["corpus_fingerprint"][:16],
        sources="\n".join(rows),
        licence=WEIGHTS_LICENCE,
    )


def _row(one: Mapping[str, Any]) -> str:
    licences = ", ".join(filter(None, one["licences"])) or "as the package says"
    what = SOURCES.get(one["source"], "")
    kinds, labels = ", ".join(one["kinds"]), _labels(one["labels"])
    return (
        f"| {one['source']} | {what} | {licences} | {kinds} | {labels} | {one['clips']} | {one['seconds'] / 60:.1f} |"
    )


def _labels(labels: list[str]) -> str:
    return ", ".join(labels) if len(labels) <= 4 else f"{len(labels)} labels"
