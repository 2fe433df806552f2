from __future__ import annotations

import numpy as np
import pytest
import soundfile

from instag.labels import LABELS, OTHER_INDEX
from train.corpus.manifest import AudioCache, Clip
from train.errors import TrainingError
from train.sound.degrade import DegradeSettings, degrade, rms, through_mp3
from train.sound.mix_settings import MixSettings
from train.sound.mixing import Mixer

RATE = 16000
CLEAN = DegradeSettings(
    equaliser_db=0.0,
    reverb_share=0.0,
    noise_share=0.0,
    hum_share=0.0,
    band_limit_share=0.0,
    clip_share=0.0,
    crackle_share=0.0,
    codec_share=0.0,
)
KINDS = (
    ("cello", "note"),
    ("flute", "phrase"),
    ("voice", "phrase/mix"),
    ("other", "clip"),
    ("other", "backing"),
)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> AudioCache:
    """Sines: each clip's frequency says which it is."""
    folder = tmp_path_factory.mktemp("corpus")
    clips = []
    for number, (label, kind) in enumerate(KINDS):
        path = folder / f"{number}.wav"
        soundfile.write(path, 0.3 * np.sin(2 * np.pi * hertz(number) * np.arange(RATE * 4) / RATE), RATE)
        clips.append(Clip(path, label, "", f"s{number}", kind, f"g{number}", "train", 4.0, "CC0"))
    return AudioCache(clips, RATE, folder / "cache")


def hertz(number: int) -> float:
    return 500.0 * 2**number / 1.0 if number < 4 else 6500.0


def band_power(audio: np.ndarray, number: int) -> float:
    spectrum = np.abs(np.fft.rfft(audio)) ** 2
    frequencies = np.fft.rfftfreq(len(audio), 1 / RATE)
    return float(spectrum[np.abs(frequencies / hertz(number) - 1) < 0.08].sum())


def test_the_dominant_instrument_is_the_strongest_of_the_eleven_whatever_the_band_does(cache: AudioCache) -> None:
    settings = MixSettings(
        other_share=0.0, silent_share=0.0, companion_counts=(0, 0.5, 0.5), speed_semitones=0.5, degrade=CLEAN
    )
    batch = Mixer(cache, settings, seed=3).batch(0, 60)
    clip_of = {LABELS.index(label): number for number, (label, _) in enumerate(KINDS[:3])}
    louder_band = 0
    for audio, dominant, present in zip(batch.audio, batch.dominant, batch.present, strict=True):
        powers = {index: band_power(audio, number) for index, number in clip_of.items()}
        assert max(powers, key=powers.get) == dominant
        assert present[dominant] == 1 and present[list(clip_of)].sum() >= 2
        louder_band += band_power(audio, 3) > powers[dominant]
    assert louder_band > 0
    assert OTHER_INDEX not in batch.dominant


def test_other_is_the_label_of_mixtures_with_none_of_the_eleven_and_never_of_backing(cache: AudioCache) -> None:
    batch = Mixer(cache, MixSettings(other_share=1.0, silent_share=0.0, degrade=CLEAN), seed=3).batch(0, 20)
    assert (batch.dominant == OTHER_INDEX).all()
    assert (batch.present[:, :OTHER_INDEX] == 0).all() and (batch.present_known == 1).all()
    # The backing track, which may hide a guitar, would be at least a quarter as loud.
    for audio in batch.audio:
        assert band_power(audio, 3) > 4 * band_power(audio, 4)


def test_what_nobody_knows_is_masked(cache: AudioCache) -> None:
    settings = MixSettings(
        other_share=0.0, silent_share=0.0, band_share=1.0, backing_share=1.0, companion_counts=(1.0,), degrade=CLEAN
    )
    batch = Mixer(cache, settings, seed=5).batch(0, 40)
    names = {LABELS[index] for index in batch.dominant}
    assert names == {"cello", "flute", "voice"}
    assert (batch.present_known[batch.present == 1] == 1).all()
    guitar = LABELS.index("electric_guitar")
    assert (batch.present_known[:, guitar] == 0).all()
    trumpet = batch.present_known[:, LABELS.index("trumpet")]
    np.testing.assert_array_equal(trumpet == 0, batch.dominant == LABELS.index("voice"))


def test_whole_notes_follow_each_other_without_a_gap_or_a_fade(cache: AudioCache) -> None:
    def quietest(whole_note_share: float) -> float:
        settings = MixSettings(
            other_share=0.0,
            silent_share=0.0,
            band_share=0.0,
            companion_counts=(1.0,),
            whole_note_share=whole_note_share,
            degrade=CLEAN,
        )
        audio = Mixer(cache, settings, seed=4, indices=[0]).batch(0, 20).audio
        levels = [[rms(part) for part in np.array_split(window, 30)] for window in audio]
        return min(min(each) / max(each) for each in levels)

    assert quietest(1.0) > 0.8
    assert quietest(0.0) < 0.2


def test_a_batch_depends_on_seed_and_number_alone(cache: AudioCache) -> None:
    settings = MixSettings()
    first, again = (Mixer(cache, settings, seed=1).batch(2, 3) for _ in range(2))
    np.testing.assert_array_equal(first.audio, again.audio)
    np.testing.assert_array_equal(first.audio, Mixer(cache, settings, seed=1).mixtures([6, 7, 8]).audio)
    assert not np.array_equal(first.audio, Mixer(cache, settings, seed=2).batch(2, 3).audio)
    assert first.audio.dtype == np.float32 and first.audio.shape == (3, 3 * RATE)
    assert np.isfinite(first.audio).all() and np.abs(first.audio).max() <= 1.0


def test_only_the_chosen_clips_are_drawn(cache: AudioCache) -> None:
    batch = Mixer(cache, MixSettings(other_share=0.5, degrade=CLEAN), seed=1, indices=[0]).batch(0, 10)
    assert (batch.dominant[batch.present[:, 0] == 1] == 0).all()
    with pytest.raises(TrainingError, match="No clip"):
        Mixer(cache, MixSettings(), seed=1, indices=[3])


def test_every_degradation_keeps_length_range_and_most_of_the_sound() -> None:
    rng = np.random.default_rng(0)
    tone = np.sin(2 * np.pi * 440 * np.arange(RATE * 3) / RATE).astype(np.float32)
    everything = DegradeSettings(
        reverb_share=1,
        noise_share=1,
        hum_share=1,
        band_limit_share=1,
        clip_share=1,
        crackle_share=1,
        codec_share=1,
    )
    for settings in (CLEAN, DegradeSettings(), everything):
        out = degrade(tone, RATE, settings, rng)
        assert out.shape == tone.shape and out.dtype == np.float32
        assert np.isfinite(out).all() and np.abs(out).max() <= 1.1 and rms(out) > 0.005


def test_mp3_keeps_length_and_sound_and_changes_samples() -> None:
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE * 3) / RATE).astype(np.float32)
    out = through_mp3(tone, RATE, 0.6)
    assert out.shape == tone.shape and not np.array_equal(out, tone)
    spectrum = np.abs(np.fft.rfft(out))
    assert abs(np.argmax(spectrum) / 3 - 440) < 1 and rms(out) == pytest.approx(rms(tone), rel=0.1)
