"""YAMNet in PyTorch: the pretrained network's weights out of its TensorFlow Lite file, dequantised.

The front end is framing, a folded discrete Fourier transform as two matrix products, and the mel matrix that the file
holds. The body works on patches of 96 frames, as it was trained: its last layers depend on the 3 x 2 map that they
leave.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tflite
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from train.errors import TrainingError

SAMPLE_RATE = 16_000
FRAME, HOP, FFT_SIZE = 400, 160, 512
PATCH_FRAMES, MEL_BANDS, EMBEDDING = 96, 64, 1024
LOG_OFFSET = 0.001
CLASSES = 521
# (channels out, stride) of the depthwise-separable blocks after the first convolution, which gives 32 channels.
BLOCKS = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *(((512, 1),) * 5), (1024, 2), (1024, 1),
)  # fmt: skip


class LogMel(nn.Module):
    """Waveform to log-mel patches.

    Args:
        mel: (64, 257) matrix from magnitudes to mel bands.
        patches: How many patches of 96 frames are taken, one after the other.
        places: From how many places, evenly spread over the audio, they may be taken: the loudest of them, or with one
            place the middle.
    """

    def __init__(self, mel: NDArray[np.float32], patches: int, places: int = 1) -> None:
        super().__init__()
        self.patches = patches
        self.places = places
        used = np.flatnonzero(mel.any(axis=0))
        bins = np.arange(used[0], used[-1] + 1)
        self.register_buffer("mel", torch.from_numpy(mel[:, bins].T.copy()))
        # The periodic Hann window is symmetric about sample 200 (and 0 at sample 0), and phase does not matter to a
        # magnitude: so cosines see the sum and sines the difference of the frame's two halves, at half the work.
        offsets = np.arange(FRAME // 2)
        window = 0.5 - 0.5 * np.cos(2 * np.pi * (FRAME // 2 + offsets) / FRAME)
        angles = 2 * np.pi * offsets[:, None] * bins[None, :] / FFT_SIZE
        cosine = window[:, None] * np.cos(angles)
        cosine[0] *= 0.5  # the centre sample is in both halves of the sum
        self.register_buffer("cosine", torch.from_numpy(cosine.astype(np.float32)))
        self.register_buffer("sine", torch.from_numpy((window[:, None] * np.sin(angles)).astype(np.float32)))

    def forward(self, audio: Tensor) -> Tensor:
        """(batch, samples) to (batch, patches, 96, 64)."""
        frames = self.patches * PATCH_FRAMES
        spare = (audio.shape[1] - FRAME) // HOP + 1 - frames
        if spare < 0:
            raise ValueError(
                f"{audio.shape[1]} samples hold less than {self.patches} patches of {PATCH_FRAMES} frames."
            )
        step = HOP // 2
        span = (frames * 2 + 3) * step
        starts = [spare // 2] if self.places == 1 else [spare * i // (self.places - 1) for i in range(self.places)]
        chosen = self._loudest([audio[:, start * HOP : start * HOP + span] for start in starts])
        pieces = chosen.reshape(audio.shape[0], frames * 2 + 3, step)
        framed = torch.cat([pieces[:, k : k + 2 * frames - 1 : 2] for k in range(5)], dim=2)
        later = framed[:, :, FRAME // 2 :]
        earlier = framed[:, :, 1 : FRAME // 2 + 1].flip(2)
        real = (later + earlier) @ self.cosine
        imaginary = (later - earlier) @ self.sine
        magnitude = torch.sqrt(real * real + imaginary * imaginary)
        return torch.log(magnitude @ self.mel + LOG_OFFSET).unflatten(1, (self.patches, PATCH_FRAMES))

    @staticmethod
    def _loudest(stretches: list[Tensor]) -> Tensor:
        """Of (batch, samples) each, in every row the one with the most energy."""
        if len(stretches) == 1:
            return stretches[0]
        stacked = torch.stack(stretches, dim=1)
        # In steps of 0.75 dB, the earlier of equals: rounding errors must not decide, or PyTorch and ONNX would differ.
        steps = torch.round(4 * torch.log2(stacked.square().mean(dim=2) + 1e-10))
        order = torch.arange(len(stretches), dtype=steps.dtype)
        loudest = (steps * len(stretches) - order).argmax(dim=1)
        # A masked sum: gathering would tie the exported graph to one batch size.
        wanted = functional.one_hot(loudest, len(stretches)).to(stacked.dtype)
        return (stacked * wanted[:, :, None]).sum(dim=1)


class _Convolution(nn.Module):
    """A convolution with TensorFlow's SAME padding, and ReLU6. Batch norm is folded into weight and bias."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int, groups: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(
            channels_in, channels_out, kernel, stride, padding=kernel // 2 if stride == 1 else 0, groups=groups
        )
        self.asymmetric = stride == 2

    def forward(self, maps: Tensor) -> Tensor:
        # Every map that is halved has even sides, where SAME means one row and column more at the end only.
        padded = functional.pad(maps, (0, 1, 0, 1)) if self.asymmetric else maps
        return functional.relu6(self.convolution(padded))


