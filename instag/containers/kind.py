"""Which container a file is, for its tags and its digest."""

from __future__ import annotations

from typing import BinaryIO

from instag.containers import Kind
from instag.containers.sniff import sniff

_BY_NAME = {kind.value: kind for kind in Kind}
# Streams of frames, before which ID3v2 tags may stand. The others are something else with a tag before them.
_AFTER_TAGS = frozenset(
    (
        Kind.FLAC,
        Kind.MPEG_AUDIO,
        Kind.TRUE_AUDIO,
        Kind.WAVPACK,
        Kind.MUSEPACK,
        Kind.MONKEY,
        Kind.AAC,
    )
)


def container_kind(file: BinaryIO) -> Kind:
    """The container, `Kind.UNKNOWN` where its layout is not known here."""
    found = sniff(file)
    if found is None or found.name not in _BY_NAME:
        return Kind.UNKNOWN
    kind = _BY_NAME[found.name]
    file.seek(0)
    if (found.offset and kind not in _AFTER_TAGS) or (kind == Kind.WAV and file.read(4) != b"RIFF"):
        return Kind.UNKNOWN
    return kind
