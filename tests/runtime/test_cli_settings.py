"""Settings files: what a job was told comes back, whatever it was."""

from __future__ import annotations

import json
import os
import tempfile
import tomllib
from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from instag.cli import app
from instag.cli.settings import read_settings, write_settings
from tests.support.commands import recording, use_tiny_model

runner = CliRunner()
PARAMS = typer.main.get_command(app).commands["tag"].params

names = st.binary(min_size=1, max_size=12).filter(lambda name: b"\0" not in name).map(os.fsdecode)
patterns = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


@pytest.fixture(autouse=True)
def _in_a_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_model: Path) -> None:
    use_tiny_model(monkeypatch, tiny_model)
    monkeypatch.chdir(tmp_path)


@given(
    inputs=st.lists(names.map(Path), min_size=1, max_size=3),
    include=st.lists(patterns, min_size=1, max_size=3),
    output=names.map(Path),
    overlap=st.floats(0, 1e9),
    jobs=st.integers(1, 1024),
    write_tags=st.booleans(),
)
def test_what_is_written_is_read_back(**values: object) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.toml"
        write_settings(path, PARAMS, values)
        read = read_settings(path, PARAMS)
    paths = {"inputs": [Path(name) for name in read["inputs"]], "output": Path(read["output"])}
    assert {**read, **paths} == values


def test_a_job_is_repeated(tmp_path: Path) -> None:
    recording(tmp_path / "a/one.wav", "cello")
    recording(tmp_path / "a/two.wav", "piano")
    words = ["a", "--exclude", "two*", "--overlap", "0.25", "-o", "t.jsonl", "--write-tags"]
    first = runner.invoke(app, ["tag", *words, "--save-settings", "job.toml"])
    assert first.exit_code == 0, first.output
    told = tomllib.loads(Path("job.toml").read_text())
    assert (told["paths"], told["overlap"], told["write_tags"], told["exclude"]) == (["a"], 0.25, True, ["two*"])
    assert not {"dry_run", "quiet", "events", "save_settings"} & set(told)
    table = Path("t.jsonl").read_bytes()
    again = runner.invoke(app, ["tag", "--settings", "job.toml"])
    assert "1 file: 0 analysed, 1 done before" in again.output
    assert Path("t.jsonl").read_bytes() == table
    # What is typed comes first, and the rest still holds.
    other = runner.invoke(app, ["tag", "--settings", "job.toml", "--overlap", "0", "--dry-run"])
    assert "a/one.wav: would be analysed and tagged" in other.output and "two.wav" not in other.output
    assert "2 to analyse" not in other.output


def result_of(table: Path) -> dict[str, object]:
    """The one row of a table, without the time of its analysis."""
    record = json.loads(table.read_text())
    return {name: value for name, value in record.items() if name != "analysed_at"}


def test_a_job_that_is_repeated_elsewhere_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["a", "--overlap", "0.25", "--windows", "w.csv", "--sidecar-dir", "notes", "-o", "t.jsonl"]
    for name in ("first", "second"):
        folder = tmp_path / name
        recording(folder / "a/one.wav", "cello", 4.0)
        os.utime(folder / "a/one.wav", ns=(10**18, 10**18))
        monkeypatch.chdir(folder)
        told = [*words, "--save-settings", "../job.toml"] if name == "first" else ["--settings", "../job.toml"]
        done = runner.invoke(app, ["tag", *told])
        assert done.exit_code == 0, done.output
    first, second = tmp_path / "first", tmp_path / "second"
    assert (first / "w.csv").read_bytes() == (second / "w.csv").read_bytes()
    assert result_of(first / "t.jsonl") == result_of(second / "t.jsonl")
    assert (second / "notes/one.wav.instag.json").exists()


def test_the_settings_in_a_row_are_enough_to_repeat_it(tmp_path: Path, tiny_model: Path) -> None:
    recording(tmp_path / "one.wav", "cello", 4.0)
    first = runner.invoke(app, ["tag", "one.wav", "--overlap", "0.25", "--batch-size", "1", "-o", "t.jsonl"])
    assert first.exit_code == 0, first.output
    said = result_of(Path("t.jsonl"))
    told = dict(word.split("=") for word in str(said["settings"]).split())
    assert told == {"overlap_seconds": "0.25"}  # besides the model, whose name and version have columns of their own
    words = [str(said["path"]), "--overlap", told["overlap_seconds"], "--model", str(tiny_model)]
    assert runner.invoke(app, ["tag", *words, "-o", "again.jsonl"]).exit_code == 0
    assert result_of(Path("again.jsonl")) == said


def test_a_dry_run_writes_no_settings(tmp_path: Path) -> None:
    recording(tmp_path / "one.wav", "cello")
    done = runner.invoke(app, ["tag", "one.wav", "--dry-run", "--save-settings", "job.toml"])
    assert "job.toml: would be made" in done.output and not Path("job.toml").exists()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("write_tag = true", "no setting 'write_tag'"),
        ("dry_run = true", "no setting 'dry_run'"),
        ("jobs = '2'", "'jobs' must be a number"),
        ("jobs = true", "'jobs' must be a number"),
        ("write_tags = 1", "'write_tags' must be true or false"),
        ("include = 'x'", "'include' must be a list of strings"),
        ("paths = [1]", "'paths' must be a list of strings"),
        ("output = ['t.csv']", "'output' must be a string"),
        ("jobs = 0\npaths = ['one.wav']", "whole number"),
        ("paths = ['']", "the path is empty"),
        ("jobs =", "not a TOML file"),
        (b"\xff", "not a TOML file"),
        (None, "cannot be read"),
    ],
)
def test_what_is_no_settings_file_is_a_sentence(content: str | bytes | None, says: str) -> None:
    if content is not None:
        Path("job.toml").write_bytes(content if isinstance(content, bytes) else content.encode())
    done = runner.invoke(app, ["tag", "--settings", "job.toml"])
    assert done.exit_code == 2 and says in " ".join(done.output.split()), done.output


def test_a_file_of_somebody_else_is_not_replaced(tmp_path: Path) -> None:
    recording(tmp_path / "one.wav", "cello")
    Path("theirs.toml").write_text("[tool]\n")
    for name in ("theirs.toml", "job.txt"):
        done = runner.invoke(app, ["tag", "one.wav", "--save-settings", name])
        assert done.exit_code == 2 and name in done.output
    assert Path("theirs.toml").read_text() == "[tool]\n"
    assert runner.invoke(app, ["tag", "one.wav", "--save-settings", "no/job.toml"]).exit_code == 3
    assert runner.invoke(app, ["tag", "one.wav", "--save-settings", "job.toml"]).exit_code == 0
    assert runner.invoke(app, ["tag", "one.wav", "--save-settings", "job.toml", "--force"]).exit_code == 0
    assert tomllib.loads(Path("job.toml").read_text())["force"] is True
