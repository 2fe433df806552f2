"""Judging a candidate on what it never heard: recordings and mixtures of sources that were held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from instag.labels import LABELS, OTHER
from instag.results import Samples, WindowScores
from instag.windows import cut
from train.corpus.manifest import AudioCache
from train.models.yamnet_body import SAMPLE_RATE, LogMelPatches, YamnetBody
from train.sound.degrade import DegradeSettings, rms
from train.sound.draws import is_rhythm
from train.sound.mix_settings import BACKING, NOTE, SONG, MixSettings
from train.sound.mixing import Mixer

LIGHT = DegradeSettings(
    equaliser_db=1.0,
    reverb_share=0.3,
    noise_share=0.3,
    noise_snr_db=(25.0, 50.0),
    hum_share=0.0,
    band_limit_share=0.0,
    clip_share=0.0,
    crackle_share=0.0,
    codec_share=0.0,
)
PLAIN = MixSettings(other_share=0.0, silent_share=0.0, band_share=0.0, speed_semitones=0.5, degrade=LIGHT)


@dataclass(frozen=True)
class HeldMix:
    """How one held-out set's mixtures differ from the others'; the names are those of `MixSettings`."""

    window_seconds: float = 3.0
    other_share: float = 0.0
    companion_counts: tuple[float, ...] = PLAIN.companion_counts
    companion_db: tuple[float, float] = PLAIN.companion_db
    band_share: float = 0.0
    band_db: tuple[float, float] = PLAIN.band_db
    backing_share: float = PLAIN.backing_share


@dataclass(frozen=True)
class JudgeSettings:
    """The held-out sets.

    Attributes:
        mixtures: Mixtures of each kind.
        pieces: Longer mixtures.
        notes: Single notes.
        longest_seconds: Longer recordings are cut to that.
        piece_seconds: Length of the pieces that songs are cut into.
        seed: Of the mixtures.
        mix: What all mixtures have in common.
        one_over_two: The set `mixtures`: one instrument over two others.
        several: The set `pieces`, several windows long: what presence in a file is judged by.
        under_band: The set `bands`: one instrument under drums or bass that are as loud or louder.
        none: The set `others`: none of the eleven.
    """

    mixtures: int = 400
    pieces: int = 150
    notes: int = 150
    longest_seconds: float = 12.0
    piece_seconds: float = 12.0
    seed: int = 77
    mix: MixSettings = PLAIN
    one_over_two: HeldMix = field(default=HeldMix(companion_counts=(0.0, 0.0, 1.0), companion_db=(-9.0, -3.0)))
    several: HeldMix = field(
        default=HeldMix(
            window_seconds=12.0,
            companion_counts=(0.35, 0.3, 0.2, 0.15),
            companion_db=(-9.0, 0.0),
            band_share=0.5,
            band_db=(-9.0, 3.0),
            backing_share=0.0,
        )
    )
    under_band: HeldMix = field(
        default=HeldMix(companion_counts=(1.0,), band_share=1.0, band_db=(0.0, 6.0), backing_share=0.0)
    )
    none: HeldMix = field(default=HeldMix(other_share=1.0))

    def mix_kinds(self) -> dict[str, MixSettings]:
        """The settings of each set of mixtures, by the set's name."""
        kinds = {"mixtures": self.one_over_two, "pieces": self.several, "bands": self.under_band, "others": self.none}
        return {name: replace(self.mix, **asdict(kind)) for name, kind in kinds.items()}


@dataclass(frozen=True)
class HeldSet:
    """The windows of one held-out set, already through the front end, and what is in the files.

    Attributes:
        name: `recordings`, `notes`, `songs`, `mixtures`, `pieces`, `bands` or `others`.
        patches: (windows, patches, 96, 64) float16.
        spans: (windows, 3) float64: start and end in seconds, level in dBFS.
        counts: (files,) windows of each file.
        truth: (files,) index of the dominant label.
        present: (files, 12) what is heard.
        known: (files, 12) what is known of that.
    """

    name: str
    patches: NDArray[np.float16]
    spans: NDArray[np.float64]
    counts: NDArray[np.int64]
    truth: NDArray[np.int64]
    present: NDArray[np.float32]
    known: NDArray[np.float32]


def held_mixers(cache: AudioCache, held: Sequence[int], settings: JudgeSettings) -> dict[str, Mixer]:
    """A mixer of held-out clips for each set of mixtures."""
    rhythm = [i for i in held if cache.clips[i].label != OTHER or is_rhythm(cache.clips[i])]
    chosen = {"bands": rhythm}
    return {
        name: Mixer(cache, kind, settings.seed, chosen.get(name, held)) for name, kind in settings.mix_kinds().items()
    }


