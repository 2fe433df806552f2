from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from export.onnx_model import ExportError, check_parity, export_model, open_session, read_card, run_session
from instag.labels import LABELS
from instag.model.card import ModelCard
from train.measure.calibration import Calibrated, Calibration
from train.models.heads import NetConfig

CARD = ModelCard(
    model_id="test",
    version="0.1",
    labels=LABELS,
    sample_rate=16000,
    window_seconds=3.0,
    review_threshold=0.4,
    present_thresholds=dict.fromkeys(LABELS, 0.5),
    licence="CC0-1.0",
    recipe={"architecture": "yamnet"},
)


@pytest.fixture(scope="module")
def module() -> Calibrated:
    torch.manual_seed(0)
    return Calibrated(NetConfig(width=0.125).build(), Calibration(dominant_temperature=0.7)).eval()


@pytest.fixture(scope="module")
def path(module: Calibrated, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_model(module, CARD, tmp_path_factory.mktemp("model") / "model.onnx")


def test_onnxruntime_says_what_pytorch_says(module: Calibrated, path: Path) -> None:
    assert check_parity(module, path) <= 1e-4
    other = Calibrated(NetConfig(width=0.125).build(), Calibration()).eval()
    with pytest.raises(ExportError, match="differ"):
        check_parity(other, path)


@pytest.mark.parametrize("bias", [-300.0, -30.0, 30.0, 300.0])
def test_scores_stay_numbers_however_sure_the_network_is(bias: float, tmp_path: Path) -> None:
    net = NetConfig(width=0.125).build()
    with torch.no_grad():
        net.head.any.bias.fill_(bias)
    certain = Calibrated(net, Calibration(dominant_temperature=0.3)).eval()
    session = open_session(export_model(certain, CARD, tmp_path / "certain.onnx"))
    for scores in run_session(session, np.zeros((2, 48000), np.float32)):
        assert np.isfinite(scores).all()


def test_the_file_keeps_the_contract(path: Path) -> None:
    model = onnx.load(path)
    assert [one.name for one in model.graph.input] == ["audio"]
    assert [one.name for one in model.graph.output] == ["dominant", "present"]
    assert read_card(path) == CARD
    session = open_session(path)
    assert session.get_inputs()[0].shape[1] == 48000
    for batch in (1, 2, 7):
        dominant, present = run_session(session, np.zeros((batch, 48000), np.float32))
        assert dominant.shape == present.shape == (batch, 12)
        np.testing.assert_allclose(dominant.sum(axis=1), 1.0, atol=1e-5)
        assert (present >= 0).all() and (present <= 1).all()


def test_nothing_of_the_exporting_machine_is_in_the_file(path: Path) -> None:
    data = path.read_bytes()
    for name in (str(Path.cwd()), str(Path(torch.__file__).parent), "site-packages"):
        assert name.encode() not in data
    model = onnx.load(path)
    assert not any(tensor.external_data for tensor in model.graph.initializer)
    assert not any(node.metadata_props for node in model.graph.node)


def test_a_card_that_does_not_fit_is_refused(module: Calibrated, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="rate and window"):
        export_model(module, replace(CARD, sample_rate=8000), tmp_path / "model.onnx")
    with pytest.raises(ExportError, match="labels"):
        export_model(module, replace(CARD, labels=LABELS[::-1]), tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())
