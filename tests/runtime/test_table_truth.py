"""Tables that were torn, changed by another program, or are somebody else's: nothing whole is ever moved."""

from __future__ import annotations

import csv
import json
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instag.errors import CannotStartError
from instag.results import Silence
from instag.table import open_table, sqlite
from instag.table.codecs import CsvCodec, guard, unguard
from instag.table.glance import CsvGlance
from instag.table.rows import COLUMN_TYPES, COLUMNS, AssignedBy, Mark, Review, Row, Status
from instag.table.timeline import Timeline
from tests.runtime.test_table import a_row, scores_of


def written(path: Path, *rows: Row) -> Path:
    table = open_table(path)
    table.extend(rows)
    table.finish()
    return path


def refused(path: Path, sentence: str) -> None:
    """The file is refused with a sentence, and nothing is changed or made."""
    before, names = path.read_bytes(), sorted(path.parent.iterdir())
    with pytest.raises(CannotStartError, match=sentence):
        open_table(path)
    assert path.read_bytes() == before
    assert sorted(path.parent.iterdir()) == names


def test_a_byte_order_mark_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", a_row("a"), a_row("b"))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    refused(path, "saved by a spreadsheet, which put a byte order mark")


@pytest.mark.parametrize(("separator", "name"), [(";", "semicolons"), ("\t", "tabs")])
def test_another_separator_is_named(tmp_path: Path, separator: str, name: str) -> None:
    path = written(tmp_path / "t.csv", a_row("a"))
    rows = list(csv.reader(path.read_text("utf-8").splitlines()))
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file, delimiter=separator).writerows(rows)
    refused(path, f"saved by a spreadsheet, which separates fields by {name}")


def test_an_added_column_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", a_row("a"))
    lines = path.read_bytes().split(b"\r\n")
    path.write_bytes(b"\r\n".join([lines[0] + b",remark", lines[1] + b",nice", b""]))
    refused(path, r"columns that instag did not write \(remark\)")


def test_unix_line_ends_are_read_and_continued(tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", a_row("a"), a_row("b"))
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"\r\n", b"\n"))
    table = open_table(path)
    assert not table.notes
    assert [row.path for row in table.rows()] == ["a", "b"]
    table.append(a_row("c"))
    table.finish()
    again = open_table(path)
    assert not again.notes
    assert [row.path for row in again.rows()] == ["a", "b", "c"]
    again.close()


@pytest.mark.parametrize(
    "changes",
    [
        {"mtime_ns": "1.70000E+18"},
        {"mtime_ns": "1,7E+18"},
        {"needs_review": "FALSE"},
        {"confidence": "0,5"},
        {"score_cello": "0,5"},
    ],
)
def test_values_that_a_spreadsheet_changed_are_never_moved_aside(tmp_path: Path, changes: dict[str, str]) -> None:
    path = written(tmp_path / "t.csv", a_row("a"), a_row("b"))
    rows = list(csv.DictReader(path.read_text("utf-8").splitlines()))
    rows[1].update(changes)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    refused(path, f"saved by a spreadsheet, which turned {next(iter(changes))} into")
    table = open_table(path, read_only=True)
    assert [row.path for row in table.rows()] == ["a"]
    assert table.damaged == 1
    assert any("spreadsheet" in note for note in table.notes)
    table.close()


@pytest.mark.parametrize("kind", [".csv", ".jsonl", ".sqlite"])
def test_a_table_of_before_the_new_names_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"t{kind}"
    old = ["path", "status", "dominant", "confidence"]
    values = ["a.wav", "tagged", "cello", "0.5"]
    if kind == ".csv":
        path.write_text(",".join(old) + "\r\n" + ",".join(values) + "\r\n")
    elif kind == ".jsonl":
        path.write_text(json.dumps(dict(zip(old, values, strict=True))) + "\n")
    else:
        connection = sqlite3.connect(path)
        connection.execute(f"PRAGMA application_id = {0x69746167}")
        connection.execute(f"CREATE TABLE results ({', '.join(old)})")
        connection.close()
    refused(path, "written by another version of instag")


@pytest.mark.parametrize("kind", [".csv", ".jsonl"])
def test_the_old_status_is_refused(tmp_path: Path, kind: str) -> None:
    path = written(tmp_path / f"t{kind}", a_row("a"), a_row("b"))
    path.write_bytes(path.read_bytes().replace(b",analysed,", b",tagged,").replace(b'"analysed"', b'"tagged"'))
    refused(path, "earlier version of instag")


@pytest.mark.parametrize(
    "content",
    [
        b'{"name": "me"}\n',
        b'{"name": "me"}',
        b'{"path": "a.wav", "caption": "a dog"}\n{"path": "b.wav", "caption": "a cat"}\n',
        b"[1, 2]\n",
        b"hello\n",
        b'{\n  "name": "pretty"\n}\n',
    ],
)
def test_json_lines_of_somebody_else_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(content)
    refused(path, "t.jsonl")
    with pytest.raises(CannotStartError):
        open_table(path, read_only=True)


def test_a_timeline_is_no_table_and_a_table_is_no_timeline(tmp_path: Path) -> None:
    timeline = Timeline(tmp_path / "w.jsonl")
    timeline.append("a", scores_of(2), [Silence.NONE] * 2)
    timeline.finish()
    refused(tmp_path / "w.jsonl", "w.jsonl")
    table = written(tmp_path / "t.jsonl", a_row("a"))
    before = table.read_bytes()
    with pytest.raises(CannotStartError, match="not a timeline"):
        Timeline(table)
    assert table.read_bytes() == before


