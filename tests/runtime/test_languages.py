"""Labels in other languages: on the terminal, and nowhere else."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from instag.labels import LABELS
from instag.languages import NAMES
from tests.support.commands import recording, run, use_tiny_model


@pytest.fixture(autouse=True)
def _plain_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_model: Path) -> None:
    use_tiny_model(monkeypatch, tiny_model)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("code", NAMES)
def test_every_language_has_a_word_of_its_own_for_every_label(code: str) -> None:
    assert tuple(NAMES[code]) == LABELS
    assert len(set(NAMES[code].values())) == len(LABELS)


def test_the_terminal_speaks_the_language_and_files_stay_english() -> None:
    recording(Path("a.wav"), "electric_guitar")
    assert "a.wav: chitarra elettrica (" in run("tag", "a.wav", "--language", "it").stdout
    done = run("tag", "a.wav", "-o", "table.csv", "--write-tags", "--sidecar", "-v", "--language", "DE")
    assert "a.wav: E-Gitarre (" in done.stderr
    with Path("table.csv").open(newline="") as file:
        [row] = csv.DictReader(file)
    assert row["dominant"] == "electric_guitar"
    assert '"dominant": "electric_guitar"' in Path("a.wav.instag.json").read_text()
    shown = run("show", "a.wav", "--language", "fr").stdout
    assert "Most likely dominant: guitare électrique (" in shown and "In catalogues, guitare électrique is:" in shown
    assert "INSTRUMENT: electric guitar" in shown


def test_a_language_that_is_not_known_is_refused() -> None:
    recording(Path("a.wav"), "cello")
    for command in ("tag", "show"):
        refused = run(command, "a.wav", "--language", "klingon")
        assert refused.returncode == 2 and "--language klingon: must be one of en, de, fr, it, es." in refused.stderr
