"""IIIF annotation pages (IIIF Presentation API 3.0, W3C Web Annotation Data Model, Media Fragments URI 1.0).

A page's annotations point at a canvas. Its address is the recording's path behind a prefix, which the archive chooses;
where its manifest has other addresses, they are to be put in place of these.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from instag.exports.spans import NamedSpan

SUFFIX = ".annotations.json"


def to_text(path: str, spans: Sequence[NamedSpan]) -> str:
    """One annotation page with an annotation for each span."""
    canvas = quote(path, safe="/:")
    page = {
        "@context": "http://iiif.io/api/presentation/3/context.json",
        "id": f"{canvas}{SUFFIX}",
        "type": "AnnotationPage",
        "items": [_annotation(canvas, number, span) for number, span in enumerate(spans, 1)],
    }
    return json.dumps(page, ensure_ascii=False, indent=1) + "\n"


def _annotation(canvas: str, number: int, span: NamedSpan) -> dict[str, Any]:
    made_by = "" if span.confidence is None else " (machine-generated)"
    return {
        "id": f"{canvas}{SUFFIX}#{number}",
        "type": "Annotation",
        "motivation": "tagging",
        "label": {"en": [f"{span.label}{made_by}"]},
        "creator": {"type": "Software" if made_by else "Person", "name": span.source},
        "body": {"type": "TextualBody", "value": span.text, "language": "en", "format": "text/plain"},
        "target": f"{canvas}#t={span.start_seconds:.3f},{span.end_seconds:.3f}",
    }
