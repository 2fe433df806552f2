"""Fixtures that many tests share, and which tests this environment can run."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.tinymodel import write_tiny_model

# Training, export and their benchmarks need PyTorch and what comes with it; the runtime is tested without.
HAS_TRAINING = all(find_spec(name) is not None for name in ("torch", "tflite", "audiomentations", "onnxscript"))
collect_ignore = [] if HAS_TRAINING else ["train", "export", "benchmarks"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says what is left out, also with `-q`."""
    if not HAS_TRAINING:
        terminalreporter.write_line(
            "Training and export were NOT tested: their packages are not installed (see CONTRIBUTING.md)."
        )


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model under the ONNX contract, the same file for the whole session."""
    return write_tiny_model(tmp_path_factory.mktemp("model") / "tiny.onnx")
