"""Reads chained Ogg files, link by link: each may have its own rate and channels."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO, cast

import numpy as np
import soxr

from instag.audio.pyav import AvReader, NoAudioStreamError
from instag.audio.reader import DecodingStoppedError
from instag.containers import Span
from instag.containers.recognise import Found
from instag.results import Samples


class _Part:
    """A range of bytes of a file, as a file of its own."""

    def __init__(self, file: BinaryIO, span: Span) -> None:
        self._file, self._span, self._position = file, span, 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """See `io.IOBase.seek`."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._span.length}[whence]
        self._position = min(max(0, base + offset), self._span.length)
        return self._position

    def tell(self) -> int:
        """See `io.IOBase.tell`."""
        return self._position

    def read(self, size: int) -> bytes:
        """See `io.RawIOBase.read`."""
        self._file.seek(self._span.start + self._position)
        data = self._file.read(min(size, self._span.length - self._position))
        self._position += len(data)
        return data


class ChainReader:
    """See `Reader`. The whole has the rate of the first link."""

    def __init__(self, file: BinaryIO, found: Found, links: list[Span]) -> None:
        """Opens the first link.

        Args:
            file: Open for reading; it must outlive the reader.
            found: Its container.
            links: Where the links lie.

        Raises:
            AvMissingError: PyAV is not installed.
            NoAudioStreamError: There is no audio in the first link.
            DecodingStoppedError: FFmpeg does not take it.
        """
        self._file, self._found, self._links = file, found, links
        self._closed_damage: list[str] = []
        self._reader = self._open(links[0])
        self.other_streams = self._reader.other_streams
        # Each link claims its own length only.
        self.info = replace(self._reader.info, claimed_seconds=None)

    def _open(self, link: Span) -> AvReader:
        return AvReader(cast(BinaryIO, _Part(self._file, link)), Found(self._found.kind))

    @property
    def damage(self) -> str:
        """See `Reader`."""
        return " ".join(filter(None, (*self._closed_damage, self._reader.damage)))

    def blocks(self) -> Iterator[Samples]:
        """See `Reader.blocks`."""
        yield from self._link_blocks()
        for link in self._links[1:]:
            self._reader.close()
            if self._reader.damage:
                self._closed_damage.append(self._reader.damage)
            try:
                self._reader = self._open(link)
            except NoAudioStreamError:
                raise DecodingStoppedError("a part of it holds no audio") from None
            yield from self._link_blocks()

    def _link_blocks(self) -> Iterator[Samples]:
        rate, target = self._reader.info.sample_rate, self.info.sample_rate
        if rate == target:
            yield from self._reader.blocks()
            return
        resampler: soxr.ResampleStream | None = None
        channels = 0
        for block in self._reader.blocks():
            if resampler is None or block.shape[1] != channels:
                channels = block.shape[1]
                resampler = soxr.ResampleStream(rate, target, channels, dtype="float32", quality="HQ")
            yield resampler.resample_chunk(block)
        if resampler is not None:
            yield resampler.resample_chunk(np.empty((0, channels), np.float32), last=True)

    def close(self) -> None:
        """See `Reader.close`."""
        self._reader.close()
