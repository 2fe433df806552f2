import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instag.constants import LEAST_TAIL_SECONDS, WINDOW_LEVEL_DBFS
from instag.windows import cut, level_window

RATE = 100


def blocks_of(signal, cuts):
    return np.split(signal, sorted({min(c, len(signal)) for c in cuts}))


@st.composite
def recordings(draw):
    length = draw(st.integers(0, 400))
    window = draw(st.integers(1, 120))
    overlap = draw(st.integers(0, window - 1))
    cuts = draw(st.lists(st.integers(0, 400), max_size=12))
    return np.arange(1, length + 1, dtype=np.float32), window, overlap / RATE, cuts


@given(recordings())
def test_every_sample_is_heard_but_for_a_tiny_tail(case):
    signal, window, overlap, cuts = case
    heard = set()
    for w in cut(blocks_of(signal, cuts), RATE, window, overlap):
        start, end = round(w.start_seconds * RATE), round(w.end_seconds * RATE)
        assert len(w.samples) == window and w.samples.dtype == np.float32
        assert np.array_equal(w.samples[: end - start], level_window(signal[start:end])[0])
        assert not w.samples[end - start :].any()
        heard.update(range(start, end))
    missed = set(range(len(signal))) - heard
    assert len(missed) < LEAST_TAIL_SECONDS * RATE
    assert missed == set(range(len(signal) - len(missed), len(signal)))


@given(recordings())
def test_number_of_windows(case):
    signal, window, overlap, cuts = case
    hop = window - round(overlap * RATE)
    windows = list(cut(blocks_of(signal, cuts), RATE, window, overlap))
    if len(signal) == 0:
        assert windows == []
    elif len(signal) <= window:
        assert len(windows) == 1
    else:
        rest = (len(signal) - window) % hop
        has_tail = rest >= LEAST_TAIL_SECONDS * RATE
        assert len(windows) == 1 + (len(signal) - window) // hop + has_tail
        assert windows[-1].end_seconds == (len(signal) if has_tail else len(signal) - rest) / RATE
    for w in windows[:-1]:
        assert round((w.end_seconds - w.start_seconds) * RATE) == window


@given(recordings())
def test_blocks_do_not_matter(case):
    signal, window, overlap, cuts = case
    whole = list(cut([signal], RATE, window, overlap))
    split = list(cut(blocks_of(signal, cuts), RATE, window, overlap))
    assert len(whole) == len(split)
    for a, b in zip(whole, split, strict=True):
        assert (a.start_seconds, a.end_seconds, a.level_dbfs) == (b.start_seconds, b.end_seconds, b.level_dbfs)
        assert np.array_equal(a.samples, b.samples)


def noise(level_dbfs, count=300, seed=1):
    sound = np.random.default_rng(seed).normal(0, 1, count)
    sound -= sound.mean()
    return (sound * 10 ** (level_dbfs / 20) / np.sqrt(np.mean(sound**2))).astype(np.float32)


def test_level_is_of_the_files_own_samples():
    (short,) = cut([noise(-40.0, 10)], RATE, 300, 0.0)
    assert short.level_dbfs == pytest.approx(-40.0, abs=1e-3)
    assert short.end_seconds == 0.1
    (silent,) = cut([np.zeros(300, np.float32)], RATE, 300, 0.0)
    assert silent.level_dbfs == -math.inf and not silent.samples.any()


@given(st.floats(-80, 0), st.floats(-0.9, 0.9))
def test_the_model_hears_every_level_alike(level_dbfs, offset):
    reference, _ = level_window(noise(-20.0))
    heard, level = level_window(noise(level_dbfs) + np.float32(offset))
    assert level == pytest.approx(level_dbfs, abs=0.2)
    assert heard == pytest.approx(reference, abs=2e-2)
    assert np.sqrt(np.mean(heard.astype(float) ** 2)) == pytest.approx(10 ** (WINDOW_LEVEL_DBFS / 20), rel=1e-3)


def test_levelling_never_exceeds_full_scale():
    click = np.zeros(300, np.float32)
    click[100] = 1e-3
    heard, _ = level_window(click)
    assert np.abs(heard).max() == pytest.approx(1.0)


@pytest.mark.parametrize("offset", [0.3, -1.0, 1e-4])
def test_dc_alone_is_digital_silence(offset):
    heard, level = level_window(np.full(48_000, offset, np.float32))
    assert level == -math.inf and not heard.any()


@pytest.mark.parametrize("overlap", [3.0, 5.0, -0.5])
def test_an_overlap_that_cannot_be(overlap):
    with pytest.raises(ValueError, match="overlap"):
        list(cut([np.zeros(1000, np.float32)], RATE, 300, overlap))


def test_memory_does_not_grow():
    def peak(blocks):
        tracemalloc.start()
        for _ in cut((np.zeros(16_000, np.float32) for _ in range(blocks)), 16_000, 48_000, 1.5):
            pass
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    assert peak(2000) < 1.2 * peak(20)
