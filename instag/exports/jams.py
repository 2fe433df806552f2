"""JAMS, annotations of music for research (Humphrey et al., ISMIR 2014; namespace `tag_open`)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from instag.exports.spans import NamedSpan

SUFFIX = ".jams"

_VERSION = "0.3.4"  # of the schema


def to_text(path: str, spans: Sequence[NamedSpan]) -> str:
    """One annotation for each source, with an observation for each of its spans."""
    end = max((span.end_seconds for span in spans), default=0.0)
    by_source: dict[str, list[dict[str, Any]]] = {}
    for span in spans:
        duration = round(span.end_seconds - span.start_seconds, 6)
        by_source.setdefault(span.source, []).append(
            {"time": span.start_seconds, "duration": duration, "value": span.label, "confidence": span.confidence}
        )
    document = {
        "file_metadata": {
            "title": path.rpartition("/")[2],
            "artist": "",
            "release": "",
            "duration": end,
            "identifiers": {"path": path},
            "jams_version": _VERSION,
        },
        "annotations": [_annotation(source, observations, end) for source, observations in by_source.items()],
        "sandbox": {},
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _annotation(source: str, observations: list[dict[str, Any]], end: float) -> dict[str, Any]:
    return {
        "namespace": "tag_open",
        "time": 0.0,
        "duration": end,
        "data": observations,
        "sandbox": {},
        "annotation_metadata": {
            "curator": {"name": "", "email": ""},
            "annotator": {"name": source},
            "annotation_tools": "instag",
            "annotation_rules": "",
            "data_source": source,
            "validation": "",
            "version": "",
            "corpus": "",
        },
    }
