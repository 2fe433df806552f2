"""Reads files that were joined end to end, link by link: each may have its own rate and channels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO, cast

import numpy as np
import soxr

from instag.audio.claims import mpeg_counted_frames
from instag.audio.pyav import AvReader, NoAudioStreamError
from instag.audio.reader import DecodingStoppedError
from instag.audio.view import Part
from instag.containers import Kind, Span
from instag.containers.recognise import Found, recognise
from instag.results import Samples


class ChainReader:
    """See `Reader`. The whole has the rate of the first link."""

    def __init__(self, file: BinaryIO, found: Found, links: tuple[Span, ...]) -> None:
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
        self._reader, self._claims = self._open(links[0])
        self.other_streams, self.stream_share = self._reader.other_streams, self._reader.stream_share
        # Each link claims its own length only: what all of them claim is known at the end.
        self.info = replace(self._reader.info, claimed_seconds=None)

    def _open(self, link: Span) -> tuple[AvReader, float | None]:
        """The reader of a link, and the seconds that it claims."""
        source = cast(BinaryIO, Part(self._file, link))
        found = recognise(source) or Found(self._found.kind)
        is_guess = found.kind == Kind.MPEG_AUDIO and not mpeg_counted_frames(source, found)
        reader = AvReader(source, found)
        return reader, None if is_guess else reader.info.claimed_seconds

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
                self._reader, claims = self._open(link)
            except NoAudioStreamError:
                raise DecodingStoppedError("a part of it holds no audio") from None
            self._claims = None if claims is None or self._claims is None else self._claims + claims
            yield from self._link_blocks()
        self.info = replace(self.info, claimed_seconds=self._claims)

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
