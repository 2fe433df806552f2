"""PANN backbones against the published ones' numbers, and strict loading."""

import json
import os
from pathlib import Path

import librosa
import numpy as np
import pytest
import torch

from train.errors import TrainingError
from train.models.pann import Cnn14, MobileNetV1, Pann, fill_backbone


def fixed_weights(network):
    """The conformance file's rule: fixed pseudo-random weights."""
    state = network.state_dict()
    for name, tensor in state.items():
        if name.startswith(("spectrogram_extractor", "logmel_extractor")):
            continue
        if tensor.dim() >= 2:
            fraction = np.sin(12.9898 * np.arange(tensor.numel(), dtype=np.float64) + 78.233) * 43758.5453
            fraction -= np.floor(fraction)
            values = (2 * fraction - 1) * np.sqrt(6 / np.prod(tensor.shape[1:]))
            tensor.copy_(torch.from_numpy(values.astype(np.float32)).reshape(tensor.shape))
        elif name.endswith("bias"):
            tensor.zero_()
    state["bn0.running_mean"].fill_(-40.0)
    state["bn0.running_var"].fill_(400.0)
    return state


def two_tones():
    n = np.arange(64000)
    tones = 0.3 * np.sin(2 * np.pi * 440 * n / 32000) + 0.1 * np.sin(2 * np.pi * 1234.5 * n / 32000)
    return torch.from_numpy(tones.astype(np.float32))[None]


@pytest.mark.corpus
@pytest.mark.skipif("INSTAG_CORPUS" not in os.environ, reason="INSTAG_CORPUS names no corpus folder")
@pytest.mark.parametrize(("name", "network"), [("Cnn14", Cnn14), ("MobileNetV1", MobileNetV1)])
def test_published_networks_are_reproduced(name, network, tmp_path):
    path = Path(os.environ["INSTAG_CORPUS"]).parent / "pretrained" / "pann_conformance.json"
    expected = json.loads(path.read_text())[name]
    backbone = network()
    state = fixed_weights(backbone)
    assert {key: list(tensor.shape) for key, tensor in state.items()} == expected["state_dict"]
    torch.save({"model": state}, tmp_path / "published.pth")
    fresh = network().eval()
    fill_backbone(fresh, tmp_path / "published.pth")
    with torch.no_grad():
        embedding = fresh.embed(fresh.log_mel(two_tones()))
        classes = fresh.clipwise(embedding)
    reference = np.array(expected["embedding_first_32"])
    assert fresh.embedding_size == expected["embedding_size"][0]
    assert embedding.norm().item() == pytest.approx(expected["embedding_norm"], rel=1e-3)
    np.testing.assert_allclose(embedding[0, :32], reference, rtol=1e-3, atol=1e-3 * np.abs(reference).max())
    np.testing.assert_allclose(classes[0, :16], expected["clipwise_first_16"], rtol=1e-3)


def test_front_end_is_slaneys_log_mel_of_a_centred_power_spectrum():
    audio = two_tones()
    spectrum = torch.stft(audio[0], 1024, 320, window=torch.hann_window(1024), center=True, return_complex=True)
    bank = librosa.filters.mel(sr=32000, n_fft=1024, n_mels=64, fmin=50, fmax=14000)
    expected = 10 * np.log10(np.maximum(bank @ (spectrum.abs() ** 2).numpy(), 1e-10))
    got = MobileNetV1((4,) * 14).log_mel(audio)[0].numpy()
    assert got.shape == expected.shape
    loud = expected > -60  # beneath, single precision decides
    assert loud.mean() > 0.1
    np.testing.assert_allclose(got[loud], expected[loud], atol=0.05)


def test_pooled_maps_are_a_thirty_second_of_the_spectrum():
    for backbone in (Cnn14((2, 2, 2, 2, 2, 4)), MobileNetV1((2,) * 13 + (4,))):
        assert backbone.eval().convolve(torch.zeros(1, 1, 301, 64)).shape[2:] == (9, 2)


def test_checkpoint_loads_strictly(tmp_path):
    small = (4,) * 14
    source = MobileNetV1(small)
    path = tmp_path / "MobileNetV1.pth"
    torch.save({"model": fixed_weights(source), "iteration": 1}, path)
    target = MobileNetV1(small)
    fill_backbone(target, path)
    assert all(
        torch.equal(a, b) for a, b in zip(target.state_dict().values(), source.state_dict().values(), strict=True)
    )
    with pytest.raises(TrainingError, match=r"MobileNetV1.pth.*does not fit Cnn14"):
        Pann(Cnn14((4,) * 6), str(path))
    incomplete = source.state_dict()
    del incomplete["fc_audioset.bias"]
    torch.save({"model": incomplete}, path)
    with pytest.raises(TrainingError, match=r"fc_audioset\.bias"):
        fill_backbone(target, path)


@pytest.mark.parametrize("content", [b"", b"no checkpoint at all"])
def test_an_unreadable_checkpoint_is_named(content, tmp_path):
    path = tmp_path / "broken.pth"
    path.write_bytes(content)
    with pytest.raises(TrainingError, match=r"broken.pth"):
        fill_backbone(MobileNetV1((4,) * 14), path)


def test_a_checkpoint_without_model_is_refused(tmp_path):
    torch.save({"weights": {}}, tmp_path / "other.pth")
    with pytest.raises(TrainingError, match="no 'model'"):
        fill_backbone(MobileNetV1((4,) * 14), tmp_path / "other.pth")
