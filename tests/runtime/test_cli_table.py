"""The commands that work on tables: verify, list, prune, merge, and a second run of tag."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import sqlite3
from dataclasses import replace
from pathlib import Path

import mutagen
import pytest
from mutagen.id3 import TIT2

from instag import tags
from instag.table import open_table
from instag.table.rows import COLUMNS, AssignedBy
from tests.support.commands import recording, run, use_tiny_model


@pytest.fixture
def folder(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with three recordings, one of which is no audio."""
    use_tiny_model(monkeypatch, tiny_model)
    monkeypatch.chdir(tmp_path)
    recording(tmp_path / "in" / "a.wav", "cello")
    recording(tmp_path / "in" / "b.wav", "piano")
    (tmp_path / "in" / "c.wav").write_bytes(b"no audio at all, but long enough to be looked at")
    return tmp_path


def rows_of(path: Path) -> dict[str, dict[str, str]]:
    return {row["path"]: row for row in csv.DictReader(path.read_text("utf-8").splitlines())}


def review(path: Path, name: str, label: str) -> None:
    """Writes a person's word into a table, as `instag review` does."""
    table = open_table(path)
    [row] = [row for row in table.rows() if row.path == name]
    table.append(
        replace(
            row,
            assigned_by=AssignedBy.PERSON,
            reviewed_label=label,
            reviewed_by="Ada",
            reviewed_at="2026-01-01T00:00:00+00:00",
        )
    )
    table.finish()


