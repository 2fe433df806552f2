"""The model: onnxruntime's home. Raw audio in, scores out; everything else the model says of itself in its card."""

from __future__ import annotations

import contextlib
import importlib.util
import io
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from instag.errors import CannotStartError
from instag.labels import LABELS
from instag.model.card import METADATA_KEY, ModelCard, parse_card
from instag.model.onnxfile import NotOnnxError, check_self_contained
from instag.results import Samples, Scores

MODELS_FOLDER = Path(__file__).parents[1] / "models"
DEFAULT_MODEL = "instag"
_CUDA = "CUDAExecutionProvider"
_CPU = "CPUExecutionProvider"


class Device(StrEnum):
    """Where the model runs."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


@dataclass(frozen=True)
class Model:
    """A loaded model.

    Attributes:
        card: What the model says of itself.
        device: Where it really runs, `cpu` or `cuda`.
        session: onnxruntime's session.
    """

    card: ModelCard
    device: Device
    session: Any

    def score(self, audio: Samples) -> tuple[Scores, Scores]:
        """Scores windows.

        Args:
            audio: (batch, samples) float32 in -1..1, mono at the card's sample rate.

        Returns:
            scores (batch, labels) float32, rows sum to 1; presences (batch, labels) float32 in 0..1.
        """
        scores, presences = self.session.run(["dominant", "present"], {"audio": audio})
        return scores, presences


def shipped_models() -> list[str]:
    """Names of the models that ship, for `--model`."""
    return sorted(path.stem for path in MODELS_FOLDER.glob("*.onnx"))


def find_model(name: str) -> Path:
    """The file behind `--model`: the name of a shipped model, or a path.

    Raises:
        CannotStartError: There is no such model.
    """
    shipped = MODELS_FOLDER / f"{name}.onnx"
    if name in shipped_models():
        return shipped
    path = Path(name)
    if path.is_file():
        return path
    raise CannotStartError(
        f"--model {name}: there is no such file, and no model of that name ships with instag.",
        f"Give the path of an ONNX file, or one of: {', '.join(shipped_models()) or 'none'}.",
    )


def open_model(path: Path, device: Device = Device.AUTO) -> Model:
    """Loads and checks a model.

    Args:
        path: An ONNX file under the contract of docs/model-contract.md.
        device: `cuda` insists on a GPU; `auto` takes one where there is one.

    Raises:
        CannotStartError: The file is no usable model, or the device cannot be had.
    """
    import onnxruntime as ort

    remedy = "Use a model that `python -m export` wrote, or leave --model out."
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CannotStartError(f"{path}: the model cannot be read ({error.strerror}).", remedy) from None
    try:
        check_self_contained(data)
    except NotOnnxError as error:
        raise CannotStartError(f"{path}: the model {error}.", remedy) from None

    # A GPU that cannot be used is told in our own words.
    ort.set_default_logger_severity(4)
    providers = _providers(device, ort.get_available_providers())
    if _CUDA in providers:
        _load_cuda_from_pypi(ort)
    options = ort.SessionOptions()
    # Files are the unit of parallelism; a second thread inside one small model made it slower.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(data, options, providers=providers)
    except Exception as error:  # onnxruntime's exceptions have no base class but Exception.
        reason = str(error).strip().splitlines()[-1:] or ["no reason given"]
        raise CannotStartError(f"{path}: onnxruntime cannot load the model ({reason[0]}).", remedy) from None

    used = Device.CUDA if _CUDA in session.get_providers() else Device.CPU
    if device is Device.CUDA and used is not Device.CUDA:
        raise CannotStartError(
            "--device cuda: onnxruntime cannot use a GPU here.",
            "Check the driver and the CUDA libraries, or use --device cpu.",
        )
    text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    if text is None:
        raise CannotStartError(f"{path}: the model has no 'instag' document in its metadata.", remedy)
    card = parse_card(text, str(path))
    if card.labels != LABELS:
        raise CannotStartError(
            f"{path}: the model's field 'labels' is {', '.join(card.labels)}; instag needs {', '.join(LABELS)}.",
            remedy,
        )
    model = Model(card, used, session)
    _check_outputs(model, path, remedy)
    return model


def _providers(device: Device, available: list[str]) -> list[str]:
    if device is Device.CPU or _CUDA not in available:
        return [_CPU]
    return [_CUDA, _CPU]


def _load_cuda_from_pypi(ort: Any) -> None:
    """Loads the CUDA libraries of the packages `nvidia-*`, where they are installed; the system's are found anyway."""
    preload_dlls = getattr(ort, "preload_dlls", None)  # from onnxruntime 1.21 on
    if preload_dlls is None or importlib.util.find_spec("nvidia") is None:
        return
    # It prints what it does not find; whether the GPU starts is told in our own words.
    with contextlib.redirect_stdout(io.StringIO()):
        preload_dlls(directory="")


def _check_outputs(model: Model, path: Path, remedy: str) -> None:
    """Runs two windows of silence: names, shapes and ranges must be the contract's before a night's job starts."""
    shape = (2, len(LABELS))
    try:
        dominant, present = model.score(np.zeros((2, model.card.window_samples), np.float32))
    except Exception as error:  # onnxruntime's exceptions have no base class but Exception.
        reason = str(error).strip().splitlines()[-1:] or ["no reason given"]
        raise CannotStartError(f"{path}: the model does not keep the contract ({reason[0]}).", remedy) from None
    for name, output in (("dominant", dominant), ("present", present)):
        usable = isinstance(output, np.ndarray) and output.shape == shape and output.dtype == np.float32
        if not usable or not np.isfinite(output).all() or output.min() < 0 or output.max() > 1:
            raise CannotStartError(f"{path}: the model's output '{name}' is not {shape} float32 in 0..1.", remedy)
    if not np.allclose(dominant.sum(axis=1), 1.0, atol=1e-3):
        raise CannotStartError(f"{path}: the model's output 'dominant' does not sum to 1.", remedy)
