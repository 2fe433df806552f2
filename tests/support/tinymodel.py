"""A tiny model under the ONNX contract: twelve tones, one for each label, and the loudest tone dominates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from instag.labels import LABELS
from instag.model.card import METADATA_KEY, ModelCard

SAMPLE_RATE = 8_000
WINDOW_SECONDS = 1.0
# A major scale or so from 220 Hz up, far enough apart for kernels of 64 ms.
FREQUENCIES_HZ = tuple(200.0 + 150.0 * i for i in range(len(LABELS)))
_KERNEL = 512


def frequency_of(label: str) -> float:
    """The tone that the tiny model takes for an instrument."""
    return FREQUENCIES_HZ[LABELS.index(label)]


def tiny_card(**changes: object) -> ModelCard:
    """The tiny model's card."""
    values: dict[str, object] = {
        "model_id": "tiny",
        "version": "1.0.0",
        "labels": LABELS,
        "sample_rate": SAMPLE_RATE,
        "window_seconds": WINDOW_SECONDS,
        "review_threshold": 0.5,
        "present_thresholds": dict.fromkeys(LABELS, 0.5),
        "licence": "Apache-2.0",
        "limits": ("It knows sines only.",),
    }
    return ModelCard(**{**values, **changes})  # type: ignore[arg-type]


def write_tiny_model(path: Path, card_json: str | None = None, outputs: int = len(LABELS)) -> Path:
    """Writes the tiny model.

    Args:
        path: Where to.
        card_json: Its `instag` document; the tiny card's by default, none at all where it is "".
        outputs: Number of columns of both outputs.
    """
    time = np.arange(_KERNEL) / SAMPLE_RATE
    window = np.hanning(_KERNEL)
    tones = np.array(FREQUENCIES_HZ[:outputs])[:, None] * time
    bank = np.concatenate([np.cos(2 * np.pi * tones), np.sin(2 * np.pi * tones)]) * window / _KERNEL
    constants = {
        "bank": bank[:, None, :].astype(np.float32),
        "one": np.array([1], np.int64),
        "tiny": np.array(1e-5, np.float32),
        "gain": np.array(3.0, np.float32),
        "loud": np.array(2.0, np.float32),
    }
    nodes = [
        helper.make_node("Unsqueeze", ["audio", "one"], ["x"]),
        helper.make_node("Conv", ["x", "bank"], ["y"], strides=[256]),
        helper.make_node("Mul", ["y", "y"], ["power"]),
        helper.make_node("Split", ["power"], ["re", "im"], axis=1, num_outputs=2),
        helper.make_node("Add", ["re", "im"], ["both"]),
        helper.make_node("ReduceMean", ["both"], ["mean"], axes=[2], keepdims=0),
        helper.make_node("Add", ["mean", "tiny"], ["floored"]),
        helper.make_node("Log", ["floored"], ["log"]),
        helper.make_node("Mul", ["log", "gain"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["dominant"], axis=1),
        helper.make_node("Div", ["floored", "tiny"], ["ratio"]),
        helper.make_node("Log", ["ratio"], ["above"]),
        helper.make_node("Sub", ["above", "loud"], ["shifted"]),
        helper.make_node("Sigmoid", ["shifted"], ["present"]),
    ]
    samples = round(SAMPLE_RATE * WINDOW_SECONDS)
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("audio", TensorProto.FLOAT, ["batch", samples])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", outputs])
            for name in ("dominant", "present")
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    for node in model.graph.node:
        if node.op_type == "ReduceMean":  # axes became an input in opset 18
            del node.attribute[:]
            node.attribute.append(helper.make_attribute("keepdims", 0))
            node.input.append("two")
    model.graph.initializer.append(numpy_helper.from_array(np.array([2], np.int64), "two"))
    text = tiny_card().to_json() if card_json is None else card_json
    if text:
        entry = model.metadata_props.add()
        entry.key, entry.value = METADATA_KEY, text
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path