def test_verify_counts_rows_that_it_cannot_read(folder: Path) -> None:
    assert run("tag", "-q", "in/a.wav", "in/b.wav", "-o", "t.csv").returncode == 0
    assert run("verify", "t.csv").returncode == 0
    header, first, second, _ = (folder / "t.csv").read_bytes().split(b"\r\n")
    (folder / "header_only.csv").write_bytes(header + b"\r\n")
    (folder / "one_torn.csv").write_bytes(b"\r\n".join([header, first[:100], second, b""]))
    (folder / "cut.csv").write_bytes(b"\r\n".join([header, first, second])[:-20])
    rows = list(csv.DictReader((folder / "t.csv").read_text("utf-8").splitlines()))
    with (folder / "excel.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for row in rows:
            writer.writerow(
                {**row, "mtime_ns": f"{float(row['mtime_ns']):.5E}", "needs_review": row["needs_review"].upper()}
            )
    for name, sentence in (
        ("header_only", "0 rows: nothing to check"),
        ("one_torn", "2 rows: 1 unchanged, 1 row torn or damaged"),
        ("cut", "2 rows: 1 unchanged, 1 row torn or damaged"),
        ("excel", "2 rows: 2 rows torn or damaged"),
    ):
        ended = run("verify", f"{name}.csv")
        assert (ended.returncode, sentence in ended.stderr) == (1, True), (name, ended.stderr)
    assert "saved by a spreadsheet" in run("verify", "excel.csv").stderr
    events = [json.loads(line) for line in run("verify", "one_torn.csv", "--events").stdout.splitlines()]
    assert [event["event"] for event in events] == ["file_verified", "table_verified"]
    assert (events[-1]["rows"], events[-1]["damaged"], events[-1]["unchanged"]) == (1, 1, 1)


def test_verify_finds_files_below_a_root_and_names_those_that_are_gone(folder: Path) -> None:
    assert run("tag", "-q", "in/a.wav", "in/b.wav", "-o", "t.csv", "--root", "in").returncode == 0
    assert set(rows_of(folder / "t.csv")) == {"a.wav", "b.wav"}
    assert run("verify", "t.csv").returncode == 1
    assert run("verify", "t.csv", "--root", "in").returncode == 0
    (folder / "in" / "a.wav").unlink()
    ended = run("verify", "t.csv", "--root", "in")
    assert ended.returncode == 1
    assert "a.wav: the file is no longer there [missing]" in ended.stdout


def test_a_review_is_no_damage_and_survives_a_second_run(folder: Path) -> None:
    assert run("tag", "-q", "in/a.wav", "in/b.wav", "-o", "t.csv").returncode == 0
    review(folder / "t.csv", "in/a.wav", "violin")
    assert run("verify", "t.csv").returncode == 0
    assert run("tag", "-q", "in/a.wav", "in/b.wav", "-o", "t.csv").returncode == 0
    (folder / "in" / "a.wav").rename(folder / "in" / "renamed.wav")
    ended = run("tag", "in/renamed.wav", "in/b.wav", "-o", "t.csv", "--force")
    assert ended.returncode == 0
    row = rows_of(folder / "t.csv")["in/renamed.wav"]
    assert (row["dominant"], row["assigned_by"]) == ("cello", "person")
    assert (row["reviewed_label"], row["reviewed_by"]) == ("violin", "Ada")
    assert "in/renamed.wav: the model says cello, Ada said violin; the person's label counts." in ended.stderr


def test_reviews_outlive_a_new_model_a_new_name_and_new_tags(folder: Path) -> None:
    assert run("tag", "-q", "in/a.wav", "in/b.wav", "-o", "t.csv", "--write-tags").returncode == 0
    review(folder / "t.csv", "in/a.wav", "violin")
    review(folder / "t.csv", "in/b.wav", "piano")
    (folder / "in" / "a.wav").rename(folder / "in" / "renamed.wav")
    retagged = mutagen.File(folder / "in" / "b.wav")
    retagged.tags.add(TIT2(encoding=3, text="A new title"))
    retagged.save()
    ended = run("tag", "-v", "in/renamed.wav", "in/b.wav", "-o", "t.csv", "--model", "small")
    assert ended.returncode == 0, ended.stderr
    rows = rows_of(folder / "t.csv")
    for path, label in (("in/renamed.wav", "violin"), ("in/b.wav", "piano")):
        row = rows[path]
        assert (row["reviewed_label"], row["reviewed_by"], row["assigned_by"]) == (label, "Ada", "person")
        assert row["model_id"] == "instag-yamnet-small" and row["dominant"] != label
        assert f"{path}: the model says {row['dominant']}, Ada said {label}; the person's label counts." in ended.stderr
        assert f"- reviewed as {label}" in ended.stderr
    assert "2 analysed, 0 done before, 0 failed; 0 need review." in ended.stderr
    changed = [line for line in run("verify", "t.csv").stdout.splitlines() if line.endswith("]")]
    assert changed == ["in/a.wav: the file is no longer there [missing]"]
    assert run("list", "t.csv", "--reviewed").stdout.splitlines() == ["in/a.wav", "in/b.wav", "in/renamed.wav"]
    assert run("prune", "t.csv").returncode == 0
    assert run("verify", "t.csv").returncode == 0


@pytest.mark.parametrize(
    ("said", "heard", "dominant"),
    [("violin", ["violin", "cello"], "violin"), ("other", [], "other"), ("", ["cello"], "cello")],
)
def test_tags_and_sidecars_carry_the_word_of_a_person(folder: Path, said: str, heard: list[str], dominant: str) -> None:
    assert run("tag", "-q", "in/a.wav", "-o", "t.csv").returncode == 0
    review(folder / "t.csv", "in/a.wav", said)
    assert run("tag", "-q", "in/a.wav", "-o", "t.csv", "--write-tags", "--sidecar").returncode == 0
    values = tags.read_tags(folder / "in" / "a.wav")
    assert values is not None
    row = rows_of(folder / "t.csv")["in/a.wav"]
    by_machine = f"machine: {row['model_id']} {row['model_version']}"
    assert (list(values.instruments), values.dominant) == (heard, dominant)
    assert values.source == ("person: Ada, 2026-01-01" if said else by_machine)
    assert values.confidence == pytest.approx(float(row[f"score_{dominant}"]), abs=1e-3)
    sidecar = json.loads((folder / "in" / "a.wav.instag.json").read_text("utf-8"))
    assert sidecar["assigned_by"] == "person"
    assert (row["dominant"], row["reviewed_label"]) == ("cello", said)


def test_totals_of_a_second_run_add_up_and_name_the_failures_of_before(folder: Path) -> None:
    assert run("tag", "in", "-o", "t.csv").returncode == 1
    ended = run("tag", "in", "-o", "t.csv")
    assert ended.returncode == 1
    assert "3 files: 0 analysed, 2 done before, 1 failed (1 in an earlier run)" in ended.stderr
    assert "FAILED in/c.wav: failed in an earlier run" in ended.stderr
    events = [json.loads(line) for line in run("tag", "in", "-o", "t.csv", "--events").stdout.splitlines()]
    totals = events[-1]
    assert totals["analysed"] + totals["skipped"] + totals["failed"] == totals["files"] == 3
    assert totals["failed_before"] == 1


def test_list_says_that_rows_cannot_be_read(folder: Path) -> None:
    run("tag", "-q", "in", "-o", "t.sqlite")
    with contextlib.closing(sqlite3.connect(folder / "t.sqlite")) as connection, connection:
        connection.execute("UPDATE results SET confidence = 'high' WHERE path = 'in/a.wav'")
    ended = run("list", "t.sqlite")
    assert ended.returncode == 1 and "in/a.wav" not in ended.stdout and "in/b.wav" in ended.stdout
    assert "t.sqlite: 1 row cannot be read, and may be missing from the list." in ended.stderr


def test_list_prints_paths_that_scripts_can_use(folder: Path) -> None:
    strange = os.fsdecode(b"in/new\nline \xff.wav")
    (folder / "in" / "b.wav").rename(strange)
    assert run("tag", "-q", "in", "-o", "t.csv").returncode == 1
    review(folder / "t.csv", "in/a.wav", "violin")

    def listed(*words: str) -> list[bytes]:
        ended = run("list", "t.csv", "-0", *words, text=False)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout.split(b"\0")[:-1]

    assert listed() == [b"in/a.wav", b"in/c.wav", os.fsencode(strange)]
    assert listed("--failed") == [b"in/c.wav"]
    assert listed("--reviewed") == [b"in/a.wav"]
    assert listed("--unreviewed", "--label", "piano") == [os.fsencode(strange)]
    assert listed("--label", "violin") == listed("--label", "Violin") == [b"in/a.wav"]
    assert listed("--label", "cello") == []
    assert listed("--failed", "--root", "/x") == [b"/x/in/c.wav"]
    assert run("list", "t.csv", "--failed").stdout == "in/c.wav\n"
    needs_review = {row["path"] for row in rows_of(folder / "t.csv").values() if row["needs_review"] == "true"}
    assert len(listed("--needs-review")) == len(needs_review)
    assert run("list", "t.csv", "--label", "kazoo").returncode == 2
    assert run("list", "t.csv", "--reviewed", "--unreviewed").returncode == 2
    assert run("list", "gone.csv").returncode == 3


@pytest.mark.parametrize("kind", [".csv", ".jsonl", ".sqlite"])
def test_prune_drops_rows_of_files_that_are_gone(folder: Path, kind: str) -> None:
    table = f"t{kind}"
    assert run("tag", "-q", "in", "-o", table).returncode == 1
    (folder / "in" / "b.wav").unlink()
    before = (folder / table).read_bytes()
    ended = run("prune", table, "--dry-run")
    assert (ended.returncode, ended.stdout) == (0, "in/b.wav: would be dropped\n")
    assert "3 rows: 1 would be dropped, 2 would be kept." in ended.stderr
    assert (folder / table).read_bytes() == before
    ended = run("prune", table)
    assert (ended.returncode, "3 rows: 1 dropped, 2 kept." in ended.stderr) == (0, True)
    assert run("list", table).stdout == "in/a.wav\nin/c.wav\n"
    assert run("prune", table, "-q").stderr == ""


def test_prune_drops_nothing_where_the_disk_is_not_mounted_and_no_persons_word(folder: Path) -> None:
    assert run("tag", "-q", "in/a.wav", "in/b.wav", "-o", "t.csv").returncode == 0
    review(folder / "t.csv", "in/a.wav", "violin")
    before = (folder / "t.csv").read_bytes()
    ended = run("prune", "t.csv", "--root", "/nowhere")
    assert (ended.returncode, "none of its files exists" in ended.stderr) == (3, True)
    assert (folder / "t.csv").read_bytes() == before
    (folder / "in" / "a.wav").rename(folder / "in" / "z.wav")
    ended = run("prune", "t.csv")
    assert "1 row of files that are gone kept for the review in it" in ended.stderr
    assert run("tag", "-q", "in", "-o", "t.csv").returncode == 1
    assert run("prune", "t.csv", "-q").returncode == 0
    assert rows_of(folder / "t.csv")["in/z.wav"]["reviewed_label"] == "violin"
    assert "in/a.wav" not in rows_of(folder / "t.csv")
    assert run("prune", "mistyped.csv").returncode == 3
    assert not (folder / "mistyped.csv").exists()


def test_shards_join_to_the_table_of_one_machine(folder: Path) -> None:
    for i in range(6):
        recording(folder / "in" / f"{i}.wav", "flute", 0.5)
    assert run("tag", "-q", "in", "-o", "whole.csv").returncode == 1
    for n in (1, 2, 3):
        assert run("tag", "-q", "in", "-o", f"s{n}.csv", "--shard", f"{n}/3").returncode in (0, 1)
    ended = run("merge", "s1.csv", "s2.csv", "s3.csv", "-o", "merged.csv")
    assert (ended.returncode, "9 rows from 3 tables" in ended.stderr) == (0, True)

    def without_times(name: str) -> list[dict[str, str]]:
        return [{**row, "analysed_at": ""} for row in rows_of(folder / name).values()]

    assert without_times("merged.csv") == without_times("whole.csv")
    assert run("tag", "in", "-o", "s.csv", "--shard", "4/3").returncode == 2
    # The merged table is a table like any other: nothing is left to do.
    assert "0 analysed, 8 done before" in run("tag", "in", "-o", "merged.csv").stderr


def test_two_spellings_of_a_path_are_noted_and_a_root_makes_them_one(folder: Path) -> None:
    assert run("tag", "-q", "in/a.wav", "-o", "t.csv").returncode == 0
    ended = run("tag", str(folder / "in"), "-o", "t.csv")
    assert "1 file is in the table under two spellings" in ended.stderr
    assert "--root DIR" in ended.stderr
    (folder / "link").symlink_to(folder / "in")
    for spelling in ("in", str(folder / "in"), "in/../in", "link", "in/a.wav"):
        assert run("tag", "-q", spelling, "-o", "r.csv", "--root", ".").returncode in (0, 1)
    assert list(rows_of(folder / "r.csv")) == ["in/a.wav", "in/b.wav", "in/c.wav"]
    (outside := folder.parent / "outside.wav").write_bytes(b"no audio")
    assert run("tag", "-q", "../outside.wav", "-o", "r.csv", "--root", ".").returncode == 1
    assert str(outside.resolve()) in rows_of(folder / "r.csv")


def test_a_table_or_timeline_in_a_bag_is_refused(folder: Path) -> None:
    payload = folder / "bag" / "data"
    payload.mkdir(parents=True)
    (folder / "bag" / "bagit.txt").write_text("BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
    recording(payload / "a.wav", "cello")
    for words in (("-o", "bag/data/t.csv"), ("-o", "t.csv", "--windows", "bag/data/w.csv")):
        ended = run("tag", "bag", *words)
        assert (ended.returncode, "BagIt bag" in ended.stderr) == (3, True)
        assert [path.name for path in payload.iterdir()] == ["a.wav"]
    assert run("tag", "-q", "bag", "-o", "bag.csv").returncode == 0
    ended = run("merge", "bag.csv", "-o", "bag/data/t.csv")
    assert (ended.returncode, "BagIt bag" in ended.stderr) == (3, True)


@pytest.mark.parametrize("spelling", ["q.csv", "./q.csv", "in/../q.csv", "link.csv"])
def test_the_timeline_cannot_be_the_table(folder: Path, spelling: str) -> None:
    (folder / "link.csv").symlink_to("q.csv")
    ended = run("tag", "in/a.wav", "-o", "q.csv", "--windows", spelling)
    assert (ended.returncode, "same file" in ended.stderr) == (2, True)
    assert not (folder / "q.csv").exists()
