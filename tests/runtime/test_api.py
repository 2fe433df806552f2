"""The public API that README shows: stable names, imported when they are used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import instag
from tests.support.tinymodel import SAMPLE_RATE, frequency_of


def test_every_public_name_is_there_and_no_other() -> None:
    assert all(getattr(instag, name) is not None for name in instag.__all__)
    assert dir(instag) == sorted(instag.__all__)
    with pytest.raises(AttributeError, match="analyse_everything"):
        instag.analyse_everything  # noqa: B018


def test_importing_instag_imports_nothing_heavy() -> None:
    code = "import sys, instag; print(*sorted({'numpy', 'onnxruntime', 'soundfile', 'typer'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.strip() == ""


def test_a_recording_is_analysed_in_two_lines(tmp_path: Path, tiny_model: Path) -> None:
    path = tmp_path / "cello.wav"
    time = np.arange(7 * SAMPLE_RATE) / SAMPLE_RATE
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * frequency_of("cello") * time), SAMPLE_RATE)
    result = instag.load_model(tiny_model, device="cpu").analyse(str(path))
    assert isinstance(result, instag.FileResult)
    assert (result.verdict.dominant, len(result.windows.scores)) == ("cello", 7)


def test_what_cannot_be_analysed_is_one_error(tmp_path: Path, tiny_model: Path) -> None:
    with pytest.raises(instag.FileError, match="no such file"):
        instag.load_model(tiny_model, device="cpu").analyse(tmp_path / "absent.wav")
    with pytest.raises(instag.InstagError, match="no model of that name"):
        instag.load_model("absent")
