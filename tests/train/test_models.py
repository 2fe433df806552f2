"""Every architecture: shapes, the ONNX contract, and what its front end shows."""

import numpy as np
import pytest
import torch

from export.onnx_model import check_parity, export_model
from instag.labels import LABELS
from instag.model.card import ModelCard
from train.errors import TrainingError
from train.measure.calibration import Calibrated, Calibration
from train.models import ARCHITECTURES, build
from train.models.blocks import levelled
from train.models.compact import Compact
from train.models.frontend import LogMel, PowerSpectrogram
from train.models.morlet import Morlet
from train.models.nine_stft import NineStft
from train.models.pann import Cnn14, MobileNetV1, Pann
from train.models.three_stft import ThreeStft

SMALL = {
    "nine_stft": lambda: NineStft(widths=(4, 4), hidden=8),
    "three_stft": lambda: ThreeStft(widths=(4, 4, 4, 4), hidden=8),
    "pann_cnn14": lambda: Pann(Cnn14((4, 4, 4, 4, 4, 8))),
    "pann_mobilenet": lambda: Pann(MobileNetV1((4,) * 13 + (8,))),
    "morlet": lambda: Morlet(widths=(4, 8)),
    "compact": lambda: Compact(widths=(4, 8)),
    "yamnet": lambda: build("yamnet", {}),
    "mn04": lambda: build("mn04", {}),
}


def test_every_architecture_is_tested():
    assert set(SMALL) == set(ARCHITECTURES)


@pytest.mark.parametrize("name", SMALL)
def test_architecture_exports_with_parity(name, tmp_path):
    torch.manual_seed(0)
    system = SMALL[name]()
    windows = torch.randn(4, round(3 * system.sample_rate)) * 0.1
    system.train()
    system(windows)  # batch norms take statistics that are not the default ones
    module = Calibrated(system.eval(), Calibration(dominant_temperature=0.7))
    card = ModelCard(
        model_id=f"test-{name}",
        version="0",
        labels=LABELS,
        sample_rate=system.sample_rate,
        window_seconds=system.window_seconds,
        review_threshold=0.5,
        present_thresholds=dict.fromkeys(LABELS, 0.5),
        licence="none",
    )
    path = export_model(module, card, tmp_path / "model.onnx")
    assert check_parity(module, path) <= 1e-4
    with torch.no_grad():
        dominant, present = module(windows)
    assert dominant.shape == present.shape == (4, 12)
    assert torch.allclose(dominant.sum(dim=1), torch.ones(4), atol=1e-5)


@pytest.mark.parametrize("name", SMALL)
def test_a_frozen_front_end_has_no_gradients(name):
    system = SMALL[name]()
    audio = torch.randn(2, round(3 * system.sample_rate)) * 0.1
    for spectrum in system.spectra(audio):
        assert spectrum.dtype == torch.float32
        assert not spectrum.requires_grad
        assert torch.isfinite(spectrum).all()


def test_unknown_architecture_and_setting_are_named():
    with pytest.raises(TrainingError, match="no architecture 'resnet'"):
        build("resnet", {})
    with pytest.raises(TrainingError, match="no setting 'depth'"):
        build("compact", {"depth": 3})


def test_band_spectrogram_is_a_cut_of_the_fourier_transform():
    rng = np.random.default_rng(0)
    audio = rng.normal(size=4096).astype(np.float32)
    view = PowerSpectrogram(22050, 1024, 512, 1000.0, 4000.0)
    got = view(torch.from_numpy(audio)[None])[0].numpy()
    reference = torch.stft(
        torch.from_numpy(audio), 1024, 512, window=torch.hann_window(1024), center=True, return_complex=True
    )
    power = (reference.abs() ** 2).numpy()
    centres = np.arange(513) * 22050 / 1024
    expected = power[(centres >= 1000) & (centres < 4000)]
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-3)


def test_a_band_without_bins_is_refused():
    with pytest.raises(ValueError, match="no bin"):
        PowerSpectrogram(22050, 256, 128, 10.0, 20.0)


def test_log_mel_puts_a_tone_into_the_right_band():
    time = np.arange(16000) / 16000
    front = LogMel(16000, 512, 160, 64, 50.0, 7800.0)
    tones = torch.tensor(np.stack([np.sin(2 * np.pi * f * time) for f in (300.0, 3000.0)]), dtype=torch.float32)
    bands = front(tones).mean(dim=2).argmax(dim=1)
    nearest = [round(tone * 512 / 16000) for tone in (300.0, 3000.0)]
    assert bands.tolist() == front.bank[:, nearest].argmax(dim=0).tolist()


@pytest.mark.parametrize("name", ["compact", "morlet"])
def test_level_of_a_recording_changes_nothing(name):
    system = SMALL[name]()
    audio = torch.randn(1, round(3 * system.sample_rate)) * 0.02
    quiet, loud = (system.spectra(audio * gain)[0] for gain in (0.2, 10.0))
    assert torch.allclose(quiet, loud, atol=1e-3)


def test_silence_stays_quieter_than_music():
    audio = torch.randn(1, 16000)
    rms = levelled(audio * torch.tensor([[0.1], [1e-5]])).square().mean(dim=1).sqrt()
    assert rms.tolist() == pytest.approx([0.1, 1e-3], rel=0.05)
    assert levelled(torch.zeros(1, 16)).tolist() == [[0.0] * 16]


def test_nine_views_are_three_lengths_by_three_ranges():
    system = NineStft(widths=(4,), hidden=8)
    shapes = [tuple(s.shape[1:]) for s in system.spectra(torch.zeros(1, 66150))]
    frames = [shape[1] for shape in shapes]
    assert len(shapes) == 9
    assert frames[0] == frames[1] == frames[2] < frames[3] < frames[6]
    assert [view.centres_hz[0] < 1000 for view in system.views] == [True, False, False] * 3
