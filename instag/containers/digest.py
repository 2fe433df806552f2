"""Fixity: a digest of the audio and of nothing else, so that tagging never changes it.

The word before the colon says what was digested; docs/tags.md defines each. Memory is constant.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from instag.containers import Kind, Span, StructureError, asf, au, caf, flac, iff, mp4, ogg, trailers
from instag.containers.recognise import layout_of
from instag.errors import ErrorCode, FileError

_BLOCK_BYTES = 1 << 20


class HeardSamples:
    """SHA-256 of samples that a decoder gave out just as they are stored, so that no digest has to read them again.

    Attributes:
        size_bytes: How many bytes of them there were.
    """

    def __init__(self) -> None:
        """None were heard so far."""
        self.size_bytes = 0
        self._sha256 = hashlib.sha256()

    def add(self, samples: memoryview) -> None:
        """Takes the next ones.

        Args:
            samples: Contiguous, as the file holds them.
        """
        self._sha256.update(samples)
        self.size_bytes += samples.nbytes

    def hexdigest(self) -> str:
        """Of all that was added."""
        return self._sha256.hexdigest()


def audio_digest(path: Path, heard: HeardSamples | None = None) -> str:
    """The digest that stands in the results table.

    FLAC files answer with the MD5 of the samples that their encoder left; all others with a SHA-256. Where the
    structure is too damaged to say what is audio, the whole file is digested (`sha256-file`).

    Args:
        path: Of the recording.
        heard: What was decoded of it, if it has not changed since.

    Raises:
        FileError: The file cannot be read.
    """
    with open_to_read(path) as file:
        if layout_of(file) == Kind.FLAC:
            md5 = _flac_md5(file)
            if md5:
                return f"flac-md5:{md5}"
        return stored_audio_digest(file, heard)


@contextmanager
def open_to_read(path: Path) -> Iterator[BinaryIO]:
    """Opens a regular file.

    Raises:
        FileError: It is not there, is something else, or cannot be read, now or later.
    """
    try:
        # Opening a pipe would wait for somebody to write into it.
        if not path.is_file():
            there = path.exists()
            raise FileError(
                ErrorCode.NOT_A_FILE if there else ErrorCode.NOT_FOUND,
                f"{path}: is not a regular file." if there else f"{path}: there is no such file.",
                "Check the path.",
            )
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise FileError(
            ErrorCode.NOT_READABLE,
            f"{path}: cannot be read ({error.strerror or error}).",
            "Check its permissions and the disk.",
        ) from error


def stored_audio_digest(file: BinaryIO, heard: HeardSamples | None = None) -> str:
    """A digest over the audio as it is stored, FLAC frames included.

    Args:
        file: An open file; its position is moved.
        heard: What was decoded of it; it counts where that is all of the audio, in one piece.
    """
    try:
        kind = layout_of(file)
        if kind in _BY_KIND:
            word, spans_of = _BY_KIND[kind]
            spans = spans_of(file)
            if heard and heard.size_bytes == spans[0].length and len(spans) == 1:
                return f"sha256-{word}:{heard.hexdigest()}"
            return f"sha256-{word}:{_hash_spans(file, spans)}"
        if kind in (Kind.OGG_VORBIS, Kind.OGG_OPUS, Kind.OGG_SPEEX, Kind.OGG_FLAC, Kind.OGG_OTHER):
            return f"sha256-packets:{_hash_packets(file)}"
    except StructureError:
        pass
    return f"sha256-file:{_hash_spans(file, [Span(0, file.seek(0, 2))])}"


def _flac_md5(file: BinaryIO) -> str:
    try:
        md5 = flac.samples_md5(file, flac.read_layout(file))
    except StructureError:
        return ""
    return md5.hex() if any(md5) else ""


def _hash_spans(file: BinaryIO, spans: Iterable[Span]) -> str:
    digest = hashlib.sha256()
    for span in spans:
        file.seek(span.start)
        left = span.length
        while left > 0:
            block = file.read(min(left, _BLOCK_BYTES))
            if not block:
                break
            digest.update(block)
            left -= len(block)
    return digest.hexdigest()


def _hash_packets(file: BinaryIO) -> str:
    """All packets that follow the header packets, stream by stream; how they are cut into pages does not count."""
    streams: dict[int, _PacketHash] = {}
    order: list[_PacketHash] = []
    for page in ogg.pages(file):
        file.seek(page.body_start)
        body = memoryview(file.read(page.span.end - page.body_start))
        stream = streams.get(page.serial)
        if page.flags & ogg.FIRST or stream is None:
            stream = streams[page.serial] = _PacketHash(ogg.codec(bytes(body[:128]))[1])
            order.append(stream)
        stream.add(page.lacing, body)
    total = hashlib.sha256()
    for stream in order:
        total.update(stream.digest.digest())
    return total.hexdigest()


class _PacketHash:
    """Digest of one logical stream: each packet, then its length, so that packets cannot be shifted into each other."""

    def __init__(self, headers: int) -> None:
        self.digest = hashlib.sha256()
        self._headers_left = headers
        self._length = 0

    def add(self, lacing: bytes, body: memoryview) -> None:
        """Takes the segments of one page."""
        position = start = 0
        for segment in lacing:
            position += segment
            if segment == 255:
                continue
            self._take(body[start:position], ends=True)
            start = position
        if start < position:
            self._take(body[start:position], ends=False)

    def _take(self, part: memoryview, *, ends: bool) -> None:
        if self._headers_left:
            self._headers_left -= ends
            return
        self.digest.update(part)
        self._length += len(part)
        if ends:
            self.digest.update(self._length.to_bytes(8, "little"))
            self._length = 0


def _flac_frames(file: BinaryIO) -> list[Span]:
    start = flac.read_layout(file).audio_start
    tags = trailers.trailing_tags(file, start)
    return [Span(start, tags[-1].start if tags else file.seek(0, 2))]


def _asf_data(file: BinaryIO) -> list[Span]:
    return [item.body for item in asf.read_layout(file).top if item.guid == asf.DATA]


def _between_tags(file: BinaryIO) -> list[Span]:
    return [trailers.audio_span(file)]


_BY_KIND: dict[Kind, tuple[str, Callable[[BinaryIO], list[Span]]]] = {
    Kind.WAV: ("data", lambda file: iff.audio_spans(file, Kind.WAV)),
    Kind.RF64: ("data", lambda file: iff.audio_spans(file, Kind.RF64)),
    Kind.W64: ("data", lambda file: iff.audio_spans(file, Kind.W64)),
    Kind.AIFF: ("data", lambda file: iff.audio_spans(file, Kind.AIFF)),
    Kind.CAF: ("data", caf.audio_spans),
    Kind.AU: ("data", au.audio_spans),
    Kind.ASF: ("data", _asf_data),
    Kind.FLAC: ("frames", _flac_frames),
    Kind.MPEG_AUDIO: ("frames", _between_tags),
    Kind.TRUE_AUDIO: ("frames", _between_tags),
    Kind.AAC: ("frames", _between_tags),
    Kind.WAVPACK: ("frames", _between_tags),
    Kind.MUSEPACK: ("frames", _between_tags),
    Kind.MONKEY: ("frames", _between_tags),
    Kind.MP4: ("mdat", mp4.audio_spans),
}
