"""Mixtures on the fly: one dominant source, others below it, a band around it, and the room and the carrier.

Labels follow the project's rule: where one of the eleven is heard, the strongest of the eleven dominates, however loud
the rest of the band is; `other` is the label only of mixtures with none of the eleven in them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import soxr
from numpy.random import Generator
from numpy.typing import NDArray

from instag.labels import LABELS, OTHER
from instag.results import Samples
from train.corpus.manifest import AudioCache, Clip, source_family
from train.sound.degrade import DegradeSettings, degrade, rms

NOTE, BACKING, SONG = "note", "backing", "song"
# What a backing track of a rock song may hold besides drums and bass; nobody wrote it down.
MAYBE_IN_BACKING = ("acoustic_guitar", "electric_guitar", "organ", "piano", "voice")

# What drums and basses are called in the manifests.
RHYTHM = re.compile(
    r"drum|hi_hat|perc|(double_|^)bass$|^(bd|sn|tabla|loop|ride|crash|cymbal|kick|snare|tom|hat|bongo|conga|tambourine)"
)


def is_rhythm(clip: Clip) -> bool:
    """Whether a clip is of drums or a bass."""
    return clip.label == OTHER and clip.kind != BACKING and bool(RHYTHM.search(clip.detail))


@dataclass(frozen=True)
class MixSettings:
    """How mixtures are made.

    Attributes:
        window_seconds: Length of a mixture.
        other_share: Share of mixtures with none of the eleven.
        silent_share: Share of near-silent mixtures (noise under everything), labelled `other`.
        companion_counts: Probabilities of 0, 1, 2... further instruments of the eleven.
        companion_db: Range of their level against the dominant source.
        band_share: Share of mixtures of the eleven that have sources of `other` in them.
        band_count: Most sources of `other` in one mixture.
        band_db: Range of their level against the dominant source.
        rhythm_share: Share of the bands that are made of drums and basses only.
        backing_share: Share of the bands that are a backing track instead of single sources.
        backing_db: Range of a backing track's level; lower, because it may hold guitars of its own.
        chord_share: Share of note sequences with chords, for instruments that play them.
        speed_semitones: Widest change of speed (and pitch) of a source.
        kind_weights: How often a kind of recording is drawn against others of its label.
        source_weights: The same for sources; both multiply.
        degrade: The room and the carrier.
    """

    window_seconds: float = 3.0
    other_share: float = 0.2
    silent_share: float = 0.01
    companion_counts: tuple[float, ...] = (0.4, 0.3, 0.2, 0.1)
    companion_db: tuple[float, float] = (-18.0, -2.0)
    band_share: float = 0.55
    band_count: int = 3
    band_db: tuple[float, float] = (-15.0, 6.0)
    rhythm_share: float = 0.6
    backing_share: float = 0.2
    backing_db: tuple[float, float] = (-15.0, -1.0)
    chord_share: float = 0.5
    speed_semitones: float = 2.0
    kind_weights: dict[str, float] = field(
        default_factory=lambda: {
            "note": 1.0,
            "phrase": 3.0,
            "clip": 4.0,
            "phrase/mix": 2.0,
            "stem": 3.0,
            "backing": 1.0,
        }
    )
    source_weights: dict[str, float] = field(default_factory=dict)
    degrade: DegradeSettings = field(default_factory=DegradeSettings)


@dataclass(frozen=True)
class MixBatch:
    """Mixtures and what is in them.

    Attributes:
        audio: (batch, samples) float32.
        dominant: (batch,) int64, index of the label.
        present: (batch, 12) float32, 1 where the label is heard.
        present_known: (batch, 12) float32, 0 where nobody knows whether the label is heard.
        sources: For each mixture, the source families of its clips.
    """

    audio: NDArray[np.float32]
    dominant: NDArray[np.int64]
    present: NDArray[np.float32]
    present_known: NDArray[np.float32]
    sources: tuple[frozenset[str], ...]


class _Draft:
    """A mixture in the making."""

    def __init__(self, rng: Generator) -> None:
        self.rng = rng
        self.present = np.zeros(len(LABELS), np.float32)
        self.known = np.ones(len(LABELS), np.float32)
        self.sources: set[str] = set()

    def hear(self, label: str, clip: Clip) -> None:
        """Notes that a clip of this label is in the mixture, and what is known of its other labels."""
        self.present[LABELS.index(label)] = 1.0
        if clip.labels:
            self.present[[LABELS.index(name) for name in clip.labels]] = 1.0
        elif clip.kind.endswith("/mix"):
            self.known[:] = 0.0


class Mixer:
    """Draws mixtures from a cache. Batch number n is the same whenever it is drawn, so that a run can resume.

    Args:
        cache: Decoded clips.
        settings: How to mix.
        seed: Of everything random.
        indices: Which of the cache's clips to draw from; all where None.
        labels: Labels that may dominate; all that have clips where None.
    """

    def __init__(
        self,
        cache: AudioCache,
        settings: MixSettings,
        seed: int,
        indices: Sequence[int] | None = None,
        labels: Sequence[str] | None = None,
    ) -> None:
        self.cache = cache
        self.settings = settings
        self.seed = seed
        self.samples = round(settings.window_seconds * cache.sample_rate)
        chosen = range(len(cache)) if indices is None else indices
        self._pools = {label: _Pool(cache.clips, chosen, label, settings) for label in LABELS}
        self._rhythm = _Pool(cache.clips, [i for i in chosen if is_rhythm(cache.clips[i])], OTHER, settings)
        self._backing = [i for i in chosen if cache.clips[i].kind == BACKING]
        self._pitched = [name for name in (labels or LABELS) if name != OTHER and self._pools[name]]
        if not self._pitched:
            raise ValueError("There is no clip of any of the eleven instruments to mix.")

    def batch(self, number: int, size: int) -> MixBatch:
        """Batch `number` of this mixer's endless supply."""
        return self.mixtures(range(number * size, (number + 1) * size))

    def mixtures(self, numbers: Sequence[int]) -> MixBatch:
        """The mixtures of these numbers."""
        made = [self._mixture(_Draft(np.random.default_rng([self.seed, number]))) for number in numbers]
        audio, dominant, drafts = zip(*made, strict=True)
        return MixBatch(
            audio=np.stack(audio),
            dominant=np.array([LABELS.index(label) for label in dominant], np.int64),
            present=np.stack([draft.present for draft in drafts]),
            present_known=np.stack([np.maximum(draft.known, draft.present) for draft in drafts]),
            sources=tuple(frozenset(draft.sources) for draft in drafts),
        )

    def _mixture(self, draft: _Draft) -> tuple[Samples, str, _Draft]:
        settings, rng = self.settings, draft.rng
        draw = rng.random()
        if draw < settings.silent_share:
            dominant, mix = OTHER, np.zeros(self.samples, np.float32)
        elif draw < settings.silent_share + settings.other_share and self._pools[OTHER]:
            count = int(rng.integers(1, settings.band_count + 1))
            dominant, mix = OTHER, self._others(draft, count, self._pools[OTHER])
        else:
            dominant, mix = self._instruments(draft)
            if rng.random() < settings.band_share:
                mix = self._add_band(draft, mix)
        return degrade(mix, self.cache.sample_rate, settings.degrade, rng), dominant, draft

    def _instruments(self, draft: _Draft) -> tuple[str, Samples]:
        """A dominant instrument and its companions below it."""
        rng = draft.rng
        counts = np.asarray(self.settings.companion_counts)
        companions = min(int(rng.choice(len(counts), p=counts / counts.sum())), len(self._pitched) - 1)
        names = [self._pitched[i] for i in rng.permutation(len(self._pitched))[: companions + 1]]
        mix = np.zeros(self.samples, np.float32)
        for position, name in enumerate(names):
            gain = 1.0 if position == 0 else 10 ** (rng.uniform(*self.settings.companion_db) / 20)
            mix += np.float32(gain) * self._part(draft, name, self._pools[name])
        return names[0], mix

    def _add_band(self, draft: _Draft, mix: Samples) -> Samples:
        """Drums, bass, and whatever else is none of the eleven, at any level."""
        rng = draft.rng
        reference = max(rms(mix), 1e-4)
        if self._backing and rng.random() < self.settings.backing_share:
            index = int(rng.choice(self._backing))
            band = self._excerpt(rng, index)
            low, high = self.settings.backing_db
            draft.sources.add(source_family(self.cache.clips[index]))
            draft.hear(OTHER, self.cache.clips[index])
            draft.known[[LABELS.index(name) for name in MAYBE_IN_BACKING]] = 0.0
        elif self._pools[OTHER]:
            rhythm = bool(self._rhythm) and rng.random() < self.settings.rhythm_share
            pool = self._rhythm if rhythm else self._pools[OTHER]
            band = self._others(draft, int(rng.integers(1, self.settings.band_count + 1)), pool)
            low, high = self.settings.band_db
        else:
            return mix
        gain = 10 ** (rng.uniform(low, high) / 20) * reference / max(rms(band), 1e-4)
        return mix + np.float32(gain) * band

    def _others(self, draft: _Draft, count: int, pool: _Pool) -> Samples:
        """Sources of `other` that surely hold none of the eleven, summed."""
        mix = np.zeros(self.samples, np.float32)
        for _ in range(count):
            mix += np.float32(10 ** (draft.rng.uniform(-10.0, 0.0) / 20)) * self._part(draft, OTHER, pool)
        return mix

    def _part(self, draft: _Draft, label: str, pool: _Pool) -> Samples:
        """One source for the whole window, at unit RMS."""
        index = pool.draw(draft.rng)
        clip = self.cache.clips[index]
        draft.sources.add(source_family(clip))
        draft.hear(label, clip)
        part = self._sequence(draft.rng, index, pool) if clip.kind == NOTE else self._excerpt(draft.rng, index)
        return part / np.float32(max(rms(part), 1e-4))

    def _excerpt(self, rng: Generator, index: int) -> Samples:
        """A window out of a clip, at a random speed; short clips repeat after random pauses."""
        speed = 2.0 ** (rng.uniform(-1, 1) * self.settings.speed_semitones / 12)
        wanted = int(self.samples * speed) + 64
        length = self.cache.length(index)
        best = self._loudest_of(rng, index, wanted) if length > wanted else self.cache.samples(index)
        out = np.zeros(self.samples, np.float32)
        piece = _change_speed(best, speed)
        # A short clip is not always at the start, and now and then it comes again.
        at = int(rng.integers(0, max(1, self.samples - len(piece) + 1))) if len(piece) < self.samples else 0
        while at < self.samples:
            span = min(len(piece), self.samples - at)
            out[at : at + span] += piece[:span]
            at += len(piece) + int(rng.uniform(0.0, 0.5) * self.cache.sample_rate)
            if rng.random() < 0.3:
                break
        return out

    def _loudest_of(self, rng: Generator, index: int, count: int) -> Samples:
        """The louder of two random stretches: stems are silent for long."""
        last = self.cache.length(index) - count
        tries = [self.cache.samples(index, int(rng.integers(0, last + 1)), count) for _ in range(2)]
        return max(tries, key=rms)

    def _sequence(self, rng: Generator, first: int, pool: _Pool) -> Samples:
        """Notes of one group after and over each other: a phrase made of single notes."""
        rate = self.cache.sample_rate
        speed = 2.0 ** (rng.uniform(-1, 1) * self.settings.speed_semitones / 12)
        count = int(self.samples * speed) + 64
        out = np.zeros(count, np.float32)
        step = rng.uniform(0.15, 1.2) * rate * speed
        chords = pool.plays_chords and rng.random() < self.settings.chord_share
        at = -rng.uniform(0.0, 0.5) * rate
        neighbours = pool.siblings(first)
        index = first
        while at < count:
            for _ in range(int(rng.integers(2, 5)) if chords else 1):
                start = int(at + (rng.uniform(0.0, 0.03) * rate if chords else 0.0))
                held = rng.uniform(0.6, 1.6) * step if not chords else rng.uniform(0.8, 3.0) * step
                note = _fade_out(self.cache.samples(index, 0, int(4 * rate)), int(held), rate)
                note = note * np.float32(10 ** (rng.uniform(-8, 0) / 20) / max(rms(note), 1e-4))
                if start < 0:
                    note, start = note[-start:], 0
                span = min(len(note), count - start)
                if span > 0:
                    out[start : start + span] += note[:span]
                index = int(rng.choice(neighbours))
            at += step * (1.0 if rng.random() < 0.7 else rng.choice([0.5, 2.0]))
        return _fitted(_change_speed(out, speed), self.samples)