@pytest.mark.parametrize("kind", [".csv", ".jsonl"])
def test_rows_that_only_full_reading_finds_damaged_are_counted(tmp_path: Path, kind: str) -> None:
    path = written(tmp_path / f"t{kind}", a_row("a"), a_row("b", confidence=0.4321))
    path.write_bytes(path.read_bytes().replace(b"0.4321", b"0.4x21" if kind == ".csv" else b'"0.43"'))
    table = open_table(path, read_only=True)
    assert [row.path for row in table.rows()] == ["a"]
    assert table.damaged == 1
    table.close()


def test_a_locked_database_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "t.sqlite", a_row("a"))
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.2)
    with pytest.raises(CannotStartError, match=r"another program has locked .* run the same command again"):
        open_table(path)
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 30.0)
    timer = threading.Timer(0.5, lambda: other.execute("COMMIT"))
    timer.start()
    table = open_table(path)
    assert table.mark("a") is not None
    table.close()
    timer.join()
    other.close()


@pytest.mark.parametrize("kind", [".csv", ".jsonl", ".sqlite"])
def test_a_table_in_the_payload_of_a_bag_is_refused(tmp_path: Path, kind: str) -> None:
    bag = tmp_path / "bag"
    (bag / "data" / "deep").mkdir(parents=True)
    (bag / "bagit.txt").write_text("BagIt-Version: 1.0\n")
    for place in (bag / "data", bag / "data" / "deep"):
        with pytest.raises(CannotStartError, match=r"BagIt bag .*bag, which it would make invalid"):
            open_table(place / f"t{kind}")
        assert not list(place.glob("t*"))
    (tmp_path / "link").symlink_to(bag / "data")
    with pytest.raises(CannotStartError, match="BagIt"):
        open_table(tmp_path / "link" / f"t{kind}")
    # Beside the payload a file is no part of what the bag promises.
    open_table(bag / f"t{kind}").close()
    # A folder called data is no bag.
    (tmp_path / "data").mkdir()
    open_table(tmp_path / "data" / f"t{kind}").close()


def test_a_timeline_in_the_payload_of_a_bag_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "bagit.txt").write_text("BagIt-Version: 1.0\n")
    with pytest.raises(CannotStartError, match="BagIt"):
        Timeline(tmp_path / "data" / "w.csv")


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\u2028\u2029\x85"), max_size=20)


@given(st.text(st.sampled_from("'=+-@ab"), max_size=6))
def test_the_guard_against_formulas_can_be_undone(text: str) -> None:
    assert unguard(guard(text)) == text
    assert not guard(text).startswith(("=", "+", "-", "@"))


@given(
    path=texts.filter(bool),
    settings=texts,
    label=texts,
    size=st.none() | st.integers(0, 2**62),
    status=st.sampled_from([Status.ANALYSED, Status.FAILED]),
)
def test_a_glance_sees_what_the_whole_row_says(
    path: str, settings: str, label: str, size: int | None, status: Status
) -> None:
    row = a_row(path, settings=settings, reviewed_label=label, size_bytes=size, status=status)
    codec = CsvCodec(COLUMN_TYPES)
    glance = CsvGlance(codec)(codec.encode(row.to_record()).rstrip(b"\r\n"))
    assert glance.path == row.path
    assert glance.mark == Mark.of(row)
    assert glance.digest == row.audio_digest
    assert glance.review == row.review


@pytest.mark.parametrize("kind", [".csv", ".jsonl", ".sqlite"])
def test_reviews_are_kept_by_digest_through_renaming(tmp_path: Path, kind: str) -> None:
    reviewed = a_row(
        "old name.wav", assigned_by=AssignedBy.PERSON, reviewed_label="violin", reviewed_by="Ada", reviewed_at="2026-02"
    )
    path = written(tmp_path / f"t{kind}", reviewed)
    table = open_table(path)
    row, note = table.reviews.keep(a_row("new name.wav", size_bytes=1))
    assert row.review == Review("violin", "Ada", "2026-02")
    assert row.assigned_by is AssignedBy.PERSON
    assert (row.dominant, row.label) == ("cello", "violin")
    assert "the model says cello, Ada said violin" in note
    agreed, note = table.reviews.keep(a_row("third.wav", dominant="violin"))
    assert agreed.review and not note
    changed, note = table.reviews.keep(a_row("old name.wav", audio_digest="sha256:11"))
    assert changed.review is None
    assert "its audio has changed since Ada reviewed it as violin" in note
    stranger, note = table.reviews.keep(a_row("other.wav", audio_digest="sha256:22"))
    assert stranger.review is None and not note
    table.close()


def test_a_file_that_fails_once_keeps_its_review_for_the_next_time(tmp_path: Path) -> None:
    reviewed = a_row("a.wav", reviewed_label="violin", reviewed_by="Ada", reviewed_at="2026")
    path = written(tmp_path / "t.csv", replace(reviewed, assigned_by=AssignedBy.PERSON))
    table = open_table(path)
    failed, _ = table.reviews.keep(Row("a.wav", Status.FAILED, error_code="not-readable", error="x"))
    table.append(failed)
    table.finish()
    table = open_table(path)
    row, _ = table.reviews.keep(a_row("a.wav"))
    assert row.reviewed_label == "violin"
    table.close()
