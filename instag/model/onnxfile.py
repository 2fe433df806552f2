"""Looks into an ONNX file before onnxruntime does: a foreign model must not make it open other files or libraries.

Only the protobuf wire format is read (https://protobuf.dev/programming-guides/encoding/) along the fields of ONNX's
`onnx.proto` that lead to tensors and operator sets; everything else is stepped over.
"""

from __future__ import annotations

from collections.abc import Iterator

# message -> {field number: message it holds}; from onnx.proto. Only what leads to tensors and operator sets.
_FIELDS: dict[str, dict[int, str]] = {
    "Model": {7: "Graph", 8: "OperatorSet", 25: "Function"},
    "Graph": {1: "Node", 5: "Tensor", 15: "SparseTensor"},
    "Node": {5: "Attribute"},
    "Attribute": {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "SparseTensor", 23: "SparseTensor"},
    "SparseTensor": {1: "Tensor", 2: "Tensor"},
    "Function": {7: "Node", 9: "OperatorSet", 11: "Attribute"},
}
_TENSOR_EXTERNAL_DATA = 13
_TENSOR_DATA_LOCATION = 14
_OPERATOR_SET_DOMAIN = 1
# What onnxruntime implements itself; any other domain needs a library of custom operators.
_BUILT_IN_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
_MAX_DEPTH = 32
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class NotOnnxError(ValueError):
    """The bytes are not an ONNX model, or one that asks for more than the file itself; the text says which."""


def check_self_contained(data: bytes) -> None:
    """Makes sure that a model needs nothing but its own bytes.

    Args:
        data: The whole file.

    Raises:
        NotOnnxError: It is not an ONNX model, keeps weights in other files, or uses custom operators.
    """
    if not any(number == 7 for number, _, _ in _fields(memoryview(data))):
        raise NotOnnxError("is not an ONNX model")
    _walk(memoryview(data), "Model", 0)


def _walk(message: memoryview, kind: str, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise NotOnnxError("is nested too deeply to be a model of ours")
    for number, wire_type, value in _fields(message):
        if kind == "Tensor":
            if number == _TENSOR_EXTERNAL_DATA or (number == _TENSOR_DATA_LOCATION and value != 0):
                raise NotOnnxError("keeps its weights in other files")
        elif kind == "OperatorSet":
            if number == _OPERATOR_SET_DOMAIN and isinstance(value, memoryview):
                domain = bytes(value).decode("utf-8", "replace")
                if domain not in _BUILT_IN_DOMAINS:
                    raise NotOnnxError(f"asks for the custom operators of {domain!r}")
        elif wire_type == _BYTES and isinstance(value, memoryview) and (inner := _FIELDS[kind].get(number)):
            _walk(value, inner, depth + 1)


def _fields(message: memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
    """Yields (field number, wire type, value) of one message."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, wire_type = key >> 3, key & 7
        if number == 0:
            raise NotOnnxError("is not an ONNX model")
        if wire_type == _VARINT:
            value, at = _varint(message, at)
            yield number, wire_type, value
            continue
        if wire_type == _BYTES:
            size, at = _varint(message, at)
        elif wire_type in (_FIXED64, _FIXED32):
            size = 8 if wire_type == _FIXED64 else 4
        else:
            raise NotOnnxError("is not an ONNX model")
        if size > len(message) - at:
            raise NotOnnxError("is not an ONNX model, or one that was cut short")
        yield number, wire_type, message[at : at + size]
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(message) or shift > 63:
            raise NotOnnxError("is not an ONNX model, or one that was cut short")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
        shift += 7
