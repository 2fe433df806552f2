"""Which writer of tags belongs to which container."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from instag.containers import Kind, UnsupportedError
from instag.tags.ape import ApeStore
from instag.tags.asf import AsfStore
from instag.tags.flac import FlacStore
from instag.tags.id3 import Id3ChunkStore, Id3Store
from instag.tags.mp4 import Mp4Store
from instag.tags.ogg import OggStore
from instag.tags.store import TagStore

STORES: dict[Kind, Callable[[BinaryIO, Kind], TagStore]] = {
    Kind.WAV: Id3ChunkStore,
    Kind.AIFF: Id3ChunkStore,
    Kind.MPEG_AUDIO: lambda file, kind: Id3Store(file),
    Kind.TRUE_AUDIO: lambda file, kind: Id3Store(file),
    Kind.FLAC: lambda file, kind: FlacStore(file),
    Kind.OGG_VORBIS: OggStore,
    Kind.OGG_OPUS: OggStore,
    Kind.OGG_SPEEX: OggStore,
    Kind.OGG_FLAC: OggStore,
    Kind.MP4: lambda file, kind: Mp4Store(file),
    Kind.ASF: lambda file, kind: AsfStore(file),
    Kind.WAVPACK: lambda file, kind: ApeStore(file),
    Kind.MUSEPACK: lambda file, kind: ApeStore(file),
    Kind.MONKEY: lambda file, kind: ApeStore(file),
}


def open_store(file: BinaryIO, kind: Kind) -> TagStore:
    """The tags of an open file.

    Raises:
        UnsupportedError: instag writes no tags into such a file.
        StructureError: The file is damaged.
    """
    if kind not in STORES:
        what = "of a kind" if kind == Kind.UNKNOWN else f"{_article(kind)} file,"
        raise UnsupportedError(f"is {what} into which instag writes no tags")
    return STORES[kind](file, kind)


def _article(kind: Kind) -> str:
    return f"{'an' if kind[0] in 'AEIOR' else 'a'} {kind}"
