"""From a file to mono samples at the model's rate, in bounded memory: the second stage.

The content decides what a file is, never its extension. libsndfile reads what it knows, FFmpeg (through `av`) the
rest.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, cast

import numpy as np
import soxr

from instag.audio.beyond import Beyond, flac_beyond, mpeg_beyond, sound_beyond
from instag.audio.chain import ChainReader
from instag.audio.claims import ogg_lacks_end, share_present
from instag.audio.clean import OVERSHOOT, Cleaner
from instag.audio.decoders import NATIVE
from instag.audio.mono import Limiter, Mixer
from instag.audio.pyav import AvMissingError, AvReader, NoAudioStreamError
from instag.audio.reader import DecodingStoppedError, Reader
from instag.audio.sndfile import CannotOpenError, SndfileReader
from instag.audio.view import Part
from instag.constants import MAX_CHANNELS, MAX_SAMPLE_RATE, MIN_SAMPLE_RATE
from instag.containers import Kind
from instag.containers.digest import HeardSamples
from instag.containers.recognise import Found, recognise
from instag.errors import ErrorCode, FileError
from instag.paths import for_terminal, unreachable
from instag.results import AudioInfo, Samples

# Encoders' delays, and headers that count in frames, make honest files differ from their claim by less than this.
_CLAIM_TOLERANCE_SECONDS = 0.25
# Where damage was passed over, more than this is missing, and worth a word.
_LOST_SECONDS = 0.02
# From a damaged file, less than this is no ground for an opinion.
_LEAST_SECONDS = 1.0

_OGG = frozenset((Kind.OGG_VORBIS, Kind.OGG_OPUS))
# Streams of frames, in which a decoder can find its way again behind damage.
_RESYNCHRONISED = _OGG | {Kind.FLAC, Kind.MPEG_AUDIO}

_MORE_FOLLOWS = "More sound follows, which only the package av can read."
_NEW_COPY = "Get a new copy of the file, or repair it."


def open_audio(path: Path, sample_rate: int, heard: HeardSamples | None = None) -> AudioStream:
    """Opens a recording.

    Args:
        path: A regular file (never anything else: opening a pipe would wait for ever).
        sample_rate: That the samples shall have, in Hz.
        heard: Takes the stored samples where the decoder gives them out just as they are.

    Raises:
        FileError: It cannot be read, is no audio, or needs the package `av`.
    """
    name = for_terminal(path)
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise FileError(ErrorCode.NOT_A_FILE, f"{name}: this is a folder.", "Name the recordings in it.")
        if not stat.S_ISREG(mode):
            raise FileError(ErrorCode.NOT_A_FILE, f"{name}: not a regular file.", "Name a recording or a folder.")
        # Should a pipe take the file's place just now, this does not wait for its other end.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:
        raise unreachable(path, error) from None
    file = os.fdopen(descriptor, "rb", buffering=0)
    try:
        return AudioStream(name, file, sample_rate, heard)
    except BaseException:
        file.close()
        raise


class AudioStream:
    """A recording that is being decoded. A context manager; `blocks` can be taken once.

    Attributes:
        info: What the container says; a claim beyond the end of the file stands here in full after the end.
        decoded_seconds: Length of what was decoded so far.
        warning: After the end: sentences on what was not as it should be, or "".
        code: After the end: TRUNCATED where audio is missing, OTHER_STREAMS where more lies beside it, else None.
        heard_share: After the end: how much of the sound was decoded, 0..1; None where something is missing and the
            file does not say how much.
    """

    def __init__(self, name: str, file: BinaryIO, sample_rate: int, heard: HeardSamples | None = None) -> None:
        """Opens; `open_audio` is the way in."""
        self._name, self._file, self._target_rate = name, file, sample_rate
        self.decoded_seconds = 0.0
        self.warning = ""
        self.code: ErrorCode | None = None
        self.heard_share: float | None = None
        self._passed_over = ""
        try:
            if file.seek(0, os.SEEK_END) == 0:
                raise FileError(ErrorCode.EMPTY_FILE, f"{name}: the file is empty (0 bytes).", _NEW_COPY)
            self._found = recognise(file)
            self._share_present = share_present(file, self._found) if self._found else 1.0
            beyond = sound_beyond(file, self._found) if self._found else None
            self._lacks_end = _lacks_end(file, self._found, beyond)
            self._reader = _open_reader(name, file, self._found, beyond, heard)
            hears_first = beyond is not None and isinstance(self._reader, SndfileReader)
            self._first_share = beyond.first_share if beyond and hears_first else 1.0
        except OSError as error:
            raise unreachable(name, error) from None
        except MemoryError:
            raise _out_of_memory(name) from None
        self.info: AudioInfo = self._reader.info
        try:
            self._refuse_beyond_limits()
        except FileError:
            self._reader.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._reader.close()
        self._file.close()

    def _refuse_beyond_limits(self) -> None:
        info = self.info
        if not MIN_SAMPLE_RATE <= info.sample_rate <= MAX_SAMPLE_RATE:
            what = f"its sample rate is {info.sample_rate} Hz; {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE} Hz can be read"
        elif not 1 <= info.channels <= MAX_CHANNELS:
            what = f"it has {info.channels} channels; 1 to {MAX_CHANNELS} can be read"
        else:
            return
        raise FileError(ErrorCode.UNSUPPORTED_FORMAT, f"{self._name}: {what}.", "Convert the file.")

    def blocks(self) -> Iterator[Samples]:
        """Yields the recording as (n,) float32 blocks, mono, within -1..1, at the rate asked for.

        Raises:
            FileError: Nothing, or not enough for an opinion, could be decoded.
        """
        mixer, cleaner, limiter = Mixer(self.info.sample_rate), Cleaner(), Limiter()
        resampler = soxr.ResampleStream(self.info.sample_rate, self._target_rate, 1, dtype="float32", quality="HQ")
        frames = 0
        stopped: DecodingStoppedError | None = None
        try:
            for block in self._all_blocks():
                frames += len(block)
                self.decoded_seconds = frames / self.info.sample_rate
                yield limiter.limit(resampler.resample_chunk(cleaner.clean(mixer.mix(block))))
        except DecodingStoppedError as error:
            stopped = error
        except OSError as error:
            raise unreachable(self._name, error) from None
        except MemoryError:
            raise _out_of_memory(self._name) from None
        self._judge(stopped, mixer.mended_samples + cleaner.mended_samples, limiter.peak)
        yield limiter.limit(resampler.resample_chunk(np.empty(0, np.float32), last=True))

    def _all_blocks(self) -> Iterator[Samples]:
        """The reader's blocks; where libsndfile gives up, FFmpeg goes on from there."""
        frames, claimed = 0, self.info.claimed_seconds
        stopped: DecodingStoppedError | None = None
        try:
            for block in self._reader.blocks():
                frames += len(block)
                yield block
        except DecodingStoppedError as error:
            stopped = error
        seconds = frames / self.info.sample_rate
        is_flac = self._found is not None and self._found.kind == Kind.FLAC
        is_claimed = claimed is not None and seconds >= claimed
        beyond = self._beyond(frames, stopped is None or is_claimed)
        if stopped is not None and is_flac and is_claimed and beyond is None:
            return  # What libsndfile fell over stands behind the sound: a tag, or zeros.
        is_short = claimed is not None and seconds < claimed - _CLAIM_TOLERANCE_SECONDS
        is_ogg_gap = is_short and self._found is not None and self._found.kind in _OGG
        if (stopped is not None or is_ogg_gap or beyond) and self._take_over(beyond):
            had, total = frames, 0
            try:
                for block in self._reader.blocks():
                    total += len(block)
                    if len(block) > had:
                        yield block[had:]
                    had = max(0, had - len(block))
            except DecodingStoppedError as error:
                stopped = error
            else:
                whole = frames / self.info.sample_rate + _CLAIM_TOLERANCE_SECONDS if claimed is None else claimed
                found_more = claimed is None and beyond is None and total / self.info.sample_rate > whole
                is_less = claimed is not None and total / self.info.sample_rate < claimed - _LOST_SECONDS
                if found_more or self._reader.damage or is_less or (is_flac and beyond is None):
                    # Over a gap in Ogg libsndfile goes on by itself, and does not tell where it was.
                    where = f"A part at {seconds:.1f} s" if stopped else "A part of it"
                    self._passed_over = f"{where} is damaged and was passed over."
                return
        elif beyond:
            self._passed_over, self._first_share = _MORE_FOLLOWS, beyond.first_share
            return
        if stopped is not None:
            raise stopped

    def _beyond(self, frames: int, has_ended: bool) -> Beyond | None:
        """What follows the frames that libsndfile decoded of a stream whose end nothing told beforehand."""
        if self._found is None or not isinstance(self._reader, SndfileReader):
            return None
        if self._found.kind == Kind.FLAC and has_ended:
            return flac_beyond(self._file, self._found, frames)
        if self._found.kind == Kind.MPEG_AUDIO and self.info.claimed_seconds is None:
            return mpeg_beyond(self._file, self._found, frames / self.info.sample_rate)
        return None

    def _take_over(self, beyond: Beyond | None) -> bool:
        """Puts FFmpeg's reader in the place of libsndfile's, from the start of the file, where it fits."""
        if (
            self._found is None
            or self._found.kind not in _RESYNCHRONISED
            or not isinstance(self._reader, SndfileReader)
        ):
            return False
        try:
            reader = _reader_of_all(self._file, self._found, beyond)
        except (AvMissingError, NoAudioStreamError, DecodingStoppedError):
            return False
        # libsndfile gives Opus at the rate it was made from, FFmpeg at 48 kHz.
        reader.info = replace(reader.info, sample_rate=self.info.sample_rate)
        self._reader.close()
        self._reader = reader
        return True

    def _judge(self, stopped: DecodingStoppedError | None, mended_samples: int, peak: float) -> None:
        """Says what was wrong, now that the end is reached."""
        seconds, claimed = self.decoded_seconds, self.info.claimed_seconds
        if isinstance(self._reader, ChainReader):
            claimed = self._reader.info.claimed_seconds
        if 0 < self._share_present < 1:
            # Decoders clip the claim to the file.
            claimed = max(claimed or 0.0, seconds / self._share_present)
            self.info = replace(self.info, claimed_seconds=claimed)
        is_short = claimed is not None and seconds < claimed - _CLAIM_TOLERANCE_SECONDS
        damage = self._reader.damage
        is_broken = stopped is not None or is_short or bool(damage) or bool(self._passed_over)
        if seconds == 0 and not is_broken:
            raise FileError(
                ErrorCode.NO_AUDIO, f"{self._name}: it holds no audio (0 samples).", "Leave it out, or replace it."
            )
        if is_broken and seconds < _LEAST_SECONDS:
            raise FileError(
                ErrorCode.CORRUPT_AUDIO,
                f"{self._name}: only {seconds:.2f} s of it can be decoded{_because(stopped)}.",
                _NEW_COPY,
            )
        sentences = []
        if is_short:
            sentences.append(
                f"The audio ends after {seconds:.1f} s, its header claims {claimed:.1f} s{_because(stopped)}."
            )
        elif stopped is not None:
            sentences.append(f"Decoding stopped after {seconds:.1f} s{_because(stopped)}.")
        elif self._lacks_end:
            sentences.append(f"The audio ends after {seconds:.1f} s without its end mark; it may have been cut off.")
        sentences.extend(filter(None, (self._passed_over, damage)))
        if sentences:
            self.code = ErrorCode.TRUNCATED
        if not sentences:
            self.heard_share = 1.0
        elif claimed and (is_short or (stopped is None and not self._lacks_end)):
            self.heard_share = min(1.0, seconds / claimed) * self._first_share
        if others := self._reader.other_streams:
            self.heard_share = self.heard_share and self.heard_share * self._reader.stream_share
            sentences.append(f"It holds {others + 1} audio streams; the first was heard.")
            self.code = self.code or ErrorCode.OTHER_STREAMS
        if mended_samples:
            what = "1 sample counts" if mended_samples == 1 else f"{mended_samples} samples count"
            sentences.append(f"{what} as silence (NaN, infinite or far too large).")
        if peak > OVERSHOOT:
            sentences.append(f"Samples reach {peak:.4g} times full scale; the recording was turned down.")
        self.warning = " ".join(sentences)


