import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instag.constants import LEAST_TAIL_SECONDS
from instag.windows import cut

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
        assert np.array_equal(w.samples[: end - start], signal[start:end])
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


def test_level_is_of_the_files_own_samples():
    (short,) = cut([np.full(10, 0.1, np.float32)], RATE, 300, 0.0)
    assert short.level_dbfs == pytest.approx(-20.0, abs=1e-3)
    assert short.end_seconds == 0.1
    (silent,) = cut([np.zeros(300, np.float32)], RATE, 300, 0.0)
    assert silent.level_dbfs == -math.inf


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