class YamnetBody(nn.Module):
    """Waveform to one 1024-vector a patch.

    Args:
        mel: (64, 257) mel matrix.
        patches: Patches a window.
        width: Factor on the channels.
        blocks: (channels, stride) of the blocks.
        places: Where the patches may be taken from; see `LogMel`.
    """

    def __init__(
        self,
        mel: NDArray[np.float32],
        patches: int = 3,
        width: float = 1.0,
        blocks: tuple[tuple[int, int], ...] = BLOCKS,
        places: int = 1,
    ) -> None:
        super().__init__()
        self.front_end = LogMel(mel, patches, places)
        channels = round(32 * width)
        layers: list[nn.Module] = [_Convolution(1, channels, 3, 2)]
        for full, stride in blocks:
            wider = round(full * width)
            layers += [
                _Convolution(channels, channels, 3, stride, groups=channels),
                _Convolution(channels, wider, 1, 1),
            ]
            channels = wider
        self.layers = nn.Sequential(*layers)
        self.embedding = channels

    def embed(self, patches: Tensor) -> Tensor:
        """(batch, patches, 96, 64) to (batch, patches, embedding)."""
        maps = patches.flatten(0, 1).unsqueeze(1).contiguous(memory_format=torch.channels_last)
        return self.layers(maps).mean(dim=(2, 3)).unflatten(0, (-1, patches.shape[1]))

    def forward(self, audio: Tensor) -> Tensor:
        """(batch, samples) to (batch, patches, embedding)."""
        return self.embed(self.front_end(audio))


_REMEDY = "Give the published yamnet.tflite."


@dataclass(frozen=True)
class Pretrained:
    """What the file holds.

    Attributes:
        mel: (64, 257) float32.
        convolutions: Weights (out, in / groups, height, width) and biases, in the order of the body's layers.
        class_weight: (521, 1024) float32.
        class_bias: (521,) float32.
    """

    mel: NDArray[np.float32]
    convolutions: tuple[tuple[NDArray[np.float32], NDArray[np.float32]], ...]
    class_weight: NDArray[np.float32]
    class_bias: NDArray[np.float32]


def read_pretrained(path: Path) -> Pretrained:
    """Reads `yamnet.tflite`.

    Raises:
        TrainingError: The file cannot be read, or is not that network; the message says what was missing.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TrainingError(f"{path}: the network cannot be read ({error.strerror}).", _REMEDY) from error
    if not tflite.Model.ModelBufferHasIdentifier(data, 0):
        raise TrainingError(f"{path}: not a TensorFlow Lite file.", _REMEDY)
    model = tflite.Model.GetRootAs(data, 0)
    graph = model.Subgraphs(0)
    mel = None
    convolutions = []
    classes = None
    for position in range(graph.OperatorsLength()):
        operator = graph.Operators(position)
        code = model.OperatorCodes(operator.OpcodeIndex())
        kind = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        inputs = [int(i) for i in operator.InputsAsNumpy()]
        if kind in (tflite.BuiltinOperator.CONV_2D, tflite.BuiltinOperator.DEPTHWISE_CONV_2D):
            weight = _tensor(model, graph.Tensors(inputs[1]))
            depthwise = kind == tflite.BuiltinOperator.DEPTHWISE_CONV_2D
            order = (3, 0, 1, 2) if depthwise else (0, 3, 1, 2)
            bias = _tensor(model, graph.Tensors(inputs[2]))
            convolutions.append((np.ascontiguousarray(weight.transpose(order)), bias))
        elif kind == tflite.BuiltinOperator.FULLY_CONNECTED:
            weight = _tensor(model, graph.Tensors(inputs[1]))
            if weight.shape == (MEL_BANDS, FFT_SIZE // 2 + 1):
                mel = weight
            elif weight.shape == (CLASSES, EMBEDDING):
                classes = (weight, _tensor(model, graph.Tensors(inputs[2])))
    if mel is None or classes is None or len(convolutions) != 1 + 2 * len(BLOCKS):
        raise TrainingError(
            f"{path}: not YAMNet (mel matrix: {mel is not None}, classes: {classes is not None}, "
            f"{len(convolutions)} convolutions, {1 + 2 * len(BLOCKS)} expected).",
            _REMEDY,
        )
    return Pretrained(mel, tuple(convolutions), *classes)


def _tensor(model: tflite.Model, tensor: tflite.Tensor) -> NDArray[np.float32]:
    """A constant of the file as float32."""
    kinds = {tflite.TensorType.FLOAT32: np.float32, tflite.TensorType.INT8: np.int8, tflite.TensorType.INT32: np.int32}
    raw = model.Buffers(tensor.Buffer()).DataAsNumpy()
    values = np.frombuffer(raw.tobytes(), kinds[tensor.Type()]).reshape(tensor.ShapeAsNumpy()).astype(np.float32)
    quantisation = tensor.Quantization()
    if quantisation is None or not quantisation.ScaleLength():
        return values
    axis = [1] * values.ndim
    axis[quantisation.QuantizedDimension()] = -1
    scale = quantisation.ScaleAsNumpy().astype(np.float32).reshape(axis)
    zero = quantisation.ZeroPointAsNumpy().astype(np.float32).reshape(axis)
    return (values - zero) * scale


def pretrained_body(pretrained: Pretrained, patches: int = 3) -> YamnetBody:
    """The body with the pretrained weights."""
    body = YamnetBody(pretrained.mel, patches)
    with torch.no_grad():
        for layer, (weight, bias) in zip(body.layers, pretrained.convolutions, strict=True):
            layer.convolution.weight.copy_(torch.from_numpy(weight))
            layer.convolution.bias.copy_(torch.from_numpy(bias))
    return body.to(memory_format=torch.channels_last)
