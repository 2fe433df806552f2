from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from instag.labels import LABELS
from train.corpus.manifest import AudioCache, read_manifest
from train.corpus.packaged import ALONE, PERFORMANCES, SUNG, scratch, singing, winterreise, write_pieces
from train.models.yamnet_body import MEL_BANDS, PATCH_FRAMES
from train.recipe.judge import JudgeSettings, held_sets
from train.sound.mixing import SONG, Mixer, MixSettings

RATE = 22_050
MEASURE_SECONDS = 0.25


def tone(path: Path, seconds: float, hertz: float = 440.0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(int(seconds * RATE)) / RATE
    soundfile.write(path, (0.3 * np.sin(2 * np.pi * hertz * time)).astype(np.float32), RATE)


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Packages as they unpack, with tones in place of the music: measure n sounds at 200 + n Hz."""
    songs = tmp_path / "synctoolbox"
    (songs / "data_csv").mkdir(parents=True)
    for song, measures in (("01", 139), ("03", 57)):
        hertz = np.repeat(200.0 + np.arange(1, measures + 1), int(MEASURE_SECONDS * RATE))
        samples = 0.3 * np.sin(2 * np.pi * np.cumsum(hertz) / RATE)
        starts = np.arange(measures) * MEASURE_SECONDS
        for performance in PERFORMANCES:
            name = f"Schubert_D911-{song}_{performance}"
            (songs / "data_music").mkdir(exist_ok=True)
            soundfile.write(songs / "data_music" / f"{name}.wav", samples.astype(np.float32), RATE)
            lines = ["start;measure", *(f"{start};{n}" for n, start in enumerate(starts, 1))]
            (songs / "data_csv" / f"{name}.csv").write_text("\n".join(lines) + "\n")
    tone(tmp_path / "basic-pitch" / "tests" / "resources" / "vocadito_10.wav", 2.0)
    tone(tmp_path / "libsoni" / "data_audio" / "demo_f0" / "DCS_LI_QuartetA.wav", 2.0)
    for name in ("Vocals/Singer1.wav", "Vocals/BeatBox1.wav", "Instruments/Trumpet1.wav", "Instruments/Chord.wav"):
        tone(tmp_path / "scratch" / name, 1.0)
    pieces = [
        *winterreise(songs),
        *singing(tmp_path / "basic-pitch", tmp_path / "libsoni"),
        *scratch(tmp_path / "scratch"),
    ]
    return write_pieces(tmp_path / "made", pieces)


def test_measures_become_clips_with_everything_that_is_heard_in_them(manifest: Path) -> None:
    clips = read_manifest(manifest)
    songs = [clip for clip in clips if clip.kind == SONG]
    spans = [span for table in (SUNG, ALONE) for part in table.values() for span in part]
    assert len(songs) == 2 * len(spans)
    sung = [clip for clip in songs if clip.label == "voice"]
    assert all(clip.labels == ("voice", "piano") for clip in sung)
    assert all(clip.labels == ("piano",) for clip in songs if clip.label == "piano")
    measures = sum(last - first + 1 for part in SUNG.values() for first, last in part)
    assert sum(clip.seconds for clip in sung) == pytest.approx(2 * measures * MEASURE_SECONDS, abs=0.5)
    # The first sung stretch starts with its first measure and ends with its last.
    samples, rate = soundfile.read(sung[0].path)
    assert rate == 24_000
    for position, measure in ((0.0, SUNG["01"][0][0]), (-MEASURE_SECONDS, SUNG["01"][0][1])):
        start = int(position * rate) if position >= 0 else len(samples) + int(position * rate)
        part = samples[start : start + int(MEASURE_SECONDS * rate)]
        loudest = np.abs(np.fft.rfft(part * np.hanning(len(part)), 1 << 16)).argmax() * rate / (1 << 16)
        assert loudest == pytest.approx(200 + measure, abs=3)


def test_only_what_somebody_vouches_for_is_taken(manifest: Path) -> None:
    others = [(clip.label, clip.source) for clip in read_manifest(manifest) if clip.kind != SONG]
    assert sorted(others) == [
        ("trumpet", "scratch"),
        ("voice", "dagstuhl_choir"),
        ("voice", "scratch"),
        ("voice", "vocadito"),
    ]


class FrontEnd:
    """Stands in for the network's: one patch of zeros a window."""

    patches = 1

    def __call__(self, audio):
        import torch

        return torch.zeros(len(audio), 1, PATCH_FRAMES, MEL_BANDS)


def test_songs_are_judged_whole_and_a_source_can_be_kept_from_learning(manifest: Path, tmp_path: Path) -> None:
    cache = AudioCache(list(read_manifest(manifest)), 16_000, tmp_path / "cache")
    held = [i for i, clip in enumerate(cache.clips) if clip.source == PERFORMANCES["SC06"][0]]
    sets = held_sets(
        cache, held, FrontEnd(), JudgeSettings(mixtures=2, pieces=2, notes=2), names=("songs", "recordings")
    )
    assert set(sets) == {"songs"}
    songs = sets["songs"]
    assert {LABELS[t] for t in songs.truth} == {"voice", "piano"} and set(songs.sources) == {PERFORMANCES["SC06"][0]}
    assert (songs.known.sum(axis=1) == 1).all()
    weights = {PERFORMANCES["SC06"][0]: 0.0}
    sources = Mixer(cache, MixSettings(source_weights=weights, other_share=0.0), 1).batch(0, 24).sources
    assert any(PERFORMANCES["HU33"][0] in mix for mix in sources)
    assert not any(PERFORMANCES["SC06"][0] in mix for mix in sources)
