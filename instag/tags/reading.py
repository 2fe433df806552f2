"""Tags as mutagen sees them: the view that is shown, and the second opinion on everything that instag writes."""

from __future__ import annotations

import errno
import hashlib
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

from mutagen import MutagenError
from mutagen.aiff import AIFF
from mutagen.apev2 import APENoHeaderError, APEv2
from mutagen.asf import ASF
from mutagen.flac import FLAC
from mutagen.id3 import TextFrame
from mutagen.monkeysaudio import MonkeysAudio
from mutagen.mp3 import MP3
from mutagen.mp4 import MP4
from mutagen.musepack import Musepack
from mutagen.oggflac import OggFLAC
from mutagen.oggopus import OggOpus
from mutagen.oggspeex import OggSpeex
from mutagen.oggvorbis import OggVorbis
from mutagen.trueaudio import TrueAudio
from mutagen.wave import WAVE
from mutagen.wavpack import WavPack

from instag.containers import MAX_TAG_BYTES, Kind, StructureError, TooLargeError, file_size
from instag.tags.chunk_texts import read_chunk_texts

_ID3_KINDS = frozenset((Kind.WAV, Kind.AIFF, Kind.MPEG_AUDIO, Kind.TRUE_AUDIO))
_CLASSES: dict[Kind, Callable[..., Any]] = {
    Kind.WAV: WAVE,
    Kind.AIFF: AIFF,
    Kind.MPEG_AUDIO: MP3,
    Kind.TRUE_AUDIO: TrueAudio,
    Kind.FLAC: FLAC,
    Kind.OGG_VORBIS: OggVorbis,
    Kind.OGG_OPUS: OggOpus,
    Kind.OGG_SPEEX: OggSpeex,
    Kind.OGG_FLAC: OggFLAC,
    Kind.MP4: MP4,
    Kind.ASF: ASF,
    Kind.WAVPACK: WavPack,
    Kind.MUSEPACK: Musepack,
    Kind.MONKEY: MonkeysAudio,
}
_PREFIXES = ("TXXX:", "----:com.apple.iTunes:")
# What mutagen lets through on damaged files besides its own errors.
_LEAKS = (
    struct.error,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)


# mutagen's own words are for programmers; they stay with the error as its cause.
_UNREADABLE = "does not follow its format closely enough for its tags to be read safely"


@contextmanager
def mutagen_errors() -> Iterator[None]:
    """Turns whatever mutagen raises into a `StructureError`.

    Raises:
        StructureError: mutagen could not read the file.
        OSError: The disk could not.
    """
    try:
        yield
    except MutagenError as error:
        cause = error.__cause__ or error.__context__
        # mutagen makes up errors of the system, without a number, for files that end too early.
        if isinstance(cause, OSError) and cause.errno not in (None, errno.EINVAL):
            raise cause from error
        raise StructureError(_UNREADABLE) from error
    except _LEAKS as error:
        raise StructureError(_UNREADABLE) from error


class _Bounded:
    """A file that hands out no more at once than instag reads of tags, whatever size mutagen was told."""

    def __init__(self, file: BinaryIO) -> None:
        self._size = file_size(file)
        self.seek, self.tell, self._read = file.seek, file.tell, file.read
        file.seek(0)

    def read(self, size: int = -1) -> bytes:
        """Reads like a file."""
        left = max(0, self._size - self.tell())
        if min(left, size if size >= 0 else left) > MAX_TAG_BYTES:
            raise TooLargeError(f"has more than {MAX_TAG_BYTES} bytes in one tag")
        return self._read(size)


@dataclass(frozen=True)
class Entry:
    """One tag: its name without the prefixes of ID3 and MP4, its texts, or a digest of what is no text."""

    key: str
    values: tuple[str, ...]
    is_text: bool = True


def read_entries(file: BinaryIO, kind: Kind, *, everything: bool = False) -> list[Entry]:
    """All tags of a file, in mutagen's eyes.

    Args:
        file: The open file.
        kind: Its container.
        everything: Also tags that are beside those that instag writes (ID3v1 and APEv2 in MP3 files, chunks of text).

    Raises:
        StructureError: mutagen cannot read the file.
    """
    if kind not in _CLASSES:
        return []
    with mutagen_errors():
        options = {"translate": False, "load_v1": everything} if kind in _ID3_KINDS else {}
        opened = _CLASSES[kind](_Bounded(file), **options)
        entries = list(_entries(opened.tags))
        entries.extend(
            Entry(f"block {block.code}", (_fingerprint(block.write()),), is_text=False)
            for block in getattr(opened, "metadata_blocks", ())
            if block is not opened.tags
        )
        if everything and kind == Kind.MPEG_AUDIO:
            entries.extend(_ape_entries(file))
    if everything and kind in (Kind.WAV, Kind.AIFF):
        entries.extend(Entry(key, (text,)) for key, text in read_chunk_texts(file, kind))
    return entries


def _ape_entries(file: BinaryIO) -> Iterator[Entry]:
    try:
        yield from _entries(APEv2(_Bounded(file)))
    except APENoHeaderError:
        return


def _entries(tags: Any) -> Iterator[Entry]:
    if tags is None:
        return
    for frame in getattr(tags, "unknown_frames", ()):
        yield Entry("unknown frame", (_fingerprint(frame),), is_text=False)
    pairs: Iterable[tuple[str, Any]] = tags.items() if hasattr(tags, "items") else tags
    if isinstance(tags, list):
        pairs = list.__iter__(tags)
    for key, value in pairs:
        for prefix in _PREFIXES:
            key = key.removeprefix(prefix)
        texts = _texts(value)
        yield Entry(key, texts) if texts is not None else Entry(key, (_fingerprint(value),), is_text=False)


def _texts(value: Any) -> tuple[str, ...] | None:
    """The value as texts, or None where it is none."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, TextFrame):
        texts: list[object] = vars(value)["text"]
        return tuple(str(text) for text in texts)
    if isinstance(value, bytes):
        # MP4 keeps freeform texts as bytes; covers, which are bytes too, start with bytes that are no UTF-8.
        try:
            return (value.decode("utf-8"),)
        except UnicodeDecodeError:
            return None
    if type(value).__name__ in ("APETextValue", "list"):
        parts = [_texts(item) for item in value]
        return None if any(part is None for part in parts) else tuple(text for part in parts for text in part or ())
    if isinstance(value, (int, float, tuple)):
        return (str(value),)
    if type(value).__name__ in ("ASFUnicodeAttribute", "ASFDWordAttribute", "ASFQWordAttribute", "ASFBoolAttribute"):
        return (str(value),)
    return None


def _fingerprint(value: Any) -> str:
    """Tells one value from another without keeping it."""
    digest = hashlib.sha256()
    parts = sorted(vars(value).items()) if hasattr(value, "__dict__") else [("", value)]
    for name, part in parts:
        digest.update(name.encode())
        digest.update(part if isinstance(part, (bytes, bytearray)) else repr(part).encode("utf-8", "backslashreplace"))
    return digest.hexdigest()
