"""The verdict depends on the music, not on which channel it is in, its polarity, or what noise lies in another one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from instag import load_model
from instag.audio.mono import Mixer, music_channels

RATE = 44_100
EXAMPLE = Path(__file__).parents[2] / "examples" / "violin.ogg"


def notes(seconds: float = 1.5, hertz: float = 440.0) -> np.ndarray:
    time = np.arange(int(seconds * RATE)) / RATE
    return 0.3 * sum(np.sin(2 * np.pi * hertz * k * time) / k for k in (1, 2, 3, 4, 5))


def noise(count: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.2, count)


def hum(count: int) -> np.ndarray:
    return 0.4 * np.sin(2 * np.pi * 50 * np.arange(count) / RATE)


def columns(*channels: np.ndarray) -> np.ndarray:
    return np.stack(channels, axis=1).astype(np.float32)


@pytest.mark.parametrize("under", [noise, hum])
@pytest.mark.parametrize("level_db", [0, -10, -20, -30])
def test_noise_in_one_channel_does_not_hide_music_in_the_other(under, level_db: float) -> None:
    music = notes() * 10 ** (level_db / 20)
    mono = Mixer(RATE).mix(columns(music, under(len(music))))
    np.testing.assert_allclose(mono, music, atol=1e-6)


def test_what_is_noise_in_every_channel_or_music_in_every_channel_is_averaged() -> None:
    for one, two in (
        (noise(66_000), noise(66_000, 2)),
        (notes(), notes(hertz=660)),
        (hum(66_000), noise(66_000)),
        (notes(), notes() + noise(66_150) * 0.02),
    ):
        block = columns(one, two)
        np.testing.assert_allclose(Mixer(RATE).mix(block.copy()), block.mean(axis=1), atol=1e-6)


@given(
    st.lists(st.sampled_from(["music", "noise", "hum", "silence"]), min_size=1, max_size=6),
    st.integers(0, 5000),
)
@settings(max_examples=50, deadline=None)
def test_one_channel_at_least_is_left_and_music_always(kinds: list[str], frames: int) -> None:
    made = {"music": notes(), "noise": noise(66_150), "hum": hum(66_150), "silence": np.zeros(66_150)}
    kept = music_channels(columns(*(made[kind][:frames] for kind in kinds)), RATE)
    assert kept.any()
    assert all(keep for keep, kind in zip(kept, kinds, strict=True) if kind == "music")


def _stereo_kinds(music: np.ndarray) -> dict[str, np.ndarray]:
    level = float(np.sqrt(np.mean(music**2)))
    hiss = np.random.default_rng(3).normal(0, level, len(music))
    silence = np.zeros(len(music))
    return {
        "left only": columns(music, silence),
        "right only": columns(silence, music),
        "reversed": columns(music, -music),
        "reversed and quieter": columns(music, -0.5 * music),
        "late by 10 ms": columns(music, np.roll(music, RATE // 100)),
        "quiet under noise": columns(0.1 * music, hiss),
        "quiet beside hum": columns(0.25 * music, 1.4 * level * hum(len(music)) / 0.4),
        "hiss beside it": columns(music, 0.01 * hiss),
    }


def test_the_label_does_not_depend_on_the_channels(tmp_path: Path) -> None:
    sound, rate = soundfile.read(EXAMPLE)
    music = (sound if sound.ndim == 1 else sound.mean(axis=1))[: 6 * rate] / 2
    analyser = load_model()
    for name, stereo in _stereo_kinds(music).items():
        soundfile.write(tmp_path / "a.wav", stereo, rate, subtype="FLOAT")
        verdict = analyser.analyse(tmp_path / "a.wav").verdict
        assert (name, verdict.dominant, verdict.instruments) == (name, "violin", ("violin",))
