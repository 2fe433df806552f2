"""Reads what libsndfile reads."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import soundfile

from instag.audio.claims import mpeg_counted_frames
from instag.audio.mended import Splice, mend
from instag.audio.reader import DecodingStoppedError
from instag.audio.view import View
from instag.constants import BLOCK_FRAMES
from instag.containers import Kind
from instag.containers.digest import HeardSamples
from instag.containers.recognise import Found
from instag.results import AudioInfo, Samples

# Formats that keep 16-bit samples as they are. Read as integers they come in one piece, and the conversion is exact;
# read as floats, libsndfile takes them from the file in pieces of 8 kB.
_UNPACKED = frozenset({"WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF"})
# Those whose samples stand in the file as in the memory of most machines, the lowest byte first.
_LOW_BYTE_FIRST = frozenset({Kind.WAV, Kind.RF64, Kind.W64})
# What libsndfile gives for "unknown".
_UNKNOWN_FRAMES = 2**62
_SIXTEEN_BIT = np.float32(2.0**-15)


class CannotOpenError(Exception):
    """libsndfile refuses the file."""


class _ForwardOnly(soundfile.SoundFile):  # type: ignore[misc]
    """Never seeks: after each block soundfile would seek to where it stands, which fails in FLAC of unstated length."""

    def seekable(self) -> bool:
        return False


class SndfileReader:
    """See `Reader`."""

    def __init__(self, file: BinaryIO, found: Found | None, heard: HeardSamples | None = None) -> None:
        """Opens.

        Args:
            file: Unbuffered, open for reading; it must outlive the reader.
            found: Its container; None lets libsndfile find out.
            heard: Takes the samples where they come just as they are stored.

        Raises:
            CannotOpenError: libsndfile does not take it.
        """
        self.damage = ""
        self.other_streams, self.stream_share = 0, 1.0
        offset = found.offset if found else 0
        states_length = found is None or found.kind != Kind.MPEG_AUDIO or mpeg_counted_frames(file, found) > 0
        source: int | View | Splice
        if not states_length:
            # libsndfile guesses the length from the first frames and stops there: two thirds of a file of variable bit
            # rate can be lost. Where the file seems endless it reads to the real end.
            source = View(file, offset, is_endless=True)
        elif (mended := mend(file, found)) is not None:
            source, self.damage = mended.source, mended.damage
        elif offset or os.name == "nt":
            # Behind something else libsndfile takes some containers only; on Windows it cannot share descriptors.
            source = View(file, offset)
        else:
            file.seek(0)
            source = file.fileno()
        try:
            self._sound = _ForwardOnly(source, closefd=False)
        except (soundfile.LibsndfileError, RuntimeError, ValueError, TypeError, OSError):
            raise CannotOpenError from None
        frames = self._sound.frames
        is_mpeg_elsewhere = self._sound.subtype.startswith("MPEG") and (found is None or found.kind != Kind.MPEG_AUDIO)
        is_guess = frames >= _UNKNOWN_FRAMES or not states_length or is_mpeg_elsewhere
        claimed = None if is_guess else frames / self._sound.samplerate
        self._is_unpacked = self._sound.subtype == "PCM_16" and self._sound.format in _UNPACKED
        # In a file with a new header, libsndfile's samples need not be one piece of the old file.
        is_low_byte_first = found is not None and found.kind in _LOW_BYTE_FIRST and not found.big_endian
        is_as_stored = isinstance(source, int) and is_low_byte_first and sys.byteorder == "little"
        self._heard = heard if is_as_stored else None
        # libFLAC goes on into a file that was joined to this one, but not from its first frame.
        self._most_frames = frames if found is not None and found.kind == Kind.FLAC else _UNKNOWN_FRAMES
        self.info = AudioInfo(
            found.kind.value if found else self._sound.format, self._sound.samplerate, self._sound.channels, claimed
        )

    def blocks(self) -> Iterator[Samples]:
        """See `Reader.blocks`."""
        if self._is_unpacked:
            yield from self._unpacked_blocks()
            return
        buffer = np.empty((BLOCK_FRAMES, self.info.channels), np.float32)
        left = self._most_frames
        while left > 0:
            # libsndfile does not tell how much it decoded before it failed, but what it left alone does.
            buffer[:] = np.nan
            try:
                block = self._sound.read(out=buffer)[:left]
            except (soundfile.LibsndfileError, RuntimeError):
                untouched = np.isnan(buffer[:, 0])
                if count := min(left, int(untouched.argmax()) if untouched.any() else BLOCK_FRAMES):
                    yield buffer[:count]
                raise DecodingStoppedError from None
            if not len(block):
                return
            yield block
            left -= len(block)

    def _unpacked_blocks(self) -> Iterator[Samples]:
        """The blocks of 16-bit samples that are stored as they are."""
        integers = np.empty((BLOCK_FRAMES, self.info.channels), np.int16)
        buffer = np.empty(integers.shape, np.float32)
        while True:
            try:
                block = self._sound.read(out=integers)
            except (soundfile.LibsndfileError, RuntimeError):
                raise DecodingStoppedError from None
            if not len(block):
                return
            if self._heard:
                self._heard.add(block.data)
            yield np.multiply(block, _SIXTEEN_BIT, out=buffer[: len(block)])

    def close(self) -> None:
        """See `Reader.close`."""
        self._sound.close()
