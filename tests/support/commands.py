"""Running the command line as users do: in a process of its own, on recordings that the test makes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import soundfile

import instag
from tests.support import synth
from tests.support.tinymodel import frequency_of


def use_tiny_model(monkeypatch: pytest.MonkeyPatch, tiny_model: Path) -> None:
    """Lets commands run in any folder, on the CPU, with the tiny model, and with no other setting of the user's."""
    for name in list(os.environ):
        if name.startswith("INSTAG_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("INSTAG_MODEL", str(tiny_model))
    monkeypatch.setenv("INSTAG_DEVICE", "cpu")
    # Commands run in other folders find the same instag that the tests import.
    monkeypatch.setenv("PYTHONPATH", str(Path(instag.__file__).parents[1]))


def recording(path: Path, label: str, seconds: float = 3.0) -> Path:
    """Writes the tone that the tiny model takes for a label."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, synth.tone(frequency_of(label), seconds), 44_100)
    return path


def run(*words: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """Runs `instag` and waits for it; `more` goes to subprocess.run."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.run([sys.executable, "-m", "instag", *words], **{**streams, "text": True, "timeout": 120, **more})


def run_in_shell(line: str) -> subprocess.CompletedProcess[str]:
    """Runs a line of the shell in which `instag` is the command."""
    shell = f"instag() {{ '{sys.executable}' -m instag \"$@\"; }}\n{line}"
    return subprocess.run(["/bin/sh", "-c", shell], capture_output=True, text=True, timeout=120)
