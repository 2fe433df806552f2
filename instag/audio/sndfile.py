"""Reads what libsndfile reads."""

from __future__ import annotations

import os
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
from instag.containers.recognise import Found
from instag.results import AudioInfo, Samples

# What libsndfile gives for "unknown".
_UNKNOWN_FRAMES = 2**62


class CannotOpenError(Exception):
    """libsndfile refuses the file."""


class _ForwardOnly(soundfile.SoundFile):  # type: ignore[misc]
    """Never seeks: after each block soundfile would seek to where it stands, which fails in FLAC of unstated length."""

    def seekable(self) -> bool:
        return False


class SndfileReader:
    """See `Reader`."""

    def __init__(self, file: BinaryIO, found: Found | None) -> None:
        """Opens.

        Args:
            file: Unbuffered, open for reading; it must outlive the reader.
            found: Its container; None lets libsndfile find out.

        Raises:
            CannotOpenError: libsndfile does not take it.
        """
        self.damage = ""
        self.other_streams = 0
        offset = found.offset if found else 0
        states_length = found is None or found.kind != Kind.MPEG_AUDIO or mpeg_counted_frames(file, found) > 0
        source: int | View | Splice
        if not states_length:
            # libsndfile guesses the length from the first frames and stops there: two thirds of a file of variable bit
            # rate can be lost. Where the file seems endless it reads to the real end.
            source = View(file, offset, is_endless=True)
        elif (mended := mend(file, found)) is not None:
            source, self.damage = mended.source, mended.damage
        elif os.name == "nt":
            # libsndfile's C library has its own file descriptors there.
            source = View(file, offset)
        else:
            file.seek(offset)
            source = file.fileno()
        try:
            self._sound = _ForwardOnly(source, closefd=False)
        except (soundfile.LibsndfileError, RuntimeError, ValueError, TypeError, OSError):
            raise CannotOpenError from None
        frames = self._sound.frames
        is_mpeg_elsewhere = self._sound.subtype.startswith("MPEG") and (found is None or found.kind != Kind.MPEG_AUDIO)
        is_guess = frames >= _UNKNOWN_FRAMES or not states_length or is_mpeg_elsewhere
        claimed = None if is_guess else frames / self._sound.samplerate
        self.info = AudioInfo(
            found.kind.value if found else self._sound.format, self._sound.samplerate, self._sound.channels, claimed
        )

    def blocks(self) -> Iterator[Samples]:
        """See `Reader.blocks`."""
        buffer = np.empty((BLOCK_FRAMES, self.info.channels), np.float32)
        while True:
            # libsndfile does not tell how much it decoded before it failed, but what it left alone does.
            buffer[:] = np.nan
            try:
                block = self._sound.read(out=buffer)
            except (soundfile.LibsndfileError, RuntimeError):
                untouched = np.isnan(buffer[:, 0])
                if count := int(untouched.argmax()) if untouched.any() else BLOCK_FRAMES:
                    yield buffer[:count]
                raise DecodingStoppedError from None
            if not len(block):
                return
            yield block

    def close(self) -> None:
        """See `Reader.close`."""
        self._sound.close()
