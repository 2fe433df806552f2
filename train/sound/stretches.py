"""One source for a whole window: an excerpt of a recording, or single notes strung to a phrase, at a random speed."""

from __future__ import annotations

import numpy as np
import soxr
from numpy.random import Generator

from instag.results import Samples
from train.corpus.manifest import AudioCache
from train.sound.degrade import rms
from train.sound.draws import ClipDraws
from train.sound.mix_settings import MixSettings


class Stretches:
    """Cuts and strings clips to windows.

    Args:
        cache: Decoded clips.
        samples: Length of a window.
        settings: How mixtures are made.
    """

    def __init__(self, cache: AudioCache, samples: int, settings: MixSettings) -> None:
        self._cache, self._samples, self._settings = cache, samples, settings

    def excerpt(self, rng: Generator, index: int) -> Samples:
        """A window out of a clip, at a random speed; short clips repeat after random pauses."""
        speed = 2.0 ** (rng.uniform(-1, 1) * self._settings.speed_semitones / 12)
        wanted = int(self._samples * speed) + 64
        length = self._cache.length(index)
        best = self._loudest_of(rng, index, wanted) if length > wanted else self._cache.samples(index)
        out = np.zeros(self._samples, np.float32)
        piece = _change_speed(best, speed)
        # A short clip is not always at the start, and now and then it comes again.
        at = int(rng.integers(0, max(1, self._samples - len(piece) + 1))) if len(piece) < self._samples else 0
        while at < self._samples:
            span = min(len(piece), self._samples - at)
            out[at : at + span] += piece[:span]
            at += len(piece) + int(rng.uniform(0.0, 0.5) * self._cache.sample_rate)
            if rng.random() < 0.3:
                break
        return out

    def _loudest_of(self, rng: Generator, index: int, count: int) -> Samples:
        """The louder of two random stretches: stems are silent for long."""
        last = self._cache.length(index) - count
        tries = [self._cache.samples(index, int(rng.integers(0, last + 1)), count) for _ in range(2)]
        return max(tries, key=rms)

    def sequence(self, rng: Generator, first: int, draws: ClipDraws) -> Samples:
        """Single notes of one group as one window."""
        # Nothing is drawn where the share is 0, so that mixtures from before there was one stay what they were.
        if self._settings.whole_note_share and rng.random() < self._settings.whole_note_share:
            return self._whole_notes(rng, first, draws)
        return self._phrase(rng, first, draws)

    def _whole_notes(self, rng: Generator, first: int, draws: ClipDraws) -> Samples:
        """Notes as they were recorded, one after another, from anywhere in the first: as sample libraries hold them."""
        speed = 2.0 ** (rng.uniform(-1, 1) * self._settings.speed_semitones / 12)
        wanted = int(self._samples * speed) + 64
        last = max(1, self._cache.length(first))
        # The louder of two: the end of a decay alone is next to silence.
        tries = [self._cache.samples(first, int(rng.integers(0, last)), wanted) for _ in range(2)]
        notes = [max(tries, key=rms)]
        while sum(map(len, notes)) < wanted:
            notes.append(self._cache.samples(int(rng.choice(draws.siblings(first))), 0, wanted))
        return _fitted(_change_speed(np.concatenate(notes)[:wanted], speed), self._samples)

    def _phrase(self, rng: Generator, first: int, draws: ClipDraws) -> Samples:
        """Notes after and over each other: a phrase made of single notes."""
        rate = self._cache.sample_rate
        speed = 2.0 ** (rng.uniform(-1, 1) * self._settings.speed_semitones / 12)
        count = int(self._samples * speed) + 64
        out = np.zeros(count, np.float32)
        step = rng.uniform(0.15, 1.2) * rate * speed
        chords = draws.plays_chords and rng.random() < self._settings.chord_share
        at = -rng.uniform(0.0, 0.5) * rate
        neighbours = draws.siblings(first)
        index = first
        while at < count:
            for _ in range(int(rng.integers(2, 5)) if chords else 1):
                start = int(at + (rng.uniform(0.0, 0.03) * rate if chords else 0.0))
                held = rng.uniform(0.6, 1.6) * step if not chords else rng.uniform(0.8, 3.0) * step
                note = _fade_out(self._cache.samples(index, 0, int(4 * rate)), int(held), rate)
                note = note * np.float32(10 ** (rng.uniform(-8, 0) / 20) / max(rms(note), 1e-4))
                if start < 0:
                    note, start = note[-start:], 0
                span = min(len(note), count - start)
                if span > 0:
                    out[start : start + span] += note[:span]
                index = int(rng.choice(neighbours))
            at += step * (1.0 if rng.random() < 0.7 else rng.choice([0.5, 2.0]))
        return _fitted(_change_speed(out, speed), self._samples)


def _change_speed(samples: Samples, speed: float) -> Samples:
    """Faster and higher, or slower and lower."""
    return soxr.resample(samples, 48_000 * speed, 48_000, quality="LQ") if len(samples) else samples


def _fitted(samples: Samples, count: int) -> Samples:
    """Cut or padded to `count` samples."""
    return samples[:count] if len(samples) >= count else np.pad(samples, (0, count - len(samples)))


def _fade_out(note: Samples, held: int, rate: int) -> Samples:
    """Ends a note after `held` samples with a release of 60 ms."""
    release = int(0.06 * rate)
    if len(note) > held + release:
        note = note[: held + release].copy()
        note[held:] *= np.linspace(1.0, 0.0, len(note) - held, dtype=np.float32)
    return note