class _Pool:
    """The clips of one label, drawn by kind and source before they are drawn one by one."""

    CHORDAL = ("acoustic_guitar", "electric_guitar", "organ", "piano", "voice")

    def __init__(self, clips: Sequence[Clip], chosen: Sequence[int], label: str, settings: MixSettings) -> None:
        self.plays_chords = label in self.CHORDAL
        members = [i for i in chosen if clips[i].label == label and clips[i].kind != BACKING]
        bins: dict[tuple[str, str], dict[str, list[int]]] = {}
        for i in members:
            groups = bins.setdefault((clips[i].kind, clips[i].source), {})
            groups.setdefault(clips[i].group, []).append(i)
        self._groups = [list(groups.values()) for groups in bins.values()]
        # A bin counts by the root of its size: many files of one session are worth less than many sessions.
        weights = np.array(
            [
                settings.kind_weights.get(kind, 1.0)
                * settings.source_weights.get(source, 1.0)
                * sum(map(len, groups.values())) ** 0.5
                for (kind, source), groups in bins.items()
            ]
        )
        self._weights = weights / weights.sum() if len(weights) else weights
        self._siblings = {i: group for groups in self._groups for group in groups for i in group}

    def __bool__(self) -> bool:
        return bool(self._groups) and bool(self._weights.any())

    def draw(self, rng: Generator) -> int:
        """A clip's index."""
        groups = self._groups[int(rng.choice(len(self._groups), p=self._weights))]
        sizes = np.sqrt([len(group) for group in groups])
        group = groups[int(rng.choice(len(groups), p=sizes / sizes.sum()))]
        return int(rng.choice(group))

    def siblings(self, index: int) -> list[int]:
        """The clips of the same source, kind and group."""
        return self._siblings[index]


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
