"""WebVTT, the captions that web players show (W3C, WebVTT: The Web Video Text Tracks Format)."""

from __future__ import annotations

from collections.abc import Sequence

from instag.exports.spans import NamedSpan

SUFFIX = ".vtt"


def to_text(path: str, spans: Sequence[NamedSpan]) -> str:
    """A file of captions, one for each span."""
    cues = (f"\n{_clock(span.start_seconds)} --> {_clock(span.end_seconds)}\n{_escaped(span.text)}\n" for span in spans)
    return "WEBVTT\n" + "".join(cues)


def _clock(seconds: float) -> str:
    thousandths = round(1000 * seconds)
    minutes, rest = divmod(thousandths, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
