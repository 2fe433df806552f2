"""8-bit versions of an exported file, for old machines."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from export.onnx_model import ExportError, clean, open_session, run_session

# Of windows whose most likely label must stay the same.
LEAST_AGREEMENT = 0.95
# Of the convolutions, those that stay as they are: the block that widens to the embedding. Its channels' ranges are far
# apart, and half of all labels that changed in 8 bits changed here.
KEPT = slice(-4, -2)


class _Windows(CalibrationDataReader):
    """Hands out windows one batch at a time."""

    def __init__(self, audio: NDArray[np.float32], batch: int = 8) -> None:
        self._batches: Iterator[NDArray[np.float32]] = iter(np.array_split(audio, max(1, len(audio) // batch)))

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """The next batch, or None."""
        batch = next(self._batches, None)
        return None if batch is None else {"audio": batch}


def quantise(path: Path, audio: NDArray[np.float32]) -> float:
    """Replaces an exported file by its 8-bit version: convolutions only, weights per channel.

    The front end stays, and so do the convolutions of `KEPT`.

    Args:
        path: The ONNX file, written by `export_model`.
        audio: (windows, samples) real windows; ranges of activations are taken from them.

    Returns:
        The share of the windows whose most likely label stayed the same.

    Raises:
        ExportError: It changed for too many.
    """
    before, _ = run_session(open_session(path), audio)
    model = onnx.load(path)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    convolutions = [node.name for node in model.graph.node if node.op_type == "Conv"]
    with tempfile.TemporaryDirectory() as folder:
        quantised = Path(folder) / "quantised.onnx"
        quantize_static(
            path,
            quantised,
            _Windows(audio),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "Clip"],
            nodes_to_exclude=convolutions[KEPT],
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        model = onnx.load(quantised)
    clean(model)
    onnx.helper.set_model_props(model, metadata)
    onnx.checker.check_model(model, full_check=True)
    after_path = path.with_name(f".{path.name}.partial")
    after_path.write_bytes(model.SerializeToString())
    after, _ = run_session(open_session(after_path), audio)
    same = float((before.argmax(axis=1) == after.argmax(axis=1)).mean())
    if same < LEAST_AGREEMENT:
        after_path.unlink()
        raise ExportError(f"{path}: only {100 * same:.1f} % of the windows keep their label in 8 bits.")
    after_path.replace(path)
    return same
