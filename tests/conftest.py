"""What many tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from tinymodel import write_tiny_model


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model under the ONNX contract, the same file for the whole session."""
    return write_tiny_model(tmp_path_factory.mktemp("model") / "tiny.onnx")
