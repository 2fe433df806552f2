"""A trained module to one ONNX file under the contract, and the proof that both say the same."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import nn

from instag.labels import LABELS
from instag.model.card import METADATA_KEY, ModelCard, parse_card
from train.errors import TrainingError

OPSET = 18
PARITY_TOLERANCE = 1e-4


class ExportError(TrainingError):
    """The module cannot be exported under the contract."""


def export_model(module: nn.Module, card: ModelCard, path: Path) -> Path:
    """Writes `module` as ONNX: `audio` in, `dominant` and `present` out, the card in the metadata.

    Args:
        module: (batch, samples) to two (batch, labels) probabilities, with `sample_rate` and `window_seconds`.
        card: Its document; rate and window must be the module's.
        path: The file to write.

    Raises:
        ExportError: Card and module do not agree, or the graph breaks the contract.
    """
    if card.sample_rate != module.sample_rate or card.window_seconds != module.window_seconds:
        raise ExportError(f"{path}: the card's rate and window are not the module's.")
    if tuple(card.labels) != LABELS:
        raise ExportError(f"{path}: the card's labels are not the project's.")
    module = module.eval()
    example = torch.zeros(2, card.window_samples)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    program = torch.onnx.export(
        module,
        (example,),
        dynamo=True,
        external_data=False,
        opset_version=OPSET,
        input_names=["audio"],
        output_names=["dominant", "present"],
        dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=4096)},),
        verbose=False,
    )
    model = program.model_proto
    clean(model)
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, card.to_json()
    onnx.checker.check_model(model, full_check=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.write_bytes(model.SerializeToString())
    partial.replace(path)
    return path


def clean(model: onnx.ModelProto) -> None:
    """Takes out what tells of the exporting machine: source paths in the nodes' metadata and documentation."""
    del model.metadata_props[:]
    graph = model.graph
    for thing in (graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        del thing.metadata_props[:]
        thing.doc_string = ""
    del graph.value_info[:]
    for function in model.functions:
        del function.metadata_props[:]
        for node in function.node:
            del node.metadata_props[:]


def open_session(path: Path, threads: int = 1) -> onnxruntime.InferenceSession:
    """The file in onnxruntime on the CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def read_card(path: Path) -> ModelCard:
    """The document in an exported file."""
    session = open_session(path)
    return parse_card(session.get_modelmeta().custom_metadata_map[METADATA_KEY], path.name)


def run_session(
    session: onnxruntime.InferenceSession, audio: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(batch, samples) to (dominant, present)."""
    dominant, present = session.run(["dominant", "present"], {"audio": audio})
    return dominant, present


def check_parity(
    module: nn.Module, path: Path, audio: NDArray[np.float32] | None = None, tolerance: float = PARITY_TOLERANCE
) -> float:
    """Compares PyTorch and onnxruntime on real or made-up windows, in batches of 1 and more.

    Args:
        module: What was exported.
        path: The ONNX file.
        audio: (batch, samples) windows; noise, a tone, silence and full scale where None.
        tolerance: Largest difference allowed on either output.

    Returns:
        The largest difference.

    Raises:
        ExportError: They differ by more than `tolerance`.
    """
    if audio is None:
        audio = _test_windows(round(module.sample_rate * module.window_seconds), module.sample_rate)
    session = open_session(path)
    module = module.eval()
    worst = 0.0
    for batch in (audio[:1], audio):
        with torch.no_grad():
            expected = [output.numpy() for output in module(torch.from_numpy(batch))]
        for want, got in zip(expected, run_session(session, batch), strict=True):
            if want.shape != got.shape or not np.isfinite(got).all():
                raise ExportError(f"{path}: onnxruntime gave {got.shape} or numbers that are none.")
            worst = max(worst, float(np.abs(want - got).max()))
    if worst > tolerance:
        raise ExportError(f"{path}: PyTorch and onnxruntime differ by {worst:.2e}, allowed are {tolerance:.0e}.")
    return worst


def _test_windows(samples: int, rate: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(0)
    time = np.arange(samples) / rate
    tone = 0.3 * np.sin(2 * np.pi * 440 * time) + 0.1 * np.sin(2 * np.pi * 1320 * time)
    noise = rng.normal(0, 0.1, samples)
    square = np.sign(np.sin(2 * np.pi * 110 * time))
    return np.stack([noise, tone, np.zeros(samples), square, tone * np.exp(-time), noise * 1e-3]).astype(np.float32)
