"""The model's boundary: what is refused before a night's job starts, and what a good model gives."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import onnx
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from instag.analyse import Analyser
from instag.errors import CannotStartError, ErrorCode, FileError
from instag.labels import LABELS
from instag.model.card import FileRule
from instag.model.onnxfile import NotOnnxError, check_self_contained
from instag.model.session import Device, Model, find_model, open_model
from tests.support.tinymodel import SAMPLE_RATE, frequency_of, tiny_card, write_tiny_model


def test_a_good_model_scores_what_it_hears(tmp_path: Path) -> None:
    model = open_model(write_tiny_model(tmp_path / "tiny.onnx"), Device.CPU)
    time = np.arange(model.card.window_samples) / SAMPLE_RATE
    audio = np.stack([0.5 * np.sin(2 * np.pi * frequency_of(label) * time) for label in LABELS]).astype(np.float32)
    dominant, present = model.score(audio)
    assert [LABELS[i] for i in dominant.argmax(axis=1)] == list(LABELS)
    assert dominant.sum(axis=1) == pytest.approx(np.ones(len(LABELS)), abs=1e-5)
    assert (present.diagonal() > 0.5).all()


@pytest.mark.parametrize("is_installed", [True, False])
def test_cuda_libraries_from_pypi_are_loaded_quietly(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], is_installed: bool
) -> None:
    import onnxruntime

    calls = []

    def preload_dlls(**settings: str) -> None:
        calls.append(settings)
        print("Failed to load libcudart.so")

    monkeypatch.setattr(onnxruntime, "preload_dlls", preload_dlls, raising=False)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object() if is_installed else None)
    path = write_tiny_model(tmp_path / "tiny.onnx")
    open_model(path, Device.CPU)
    assert calls == []
    open_model(path, Device.AUTO)
    assert calls == [{"directory": ""}] * is_installed
    assert capsys.readouterr().out == ""


def test_auto_falls_back_to_the_cpu_where_there_is_no_gpu(tmp_path: Path) -> None:
    model = open_model(write_tiny_model(tmp_path / "tiny.onnx"), Device.AUTO)
    assert model.device in (Device.CPU, Device.CUDA)
    providers = model.session.get_providers()
    assert (model.device is Device.CUDA) == ("CUDAExecutionProvider" in providers)


def test_cuda_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    path = write_tiny_model(tmp_path / "tiny.onnx")
    if open_model(path, Device.AUTO).device is Device.CUDA:
        pytest.skip("this machine has a GPU")
    with pytest.raises(CannotStartError, match="--device cuda"):
        open_model(path, Device.CUDA)


@pytest.mark.parametrize(
    ("card", "says"),
    [
        ("", "no 'instag' document"),
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        (json.dumps({"schema": 99}), "99 in its field 'schema'"),
        ({"schema": 1}, "1 in its field 'schema'"),
        ({"file_rule": None}, "'file_rule'"),
        ({"file_rule": {}}, "'file_rule.silence_floor_dbfs'"),
        ({"file_rule": {**asdict(FileRule()), "least_share": 1.5}}, "'file_rule.least_share'"),
        ({"file_rule": {**asdict(FileRule()), "half_vote_db": True}}, "'file_rule.half_vote_db'"),
        ({"labels": ["a", "b"], "present_thresholds": {"a": 0.5, "b": 0.5}}, "'labels'"),
        ({"sample_rate": "fast"}, "'sample_rate'"),
        ({"sample_rate": 1e12}, "'sample_rate'"),
        ({"window_seconds": None}, "'window_seconds'"),
        ({"present_thresholds": {}}, "'present_thresholds'"),
        ({"review_threshold": 2.0}, "'review_threshold'"),
        ({"file_temperature": 0.0}, "'file_temperature'"),
        ({"model_id": 7}, "'model_id'"),
    ],
)
def test_a_document_that_cannot_be_understood_is_refused_by_field(
    tmp_path: Path, card: str | dict[str, object], says: str
) -> None:
    text = card if isinstance(card, str) else json.dumps({**json.loads(tiny_card().to_json()), **card})
    with pytest.raises(CannotStartError) as caught:
        open_model(write_tiny_model(tmp_path / "bad.onnx", text), Device.CPU)
    assert says in str(caught.value)
    assert "bad.onnx" in str(caught.value)


def test_a_model_with_other_outputs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotStartError, match="output 'dominant'"):
        open_model(write_tiny_model(tmp_path / "narrow.onnx", outputs=5), Device.CPU)


def test_a_missing_or_alien_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotStartError, match="no such file"):
        find_model(str(tmp_path / "absent.onnx"))
    for name, content in (("text.onnx", b"not a model"), ("empty.onnx", b""), ("zip.onnx", b"PK\x03\x04" * 9)):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(CannotStartError, match=name):
            open_model(path, Device.CPU)


def _model_with(**changes: object) -> onnx.ModelProto:
    weights = helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0])
    node = helper.make_node("Mul", ["x", "w"], ["y"], **changes.get("node", {}))  # type: ignore[arg-type]
    value = helper.make_tensor_value_info
    graph = helper.make_graph([node], "g", [value("x", 1, [1])], [value("y", 1, [1])], [weights])
    return helper.make_model(graph, opset_imports=changes.get("opsets", [helper.make_opsetid("", 18)]))  # type: ignore[arg-type]


def test_weights_in_other_files_are_refused() -> None:
    model = _model_with()
    check_self_contained(model.SerializeToString())
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../etc/passwd"
    with pytest.raises(NotOnnxError, match="other files"):
        check_self_contained(model.SerializeToString())


def test_weights_in_other_files_are_found_inside_subgraphs() -> None:
    inner = _model_with().graph
    inner.initializer[0].data_location = TensorProto.EXTERNAL
    branch = helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=_model_with().graph)
    graph = helper.make_graph([branch], "outer", [], [])
    with pytest.raises(NotOnnxError, match="other files"):
        check_self_contained(helper.make_model(graph).SerializeToString())


def test_custom_operators_are_refused() -> None:
    model = _model_with(opsets=[helper.make_opsetid("", 18), helper.make_opsetid("com.evil", 1)])
    with pytest.raises(NotOnnxError, match=r"com\.evil"):
        check_self_contained(model.SerializeToString())


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_mutated_models_are_refused_or_accepted_but_never_crash(data: st.DataObject) -> None:
    whole = bytearray(_model_with().SerializeToString())
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    try:
        check_self_contained(cut)
    except NotOnnxError as error:
        assert str(error)


def test_scores_that_are_no_numbers_fail_the_file_and_not_the_job(tiny_model: Path, tmp_path: Path) -> None:
    class Broken:
        def __init__(self, model: Model) -> None:
            self.card = model.card

        def score(self, audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            nothing = np.full((len(audio), len(self.card.labels)), np.nan, np.float32)
            return nothing, nothing

    model = open_model(tiny_model, Device.CPU)
    path = tmp_path / "sine.wav"
    rate = model.card.sample_rate
    soundfile.write(path, 0.1 * np.sin(np.arange(rate * 4) * 0.3), rate)
    with pytest.raises(FileError, match=r"sine\.wav.*NaN or infinite") as caught:
        Analyser(Broken(model)).analyse(path)
    assert caught.value.code == ErrorCode.NO_SCORES
