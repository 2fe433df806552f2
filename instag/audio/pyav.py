"""Reads what only FFmpeg reads, through PyAV where it is installed."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

import numpy as np
import soxr
from numpy.typing import NDArray

from instag.audio.decoders import demuxer
from instag.audio.reader import DecodingStoppedError
from instag.audio.scraps import FRAMES_TO_THE_END, only_scraps_between, sound_end
from instag.audio.view import Part
from instag.constants import BLOCK_FRAMES
from instag.containers import Kind, Span
from instag.containers.recognise import Found
from instag.results import AudioInfo, Samples

# By sample format: offset and factor to full scale at 1.
_SCALES = {
    "u8": (-128.0, 2.0**-7),
    "s16": (0.0, 2.0**-15),
    "s32": (0.0, 2.0**-31),
    "s64": (0.0, 2.0**-63),
    "flt": (0.0, 1.0),
    "dbl": (0.0, 1.0),
}
# Streams without a header of their own: FFmpeg guesses their length from the bit rate.
_UNCOUNTED = frozenset({Kind.AAC, Kind.AC3, Kind.DTS, Kind.MPEG_TS})
# FFmpeg finds these at the start of a file alone.
_AT_THE_START = frozenset({Kind.WAV, Kind.RF64, Kind.AIFF})


class AvMissingError(Exception):
    """PyAV is not installed, or does not start."""


class NoAudioStreamError(Exception):
    """The container is sound and holds no audio."""


class AvReader:
    """See `Reader`."""

    def __init__(self, file: BinaryIO, found: Found) -> None:
        """Opens, and decodes the first frame: only that tells the real rate and channels.

        Args:
            file: Open for reading; it must outlive the reader.
            found: Its container.

        Raises:
            AvMissingError: The extra is not installed.
            NoAudioStreamError: There is no audio in it.
            DecodingStoppedError: FFmpeg does not take it.
        """
        try:
            self._av: Any = importlib.import_module("av")
        except ImportError as error:
            raise AvMissingError(str(error)) from None
        # IndexError: PyAV's, where a broken file grows a stream while it is read.
        self._foreign = (self._av.FFmpegError, OSError, ValueError, RuntimeError, IndexError)
        self._av.logging.set_level(self._av.logging.PANIC)
        self._skipped_packets = self._skipped_last = 0
        # Whether all frames of a stream were decoded that has nothing but frames.
        self._has_ended = False
        self._counts_bytes = found.kind in FRAMES_TO_THE_END
        name = demuxer(file, found)
        start = found.offset if found.kind in _AT_THE_START else 0
        self._size_bytes = sound_end(file, found.kind) - start
        # Where in the source the last packet that could be decoded ends.
        self._decoded_bytes = 0
        source = self._source = Part(file, Span(start, start + self._size_bytes))
        try:
            self._container = self._av.open(source, format=name, metadata_errors="replace")
        except self._foreign:
            raise DecodingStoppedError from None
        try:
            if not self._container.streams.audio:
                raise NoAudioStreamError
            self._stream = self._container.streams.audio[0]
            self._frames = self._decode()
            self._first = next(self._frames, None)
            if self._first is None:
                is_cut = self._skipped_last or (self._container.duration or 0) > 0
                raise DecodingStoppedError("no packet of it is whole") if is_cut else NoAudioStreamError
        except BaseException:
            self.close()
            raise
        self.other_streams = len(self._container.streams.audio) - 1
        self.stream_share = self._share_of_streams()
        # The container's length is that of its longest stream.
        is_uncounted = found.kind in _UNCOUNTED or self.other_streams
        duration = None if is_uncounted else self._container.duration
        seconds = duration / self._av.time_base if duration else None
        channels = len(self._first.layout.channels)
        self.info = AudioInfo(found.kind.value, self._first.sample_rate, channels, seconds)

    def _share_of_streams(self) -> float:
        """How much of the container's sound the first stream is, by the streams' lengths where all are known."""
        streams = self._container.streams.audio
        seconds = [float(one.duration * one.time_base) if one.duration else 0.0 for one in streams]
        return seconds[0] / sum(seconds) if all(seconds) else 1 / len(streams)

    @property
    def damage(self) -> str:
        """See `Reader`."""
        has_end = self._only_scraps_follow()
        count = self._skipped_packets + (0 if has_end else self._skipped_last)
        if self._has_ended and not count and not has_end:
            return f"Its last {self._size_bytes - self._decoded_bytes:,} bytes hold no sound that can be decoded."
        return f"Damaged packets were skipped: {count}." if count else ""

    def _only_scraps_follow(self) -> bool:
        """Whether too little for a part of the recording lies behind what was decoded."""
        start, end = self._decoded_bytes, self._size_bytes
        return 0 < start <= end and only_scraps_between(cast(BinaryIO, self._source), start, end)

    def _decode(self) -> Iterator[Any]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except self._foreign:
                if self._only_scraps_follow():
                    return
                raise DecodingStoppedError from None
            if packet is None:
                self._has_ended = self._counts_bytes and self._decoded_bytes > 0
                return
            try:
                frames = packet.decode()
            except self._foreign:
                self._skipped_last += 1
                continue
            if frames:
                self._skipped_packets, self._skipped_last = self._skipped_packets + self._skipped_last, 0
                if packet.pos is not None:
                    self._decoded_bytes = packet.pos + packet.size
            yield from frames

    def blocks(self) -> Iterator[Samples]:
        """See `Reader.blocks`."""
        held: list[Samples] = []
        held_frames = 0
        try:
            for samples in self._at_one_rate():
                if held and samples.shape[1] != held[0].shape[1]:
                    yield np.concatenate(held)
                    held, held_frames = [], 0
                held.append(samples)
                held_frames += len(samples)
                if held_frames >= BLOCK_FRAMES:
                    yield np.concatenate(held)
                    held, held_frames = [], 0
        except DecodingStoppedError:
            if held:
                yield np.concatenate(held)
            raise
        if held:
            yield np.concatenate(held)

    def _at_one_rate(self) -> Iterator[Samples]:
        """The frames' samples; parts at another rate than the first one's are resampled to that."""
        resampler: soxr.ResampleStream | None = None
        shape = (0, 0)
        try:
            for frame in self._all_frames():
                samples = _to_float(frame)
                new_shape = (frame.sample_rate, samples.shape[1])
                if new_shape != shape:
                    yield from _rest(resampler, shape)
                    resampler, shape = self._resampler(*new_shape), new_shape
                yield samples if resampler is None else resampler.resample_chunk(samples)
        except DecodingStoppedError:
            yield from _rest(resampler, shape)
            raise
        yield from _rest(resampler, shape)

    def _resampler(self, sample_rate: int, channels: int) -> soxr.ResampleStream | None:
        if sample_rate == self.info.sample_rate:
            return None
        return soxr.ResampleStream(sample_rate, self.info.sample_rate, channels, dtype="float32", quality="HQ")

    def _all_frames(self) -> Iterator[Any]:
        yield self._first
        yield from self._frames

    def close(self) -> None:
        """See `Reader.close`."""
        self._container.close()


def _rest(resampler: soxr.ResampleStream | None, shape: tuple[int, int]) -> Iterator[Samples]:
    """What a resampler still holds."""
    if resampler is not None:
        yield resampler.resample_chunk(np.empty((0, shape[1]), np.float32), last=True)


def _to_float(frame: Any) -> Samples:
    """(frames, channels) float32 of an audio frame in any sample format."""
    name = frame.format.name
    data = _sixty_four_bits(frame) if name.startswith("s64") else frame.to_ndarray()
    samples = data.T if frame.format.is_planar else data.reshape(-1, len(frame.layout.channels))
    offset, factor = _SCALES[name.removesuffix("p")]
    scaled: Samples = ((samples + np.float64(offset)) * factor).astype(np.float32)
    return scaled


def _sixty_four_bits(frame: Any) -> NDArray[np.int64]:
    """An array as `to_ndarray` lays it out, for the one sample format that PyAV does not convert."""
    planes = [np.frombuffer(plane, np.int64) for plane in frame.planes]
    if frame.format.is_planar:
        return np.stack([plane[: frame.samples] for plane in planes])
    return planes[0][None, : frame.samples * len(frame.layout.channels)]
