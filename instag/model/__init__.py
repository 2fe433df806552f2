"""The ONNX model: its card, its session, and what its file must be."""
