from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from train.corpus.manifest import load_clip, read_manifest
from train.errors import TrainingError
from train.models.yamnet_body import FRAME, HOP, SAMPLE_RATE, LogMel, YamnetBody, pretrained_body, read_pretrained


def mel_matrix() -> np.ndarray:
    """Triangles over a few bins, nothing at both ends, as the real one."""
    mel = np.zeros((64, 257), np.float32)
    for band in range(64):
        mel[band, 4 + 3 * band : 8 + 3 * band] = (0.2, 0.6, 0.6, 0.2)
    return mel


def plain_log_mel(audio: np.ndarray, mel: np.ndarray, first: int, frames: int) -> np.ndarray:
    """The front end as it is defined: frames, Hann window, FFT, magnitude, mel, logarithm."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)
    starts = first + HOP * np.arange(frames)
    framed = np.stack([audio[at : at + FRAME] * window for at in starts])
    return np.log(np.abs(np.fft.rfft(framed, 512)) @ mel.T + 0.001)


@pytest.mark.parametrize(("samples", "patches", "first"), [(15600, 1, 0), (48000, 3, 5 * HOP), (16000, 1, HOP)])
def test_the_folded_front_end_is_the_plain_one(samples: int, patches: int, first: int) -> None:
    rng = np.random.default_rng(0)
    audio = rng.normal(0, 0.1, samples)
    mel = mel_matrix()
    expected = plain_log_mel(audio, mel, first, 96 * patches)
    got = LogMel(mel, patches)(torch.from_numpy(audio[None].astype(np.float32)))
    assert got.shape == (1, patches, 96, 64)
    np.testing.assert_allclose(got.numpy().reshape(-1, 64), expected, atol=2e-4)


def test_audio_that_is_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="less than 3 patches"):
        LogMel(mel_matrix(), 3)(torch.zeros(1, 16000))


def test_of_several_places_the_loudest_is_heard_whatever_the_batch() -> None:
    front_end = LogMel(mel_matrix(), patches=1, places=5)
    rng = np.random.default_rng(0)
    audio = rng.normal(0, 0.01, (4, 48000))
    step = (298 - 96) * HOP // 4
    for row, place in enumerate((0, 3, 4)):
        audio[row, place * step : place * step + 8000] *= 20
    got = front_end(torch.from_numpy(audio.astype(np.float32)))
    for row, place in enumerate((0, 3, 4, 0)):  # of equals the first
        # Within rounding of the starts to whole frames.
        expected = plain_log_mel(audio[row], mel_matrix(), (298 - 96) * place // 4 * HOP, 96)
        np.testing.assert_allclose(got[row, 0].numpy(), expected, atol=2e-4)


def test_patches_do_not_see_each_other_and_the_batch_does_not_matter() -> None:
    body = YamnetBody(mel_matrix(), patches=3, width=0.25).eval()
    for layer in body.modules():
        if isinstance(layer, torch.nn.Conv2d):  # the usual random start lets next to nothing through so many layers
            torch.nn.init.kaiming_normal_(layer.weight)
    audio = torch.randn(2, 48000) * 0.1
    other = audio.clone()
    other[:, 34000:] = 0.0  # within the third patch
    with torch.no_grad():
        whole, changed, alone = body(audio), body(other), body(audio[1:])
    assert whole.shape == (2, 3, 256)
    torch.testing.assert_close(whole[:, :2], changed[:, :2])
    assert not torch.allclose(whole[:, 2], changed[:, 2])
    torch.testing.assert_close(whole[1:], alone, atol=1e-5, rtol=1e-4)


def test_what_is_not_the_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "yamnet.tflite"
    path.write_bytes(b"\0" * 100)
    with pytest.raises(TrainingError, match=r"yamnet\.tflite"):
        read_pretrained(path)


@pytest.mark.corpus
@pytest.mark.skipif("INSTAG_CORPUS" not in os.environ, reason="INSTAG_CORPUS does not point to the corpus")
def test_real_clips_score_as_in_litert() -> None:
    interpreter_module = pytest.importorskip("ai_edge_litert.interpreter")
    corpus = Path(os.environ["INSTAG_CORPUS"])
    model = corpus.parent / "pretrained" / "yamnet.tflite"
    interpreter = interpreter_module.Interpreter(str(model), num_threads=1)
    interpreter.allocate_tensors()
    pretrained = read_pretrained(model)
    body = pretrained_body(pretrained, patches=1).eval()
    weight, bias = torch.from_numpy(pretrained.class_weight), torch.from_numpy(pretrained.class_bias)
    clips = [clip for clip in read_manifest(corpus / "manifest.csv") if clip.seconds > 2]
    differences, same_best = [], []
    for position in np.random.default_rng(0).choice(len(clips), 100, replace=False):
        audio = load_clip(clips[position], SAMPLE_RATE)[:15600]
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], audio)
        interpreter.invoke()
        expected = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]
        with torch.no_grad():
            got = torch.sigmoid(body(torch.from_numpy(audio[None]))[:, 0] @ weight.T + bias)[0].numpy()
        differences.append(np.abs(got - expected))
        same_best.append(got.argmax() == expected.argmax())
    # LiteRT computes in 8 bits (its last step alone is 0.35 wide in logits), so single scores may be further off.
    assert np.mean(differences, axis=0).max() <= 0.02
    assert np.max(differences) <= 0.15
    assert np.mean(same_best) >= 0.93
