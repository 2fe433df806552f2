"""The models that ship, one ONNX file each."""
