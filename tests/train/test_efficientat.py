from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from train.models.ear import EarConfig, load_ear, save_ear, untrained_ear
from train.models.efficientat import LevelNormaliser, MelFrontEnd, Mn04, kaldi_mel_bank, load_mn04


def plain_mel(audio: np.ndarray, rate: int) -> np.ndarray:
    """The front end as it is defined: pre-emphasis, centred frames, symmetric Hann window, FFT, mel, logarithm."""
    size, length, hop = round(0.032 * rate), round(0.025 * rate), rate // 100
    emphasised = audio[1:] - 0.97 * audio[:-1]
    padded = np.pad(emphasised, size // 2, mode="reflect")
    window = np.zeros(size)
    first = (size - length) // 2
    window[first : first + length] = np.hanning(length)
    frames = np.stack([padded[at : at + size] * window for at in range(0, len(emphasised) + 1, hop)])
    power = np.abs(np.fft.rfft(frames)[:, :-1]) ** 2
    return (np.log(power @ kaldi_mel_bank(rate, size).T + 1e-5) + 4.5) / 5


@pytest.mark.parametrize("rate", [16_000, 24_000, 32_000])
def test_the_two_stage_transform_is_the_plain_one(rate: int) -> None:
    rng = np.random.default_rng(1)
    audio = rng.normal(0, 0.1, (2, 3 * rate))
    with torch.no_grad():
        mel = MelFrontEnd(rate)(torch.from_numpy(audio.astype(np.float32))).numpy()
    assert mel.shape == (2, 1, 128, 300)
    for row, samples in zip(mel, audio, strict=True):
        np.testing.assert_allclose(row[0].T, plain_mel(samples, rate), atol=1e-3)


def test_a_rate_without_whole_columns_is_refused() -> None:
    with pytest.raises(ValueError, match="22050"):
        MelFrontEnd(22_050)


@pytest.mark.parametrize("gain_db", [-50, -20, 0])
def test_the_level_of_a_window_does_not_matter(gain_db: int) -> None:
    audio = torch.from_numpy(np.random.default_rng(2).normal(0, 0.1, (1, 9_000)).astype(np.float32))
    normalise = LevelNormaliser()
    torch.testing.assert_close(normalise(audio * 10 ** (gain_db / 20) + 1e-3), normalise(audio), atol=1e-4, rtol=1e-4)


def test_silence_stays_silent() -> None:
    assert LevelNormaliser()(torch.zeros(2, 100)).abs().max() == 0


def test_a_checkpoint_comes_back(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = untrained_ear(Mn04(), EarConfig())
    save_ear(tmp_path / "ear.pt", net, EarConfig(), {"version": "9"})
    back, document = load_ear(tmp_path / "ear.pt")
    audio = torch.randn(2, 72_000)
    with torch.no_grad():
        for mine, its in zip(net(audio), back(audio), strict=True):
            torch.testing.assert_close(mine, its)
    assert document == {"kind": "instag-mn04", "version": "9"}


def test_another_file_is_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match=r"other\.pt: this is not EfficientAT"):
        load_mn04(tmp_path / "other.pt")


@pytest.mark.corpus
@pytest.mark.skipif("INSTAG_CORPUS" not in os.environ, reason="INSTAG_CORPUS does not point to the corpus")
def test_the_published_weights_give_the_published_numbers() -> None:
    folder = Path(os.environ["INSTAG_CORPUS"]).parent / "pretrained"
    wanted = json.loads((folder / "mn04_conformance.json").read_text())
    time = np.arange(96_000) / 32_000
    signal = 0.3 * np.sin(2 * np.pi * 440 * time) + 0.2 * np.exp(-time) * np.sin(2 * np.pi * 880 * time)
    signal += 0.05 * np.sin(2 * np.pi * (200 + 300 * time) * time)
    network = load_mn04(folder / "mn04_as_mAP_432.pt")
    with torch.no_grad():
        mel = MelFrontEnd(32_000)(torch.from_numpy(signal.astype(np.float32))[None])
        pooled, logits = network.pooled(mel), network(mel)
    np.testing.assert_allclose(mel[0, 0, :8, 0], wanted["mel_first_frame_first_8"], atol=1e-3)
    np.testing.assert_allclose(pooled[0, :8], wanted["pooled_384_first_8"], atol=1e-3)
    np.testing.assert_allclose(logits[0, :8], wanted["logits_527_first_8"], atol=1e-3)
    assert float(logits.sum()) == pytest.approx(wanted["logits_527_sum"], rel=1e-5)


def test_an_old_checkpoint_has_no_hidden_layer_and_a_new_one_keeps_its_own(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = EarConfig(any_hidden=4)
    net = untrained_ear(Mn04(), config)
    audio = torch.randn(2, 72_000)
    with torch.no_grad():
        before = net(audio)[0]
        net.head.correction[-1].bias.fill_(3.0)
        assert (net(audio)[0][:, :-1] > before[:, :-1]).all(), "surer that one of the eleven is heard"
    save_ear(tmp_path / "ear.pt", net, config, {})
    with torch.no_grad():
        torch.testing.assert_close(load_ear(tmp_path / "ear.pt")[0](audio), net(audio))
    content = torch.load(tmp_path / "ear.pt", weights_only=True)
    content["net"] = {"frozen": 8, "sample_rate": 24_000}
    content["state"] = {name: value for name, value in content["state"].items() if "correction" not in name}
    torch.save(content, tmp_path / "old.pt")
    assert load_ear(tmp_path / "old.pt")[0].head.correction is None