def _lacks_end(file: BinaryIO, found: Found | None, beyond: Beyond | None) -> bool:
    """Whether an Ogg file, or the last of those that were joined, was cut off."""
    if beyond and beyond.links:
        last = cast(BinaryIO, Part(file, beyond.links[-1]))
        return _lacks_end(last, recognise(last), None)
    return found is not None and found.kind.startswith("Ogg") and ogg_lacks_end(file)


def _reader_of_all(file: BinaryIO, found: Found, beyond: Beyond | None) -> Reader:
    """FFmpeg's reader of everything that is in a file."""
    return ChainReader(file, found, beyond.links) if beyond and beyond.links else AvReader(file, found)


def _open_reader(
    name: str, file: BinaryIO, found: Found | None, beyond: Beyond | None, heard: HeardSamples | None
) -> Reader:
    """The reader of libsndfile where that takes the file, else FFmpeg's."""
    is_refused = False
    if found is not None and beyond is not None:
        with suppress(AvMissingError, NoAudioStreamError, DecodingStoppedError):
            return _reader_of_all(file, found, beyond)
    if found is None or found.kind in NATIVE:
        try:
            reader = SndfileReader(file, found, heard)
            if beyond is not None:
                reader.damage = _MORE_FOLLOWS
            return reader
        except CannotOpenError:
            is_refused = True
    if found is None:
        raise FileError(
            ErrorCode.NOT_AUDIO,
            f"{name}: the content is not a recognised audio format, whatever the name says.",
            "Leave it out, or convert it to WAV or FLAC.",
        )
    try:
        return AvReader(file, found)
    except AvMissingError:
        coding = " with this coding" if is_refused else ""
        raise FileError(
            ErrorCode.NEEDS_AV,
            f"{name}: reading {found.kind}{coding} needs the package av, which is not installed.",
            "Install it: pip install av; then run with --retry-failed.",
        ) from None
    except NoAudioStreamError:
        raise FileError(
            ErrorCode.NO_AUDIO, f"{name}: the {found.kind} file holds no audio that can be decoded.", "Leave it out."
        ) from None
    except DecodingStoppedError as error:
        raise _damaged(name, found.kind, str(error)) from None


def _damaged(name: str, kind: Kind, reason: str) -> FileError:
    because = f" ({reason})" if reason else ""
    message = f"{name}: the {kind} file is damaged and cannot be decoded{because}."
    return FileError(ErrorCode.CORRUPT_AUDIO, message, _NEW_COPY)


def _because(stopped: DecodingStoppedError | None) -> str:
    return f" ({stopped})" if stopped is not None and str(stopped) else ""


def _out_of_memory(name: str) -> FileError:
    return FileError(ErrorCode.OUT_OF_MEMORY, f"{name}: decoding it needs more memory than there is.", _NEW_COPY)
