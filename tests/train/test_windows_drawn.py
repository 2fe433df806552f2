"""Training windows: repeatable, balanced, labels merged by level."""

import numpy as np
import pytest
import torch

from tests.support.tiny_corpus import write_corpus
from train.corpus.manifest import AudioCache, read_manifest
from train.corpus.splits import label_index
from train.errors import TrainingError
from train.sound.augment import AugmentSettings
from train.sound.windows import WindowSource

CELLO, FLUTE, TRUMPET, OTHER = 0, 2, 8, 11


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return read_manifest(write_corpus(tmp_path_factory.mktemp("corpus")))


@pytest.fixture(scope="module")
def caches(clips, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    return {rate: AudioCache(clips, rate, folder) for rate in (8000, 16000)}


def source(cache, augment=None, members=None):
    labels = [label_index(clip.label, "instag-12") for clip in cache.clips]
    chosen = range(len(labels)) if members is None else members
    return WindowSource(cache, labels, chosen, {}, augment or AugmentSettings())


def test_windows_depend_on_their_number_alone(caches):
    drawn = source(caches[16000], AugmentSettings(noise=0.5, sources=(1, 3)))
    whole = drawn.batch(5, 0, 8)
    parts = [drawn.batch(5, first, 4) for first in (4, 0)]
    assert torch.equal(whole.audio, torch.cat([parts[1].audio, parts[0].audio]))
    assert torch.equal(whole.present, torch.cat([parts[1].present, parts[0].present]))
    assert not torch.equal(whole.audio, drawn.batch(6, 0, 8).audio)


def test_sample_rates_see_the_same_music(caches):
    low, high = source(caches[8000]).batch(1, 0, 40), source(caches[16000]).batch(1, 0, 40)
    assert low.audio.shape == (40, 24000)
    assert high.audio.shape == (40, 48000)
    assert torch.equal(low.dominant, high.dominant)


def test_labels_are_drawn_equally_often(caches):
    share = source(caches[16000]).batch(1, 0, 400).dominant.mean(dim=0)
    assert set(np.flatnonzero(share)) == {CELLO, FLUTE, TRUMPET, OTHER}
    assert (share[[CELLO, FLUTE, TRUMPET, OTHER]] > 0.15).all()


def test_a_mixture_is_named_after_its_strongest_instrument(caches):
    drawn = source(caches[16000], AugmentSettings(sources=(2, 3), level_db=(10.0, 12.0)))
    seen = set()
    for number in range(200):
        example = drawn.example(np.random.default_rng(number))
        heard = set(np.flatnonzero(example.present))
        seen.add((example.dominant == OTHER, len(heard)))
        assert example.dominant in heard
        assert OTHER not in heard or heard == {OTHER}  # `other` only where none of the eleven is
    assert {(False, 1), (False, 2), (False, 3)} <= seen


def test_silent_and_noisy_windows_are_other(caches):
    drawn = source(caches[16000], AugmentSettings(silent_samples=0.5, noisy_samples=0.5))
    batch = drawn.batch(1, 0, 20)
    assert (batch.dominant.argmax(dim=1) == OTHER).all()
    level = 10 * torch.log10((batch.audio**2).mean(dim=1))
    assert (level < -65).any()
    assert (level > -55).any()


def test_short_notes_follow_each_other_until_the_window_is_full(caches):
    clips = caches[16000].clips
    notes = [i for i, clip in enumerate(clips) if clip.kind == "note"]
    audio = source(caches[16000], members=notes).batch(2, 0, 30).audio
    assert (audio[:, -1600:].abs().amax(dim=1) > 0.01).all()


def test_one_label_is_not_enough(caches):
    flutes = [i for i, clip in enumerate(caches[16000].clips) if clip.label == "flute"]
    with pytest.raises(TrainingError, match="fewer than two labels"):
        source(caches[16000], members=flutes)
