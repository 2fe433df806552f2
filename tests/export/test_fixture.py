"""`python -m export fixture`: the scores that `instag doctor` checks."""

from __future__ import annotations

import shutil
from pathlib import Path

from typer.testing import CliRunner

from export.__main__ import app
from instag.model.fixture import fixture_path, read_fixture


def test_the_command_writes_a_fixture_that_fits(tmp_path: Path, tiny_model: Path) -> None:
    path = Path(shutil.copy(tiny_model, tmp_path / "tiny.onnx"))
    done = CliRunner().invoke(app, ["fixture", str(path)])
    assert done.exit_code == 0, done.output
    fixture = read_fixture(path)
    assert fixture is not None
    assert f"{fixture_path(path)}: {len(fixture.sounds)} windows" in done.output
