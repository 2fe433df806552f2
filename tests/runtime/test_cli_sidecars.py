"""Sidecars and tags through the command line: read-only masters, damaged strangers, and the way back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from instag.table import open_table
from instag.table.rows import AssignedBy
from tests.support.commands import recording, run, use_tiny_model


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch, tiny_model: Path) -> None:
    use_tiny_model(monkeypatch, tiny_model)


@pytest.fixture
def masters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    recording(tmp_path / "masters/one.wav", "cello")
    recording(tmp_path / "masters/reel 7/two.wav", "piano")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "masters"


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_tree_of_sidecars_is_written_and_removed(masters: Path) -> None:
    before = files(masters)
    planned = run("tag", "masters", "--sidecar-dir", "notes", "--dry-run")
    assert "notes/reel 7/two.wav.instag.json: would be made" in planned.stdout and not Path("notes").exists()
    done = run("tag", "masters", "--sidecar-dir", "notes")
    assert done.returncode == 0, done.stderr
    assert files(Path("notes")) == ["one.wav.instag.json", "reel 7/two.wav.instag.json"] and files(masters) == before
    document = json.loads(Path("notes/reel 7/two.wav.instag.json").read_text())
    assert (document["dominant"], document["assigned_by"]) == ("piano", "machine")
    Path("notes/mine.txt").write_text("mine")
    assert "2 files: 2 would be untagged" in run("untag", "masters", "--sidecar-dir", "notes", "--dry-run").stderr
    undone = run("untag", "masters", "--sidecar-dir", "notes")
    assert undone.returncode == 0 and "2 untagged" in undone.stderr
    assert files(Path("notes")) == ["mine.txt"] and files(masters) == before


def test_the_root_of_the_table_is_the_root_of_the_tree(masters: Path) -> None:
    where = ("--sidecar-dir", "notes", "--root", ".")
    done = run("tag", "masters/reel 7", "-o", "table.csv", *where)
    assert done.returncode == 0, done.stderr
    assert files(Path("notes")) == ["masters/reel 7/two.wav.instag.json"]
    assert "1 untagged" in run("untag", "masters", *where).stderr and files(Path("notes")) == []


def test_untag_over_damaged_strangers_is_no_failure(masters: Path) -> None:
    (masters / "broken.flac").write_bytes(b"fLaC" + bytes(2000))
    (masters / "cut.wav").write_bytes((masters / "one.wav").read_bytes()[:60])
    (masters / "empty.mp3").touch()
    originals = {path: path.read_bytes() for path in masters.rglob("*.wav")}
    run("tag", "masters/one.wav", "masters/reel 7", "--write-tags")
    undone = run("untag", "masters")
    assert undone.returncode == 0 and "5 files: 2 untagged, 0 failed" in undone.stderr, undone.stderr
    assert {path: path.read_bytes() for path in masters.rglob("*.wav")} == originals


def test_a_file_whose_confidence_was_deleted_is_untagged_all_the_same(masters: Path) -> None:
    import mutagen

    original = (masters / "one.wav").read_bytes()
    run("tag", "masters/one.wav", "--write-tags")
    wave = mutagen.File(masters / "one.wav")
    del wave.tags["TXXX:INSTRUMENT_CONFIDENCE"]
    wave.save(padding=lambda info: 0)
    undone = run("untag", "masters/one.wav")
    assert undone.returncode == 0 and "1 untagged" in undone.stderr
    assert (masters / "one.wav").read_bytes() == original


def test_a_sidecar_says_whether_a_machine_or_a_person_gave_the_label(masters: Path) -> None:
    assert run("tag", "masters", "-o", "table.csv", "-q").returncode == 0
    table = open_table(Path("table.csv"))
    first, second = list(table.rows())
    review = {"reviewed_label": "organ", "reviewed_by": "Anna", "reviewed_at": "2026-02-03T04:05:06+00:00"}
    table.append(replace(first, assigned_by=AssignedBy.PERSON, **review))
    table.append(replace(second, reviewed_by="accepted unheard", reviewed_at=review["reviewed_at"]))
    table.finish()
    assert run("tag", "masters", "-o", "table.csv", "--sidecar", "-q").returncode == 0
    heard = json.loads(Path("masters/one.wav.instag.json").read_text())
    assert (heard["assigned_by"], heard["dominant"], heard["reviewed_label"]) == ("person", "cello", "organ")
    assert list(heard["identifiers"]) == ["organ", "cello"]
    accepted = json.loads(Path("masters/reel 7/two.wav.instag.json").read_text())
    assert (accepted["assigned_by"], accepted["dominant"], accepted["reviewed_label"]) == ("machine", "piano", None)
    assert accepted["reviewed_by"] == "accepted unheard"
