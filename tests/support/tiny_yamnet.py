"""A TensorFlow Lite file laid out as yamnet.tflite is, with weights from a fixed random generator."""

from __future__ import annotations

from pathlib import Path

import flatbuffers
import librosa
import numpy as np
import tflite

from train.models.yamnet_body import BLOCKS, CLASSES, EMBEDDING, FFT_SIZE, MEL_BANDS, SAMPLE_RATE


class _Writer:
    """Collects tensors and operators, and puts the file together from the leaves up, as FlatBuffers wants it."""

    def __init__(self) -> None:
        self.builder = flatbuffers.Builder(1 << 23)
        self.buffers: list[int] = []
        self.tensors: list[int] = []
        self.operators: list[int] = []
        self.codes: list[int] = []

    def tensor(self, values: np.ndarray, axis: int | None = None) -> int:
        """Adds a constant; with an axis it is stored in 8 bits, with one scale per index of that axis."""
        quantisation = None
        if axis is not None:
            others = tuple(i for i in range(values.ndim) if i != axis)
            scale = np.abs(values).max(axis=others, keepdims=True).astype(np.float32) / np.float32(127)
            values = np.round(values / scale).astype(np.int8)
            scales, zeros = self._vector(scale.ravel()), self._vector(np.zeros(scale.size, np.int64))
            tflite.QuantizationParametersStart(self.builder)
            tflite.QuantizationParametersAddScale(self.builder, scales)
            tflite.QuantizationParametersAddZeroPoint(self.builder, zeros)
            tflite.QuantizationParametersAddQuantizedDimension(self.builder, axis)
            quantisation = tflite.QuantizationParametersEnd(self.builder)
        data, shape = self._vector(values.ravel().view(np.uint8)), self._vector(np.array(values.shape, np.int32))
        tflite.BufferStart(self.builder)
        tflite.BufferAddData(self.builder, data)
        self.buffers.append(tflite.BufferEnd(self.builder))
        tflite.TensorStart(self.builder)
        tflite.TensorAddShape(self.builder, shape)
        tflite.TensorAddType(self.builder, tflite.TensorType.INT8 if axis is not None else tflite.TensorType.FLOAT32)
        tflite.TensorAddBuffer(self.builder, len(self.buffers) - 1)
        if quantisation is not None:
            tflite.TensorAddQuantization(self.builder, quantisation)
        self.tensors.append(tflite.TensorEnd(self.builder))
        return len(self.tensors) - 1

    def operator(self, kind: int, *constants: int) -> None:
        """Adds an operator; what it computes on is no constant and stands first, as tensor 0."""
        inputs = self._vector(np.array([0, *constants], np.int32))
        if kind not in self.codes:
            self.codes.append(kind)
        tflite.OperatorStart(self.builder)
        tflite.OperatorAddOpcodeIndex(self.builder, self.codes.index(kind))
        tflite.OperatorAddInputs(self.builder, inputs)
        self.operators.append(tflite.OperatorEnd(self.builder))

    def write(self, path: Path) -> Path:
        """Puts everything together."""
        codes = []
        for kind in self.codes:
            tflite.OperatorCodeStart(self.builder)
            tflite.OperatorCodeAddDeprecatedBuiltinCode(self.builder, kind)
            tflite.OperatorCodeAddBuiltinCode(self.builder, kind)
            codes.append(tflite.OperatorCodeEnd(self.builder))
        tensors, operators = self._offsets(self.tensors), self._offsets(self.operators)
        tflite.SubGraphStart(self.builder)
        tflite.SubGraphAddTensors(self.builder, tensors)
        tflite.SubGraphAddOperators(self.builder, operators)
        graphs = self._offsets([tflite.SubGraphEnd(self.builder)])
        buffers, all_codes = self._offsets(self.buffers), self._offsets(codes)
        tflite.ModelStart(self.builder)
        tflite.ModelAddVersion(self.builder, 3)
        tflite.ModelAddOperatorCodes(self.builder, all_codes)
        tflite.ModelAddSubgraphs(self.builder, graphs)
        tflite.ModelAddBuffers(self.builder, buffers)
        self.builder.Finish(tflite.ModelEnd(self.builder), file_identifier=b"TFL3")
        path.write_bytes(bytes(self.builder.Output()))
        return path

    def _vector(self, values: np.ndarray) -> int:
        return int(self.builder.CreateNumpyVector(np.ascontiguousarray(values)))

    def _offsets(self, offsets: list[int]) -> int:
        self.builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self.builder.PrependUOffsetTRelative(offset)
        return int(self.builder.EndVector())


def write_yamnet(path: Path, seed: int = 0) -> Path:
    """Writes the file: YAMNet's own shapes, published mel matrix, convolutions in 8 bits as published."""
    rng = np.random.default_rng(seed)
    writer = _Writer()
    writer.tensor(np.zeros(1, np.float32))  # in the place of the audio
    mel = librosa.filters.mel(
        sr=SAMPLE_RATE, n_fft=FFT_SIZE, n_mels=MEL_BANDS, fmin=125, fmax=7500, htk=True, norm=None
    )
    writer.operator(tflite.BuiltinOperator.FULLY_CONNECTED, writer.tensor(mel.astype(np.float32)))

    def convolve(kind: int, shape: tuple[int, ...], axis: int, inputs: int) -> None:
        weight = rng.normal(0, (2 / inputs) ** 0.5, shape).astype(np.float32)
        bias = rng.normal(0, 0.1, shape[axis]).astype(np.float32)
        writer.operator(kind, writer.tensor(weight, axis), writer.tensor(bias))

    convolve(tflite.BuiltinOperator.CONV_2D, (32, 3, 3, 1), 0, 9)
    channels = 32
    for wider, _ in BLOCKS:
        convolve(tflite.BuiltinOperator.DEPTHWISE_CONV_2D, (1, 3, 3, channels), 3, 9)
        convolve(tflite.BuiltinOperator.CONV_2D, (wider, 1, 1, channels), 0, channels)
        channels = wider
    classes = rng.normal(0, 0.03, (CLASSES, EMBEDDING)).astype(np.float32)
    bias = rng.normal(0, 0.1, CLASSES).astype(np.float32)
    writer.operator(tflite.BuiltinOperator.FULLY_CONNECTED, writer.tensor(classes, 0), writer.tensor(bias))
    return writer.write(path)