def held_sets(
    cache: AudioCache,
    held: Sequence[int],
    front_end: LogMelPatches,
    settings: JudgeSettings,
) -> dict[str, HeldSet]:
    """Cuts every held-out set into windows.

    Args:
        cache: The decoded corpus.
        held: Indices of the held-out clips.
        front_end: What turns windows into patches.
        settings: Sizes.
    """
    clips = cache.clips
    rng = np.random.default_rng(settings.seed)
    longest = int(settings.longest_seconds * SAMPLE_RATE)
    sets: dict[str, HeldSet] = {}

    def add(name: str, recordings: list[Samples], labels: Sequence[int], solo: bool) -> None:
        truth = np.array(labels, np.int64)
        present = np.eye(len(LABELS), dtype=np.float32)[truth]
        known = np.ones_like(present) if solo else present
        sets[name] = _cut_set(name, recordings, front_end, truth, present, known)

    whole = [i for i in held if clips[i].kind not in (NOTE, BACKING, SONG)]
    notes = [i for i in held if clips[i].kind == NOTE]
    notes = [notes[i] for i in rng.permutation(len(notes))[: settings.notes]]
    for name, chosen in (("recordings", whole), ("notes", notes)):
        if chosen:
            labels = [LABELS.index(clips[i].label) for i in chosen]
            made = [cache.samples(i, 0, longest) for i in chosen]
            add(name, made, labels, solo=True)
    songs = _songs(cache, held, int(settings.piece_seconds * SAMPLE_RATE))
    if songs:
        add("songs", [piece for piece, _ in songs], [LABELS.index(label) for _, label in songs], solo=False)
    for name, mixer in held_mixers(cache, held, settings).items():
        batch = mixer.mixtures(range(settings.pieces if name == "pieces" else settings.mixtures))
        known = batch.present_known
        sets[name] = _cut_set(name, list(batch.audio), front_end, batch.dominant, batch.present, known)
    return sets


def _cut_set(
    name: str,
    recordings: list[Samples],
    front_end: LogMelPatches,
    truth: NDArray[np.int64],
    present: NDArray[np.float32],
    known: NDArray[np.float32],
) -> HeldSet:
    patches, spans, counts = [], [], []
    for samples in recordings:
        windows = list(cut([samples], SAMPLE_RATE, 3 * SAMPLE_RATE))
        with torch.no_grad():
            patches.append(front_end(torch.from_numpy(np.stack([w.samples for w in windows]))).numpy().astype("f2"))
        spans += [(w.start_seconds, w.end_seconds, w.level_dbfs) for w in windows]
        counts.append(len(windows))
    return HeldSet(name, np.concatenate(patches), np.array(spans), np.array(counts), truth, present, known)


def embed_set(body: YamnetBody, held: HeldSet, batch: int = 64) -> Tensor:
    """(windows, patches, embedding)."""
    with torch.no_grad():
        return torch.cat(
            [
                body.embed(torch.from_numpy(held.patches[at : at + batch].astype(np.float32)))
                for at in range(0, len(held.patches), batch)
            ]
        )


def file_scores(held: HeldSet, dominant: NDArray[np.float32], present: NDArray[np.float32]) -> list[WindowScores]:
    """Window scores, file by file."""
    files = []
    for end, count in zip(np.cumsum(held.counts), held.counts, strict=True):
        one = slice(end - count, end)
        start_seconds, end_seconds, level_dbfs = held.spans[one].T
        files.append(WindowScores(start_seconds, end_seconds, level_dbfs, dominant[one], present[one]))
    return files


def _songs(cache: AudioCache, held: Sequence[int], longest: int) -> list[tuple[Samples, str]]:
    """Real songs in pieces of `longest` samples, each with its dominant label.

    Guitar stems together with their backing tracks as they were released, and clips that are songs as they stand.
    """
    backings = {cache.clips[i].group: i for i in held if cache.clips[i].kind == BACKING}
    pieces = []
    for stem in (i for i in held if cache.clips[i].kind == "stem" and cache.clips[i].group in backings):
        backing = backings[cache.clips[stem].group]
        count = min(cache.length(stem), cache.length(backing))
        for first in range(0, count - longest, longest):
            solo = cache.samples(stem, first, longest)
            band = cache.samples(backing, first, longest)
            # Where the stem pauses, nobody knows whether a guitar is heard in the song.
            if rms(solo) > 0.5 * rms(band):
                mix = solo + band
                mix = (mix / max(1.0, float(np.abs(mix).max()))).astype(np.float32)
                pieces.append((mix, cache.clips[stem].label))
    for whole in (i for i in held if cache.clips[i].kind == SONG):
        for first in range(0, max(1, cache.length(whole) - longest // 2), longest):
            piece = cache.samples(whole, first, longest)
            pieces.append((piece, cache.clips[whole].label))
    return pieces
