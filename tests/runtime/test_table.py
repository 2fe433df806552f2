"""Tables and the timeline: what is written is read back, what was torn is repaired, nothing that was whole is lost."""

from __future__ import annotations

import csv
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instag.errors import CannotStartError, ErrorCode, UsageError
from instag.labels import LABELS
from instag.results import Silence, TagOutcome, WindowScores
from instag.table import TABLE_EXTENSIONS, open_table
from instag.table.codecs import CsvCodec, JsonLinesCodec, RowJsonCodec
from instag.table.rows import COLUMN_TYPES, COLUMNS, IDENTIFIERS, AssignedBy, Mark, Row, Status, row_from_record
from instag.table.spans import merge_spans
from instag.table.timeline import TIMELINE_TYPES, Timeline, WindowRow

kinds = pytest.mark.parametrize("kind", TABLE_EXTENSIONS)


def a_row(path: str = "a/b.wav", **changes: object) -> Row:
    row = Row(
        path=path,
        status=Status.ANALYSED,
        dominant="cello",
        confidence=0.9123,
        needs_review=False,
        instruments=("cello", "piano"),
        assigned_by=AssignedBy.MACHINE,
        duration_seconds=12.345,
        heard_share=1.0,
        windows=4,
        silent_windows=0,
        sample_rate=44100,
        channels=2,
        size_bytes=123456789012,
        mtime_ns=1_700_000_000_123_456_789,
        audio_digest="sha256:00",
        tags_written=TagOutcome.WRITTEN,
        model_id="tiny",
        model_version="1.0.0",
        settings="overlap_seconds=0 tags",
        instag_version="0.1.0",
        analysed_at="2026-01-01T00:00:00+00:00",
        scores=tuple(i / 16 for i in range(12)),
        shares=tuple(i / 12 for i in range(12)),
        presences=tuple(i / 32 for i in range(12)),
    )
    return replace(row, **changes)  # type: ignore[arg-type]


FAILED = Row(path="bad.wav", status=Status.FAILED, error_code=ErrorCode.NOT_AUDIO, error='it\'s no "audio", é; really')


@kinds
def test_rows_come_back_as_they_were(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"table{kind}"
    table = open_table(path)
    rows = [FAILED, a_row("z,\"q'.wav"), a_row("é \\xff.wav")]
    for row in rows:
        table.append(row)
    table.finish()
    again = open_table(path, read_only=True)
    assert list(again.rows()) == sorted(rows, key=lambda row: row.path)
    assert again.mark("bad.wav") == Mark.of(FAILED)
    assert again.mark("nothing") is None
    again.close()


@kinds
def test_a_later_row_replaces_the_earlier_one_and_order_is_stable(tmp_path: Path, kind: str) -> None:
    orders = []
    for order in (["c", "a", "b"], ["b", "c", "a"]):
        path = tmp_path / f"table{order[0]}{kind}"
        table = open_table(path)
        for name in order:
            table.append(a_row(name, confidence=0.1))
        table.append(a_row("b", confidence=0.8))
        table.finish()
        again = open_table(path, read_only=True)
        orders.append([(row.path, row.confidence) for row in again.rows()])
        again.close()
        if kind != ".sqlite":
            assert len(path.read_bytes().splitlines()) == 3 + (kind == ".csv")
    assert orders[0] == orders[1] == [("a", 0.1), ("b", 0.8), ("c", 0.1)]


@kinds
def test_something_else_is_never_written_to(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"precious{kind}"
    if kind == ".sqlite":
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE photos (name TEXT)")
        connection.close()
    else:
        path.write_bytes(b"name,photo\r\nme,1\r\nyou,2\r\n")
    before = path.read_bytes()
    with pytest.raises(CannotStartError, match="precious"):
        open_table(path)
    assert path.read_bytes() == before
    assert sorted(tmp_path.iterdir()) == [path]


@kinds
def test_a_folder_that_is_not_there_is_an_error_that_names_it(tmp_path: Path, kind: str) -> None:
    with pytest.raises(CannotStartError, match="gone"):
        open_table(tmp_path / "gone" / f"table{kind}")


def test_an_extension_that_is_none_of_ours_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.csv, \.jsonl, \.sqlite"):
        open_table(tmp_path / "table.xlsx")


@pytest.mark.parametrize("kind", [".csv", ".jsonl"])
@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, 100_000), zeros=st.integers(0, 600))
def test_a_table_cut_anywhere_keeps_every_whole_row(
    tmp_path_factory: pytest.TempPathFactory, kind: str, cut: int, zeros: int
) -> None:
    path = tmp_path_factory.mktemp("cut") / f"table{kind}"
    table = open_table(path)
    ends = [path.stat().st_size]
    for name in "abcdef":
        table.append(a_row(name))
        ends.append(path.stat().st_size)
    table.close()
    cut %= ends[-1] + 1
    # What a killed process leaves, and what a power cut leaves (a file system may fill the end with zeros).
    path.write_bytes(path.read_bytes()[:cut] + b"\0" * zeros)
    whole = [name for name, end in zip("abcdef", ends[1:], strict=True) if end <= cut]
    table = open_table(path)
    assert [row.path for row in table.rows()] == whole
    for name in "abcdef":
        if table.mark(name) is None:
            table.append(a_row(name))
    table.finish()
    table = open_table(path)
    assert not table.notes
    assert [row.path for row in table.rows()] == list("abcdef")
    table.close()


@pytest.mark.parametrize("kind", [".csv", ".jsonl"])
def test_damaged_lines_are_kept_aside_and_reported(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"table{kind}"
    table = open_table(path)
    for name in "abc":
        table.append(a_row(name))
    table.close()
    lines = path.read_bytes().splitlines(keepends=True)
    lines[-2] = b"scribble\n"
    path.write_bytes(b"".join(lines))
    table = open_table(path)
    assert [row.path for row in table.rows()] == ["a", "c"]
    assert "1 line was" in table.notes[0]
    assert (tmp_path / f"table{kind}.damaged").read_bytes() == b"scribble\n"
    table.close()


@pytest.mark.parametrize("kind", [".csv", ".jsonl"])
def test_reading_only_leaves_a_damaged_table_as_it_is(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"table{kind}"
    table = open_table(path)
    table.append(a_row("a"))
    table.close()
    path.write_bytes(path.read_bytes() + b"torn")
    before = path.read_bytes()
    table = open_table(path, read_only=True)
    assert [row.path for row in table.rows()] == ["a"]
    table.close()
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", [".csv", ".jsonl"])
def test_a_full_disk_leaves_whole_rows_and_says_so(tmp_path: Path, kind: str) -> None:
    resource = pytest.importorskip("resource")
    path = tmp_path / f"table{kind}"
    table = open_table(path)
    table.append(a_row("a"))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # A bound on the size of files makes the system write a part of the row and then refuse, like a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 40, before[1]))
    try:
        with pytest.raises(CannotStartError, match=r"cannot be written .* run the same command again"):
            table.append(a_row("b"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    table.close()
    table = open_table(path)
    assert not table.notes
    assert [row.path for row in table.rows()] == ["a"]
    table.close()


@pytest.mark.parametrize("kind", [".csv", ".jsonl"])
def test_a_link_to_a_table_stays_a_link(tmp_path: Path, kind: str) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / f"table{kind}"
    link.symlink_to(tmp_path / "real" / f"table{kind}")
    table = open_table(link)
    for name in "ba":
        table.append(a_row(name))
    table.finish()
    assert link.is_symlink()
    again = open_table(link, read_only=True)
    assert [row.path for row in again.rows()] == ["a", "b"]
    again.close()


def test_a_device_is_no_table(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.symlink_to("/dev/null")
    with pytest.raises(CannotStartError, match="not a regular file"):
        open_table(path)


def test_a_table_that_disappears_during_the_job_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    table = open_table(path)
    table.append(a_row("a"))
    path.rename(tmp_path / "elsewhere.csv")
    with pytest.raises(CannotStartError, match="moved, deleted or replaced"):
        table.finish()


def test_csv_is_rfc_4180_and_harmless_in_a_spreadsheet(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    table = open_table(path)
    table.append(a_row("a,b.wav", error="=HYPERLINK(1)"))
    table.finish()
    raw = path.read_bytes()
    assert raw.endswith(b"\r\n")
    [header, row] = list(csv.reader(raw.decode("utf-8").splitlines(), strict=True))
    assert tuple(header) == COLUMNS
    record = dict(zip(header, row, strict=True))
    assert record["path"] == "a,b.wav"
    assert record["error"] == "'=HYPERLINK(1)"
    assert record["needs_review"] == "false"
    assert not any(text.startswith(("=", "+", "-", "@")) for text in row)


def test_json_lines_and_sqlite_carry_the_same_fields(tmp_path: Path) -> None:
    for kind in (".jsonl", ".sqlite"):
        table = open_table(tmp_path / f"table{kind}")
        table.append(a_row())
        table.finish()
    record = json.loads((tmp_path / "table.jsonl").read_text())
    assert tuple(record) == (*COLUMNS, IDENTIFIERS)
    del record[IDENTIFIERS]
    assert record["mtime_ns"] == 1_700_000_000_123_456_789
    assert record["error"] is None
    connection = sqlite3.connect(tmp_path / "table.sqlite")
    connection.row_factory = sqlite3.Row
    [found] = connection.execute("SELECT * FROM results")
    assert {name: found[name] for name in COLUMNS} == record
    connection.close()


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\u2028\u2029\x85"), max_size=30)


@given(path=texts.filter(bool), error=texts, confidence=st.none() | st.floats(0, 1), size=st.none() | st.integers(0))
def test_any_row_survives_both_line_formats(path: str, error: str, confidence: float | None, size: int | None) -> None:
    if path[0] in "=+-@" or error[:1] in tuple("=+-@"):
        return  # guarded one way only, which is tested above
    row = a_row(path, error=error, confidence=confidence, size_bytes=size)
    for codec in (CsvCodec(COLUMN_TYPES), RowJsonCodec()):
        line = codec.encode(row.to_record())
        assert line.count(b"\n") == 1
        assert row_from_record(codec.decode(line.rstrip(b"\r\n"))) == row


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_lines_from_anywhere_are_refused_with_a_value_error(line: bytes) -> None:
    for codec in (CsvCodec(COLUMN_TYPES), RowJsonCodec()):
        with pytest.raises(ValueError):
            row_from_record(codec.decode(line))


def scores_of(windows: int) -> WindowScores:
    start = np.arange(windows) * 3.0
    dominant = np.eye(12, dtype=np.float32)[np.arange(windows) % 12]
    return WindowScores(start, start + 3.0, np.full(windows, -20.0), dominant, dominant)


@pytest.mark.parametrize("kind", [".csv", ".jsonl"])
def test_the_timeline_holds_each_files_windows_together_in_order(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"windows{kind}"
    timeline = Timeline(path)
    timeline.append("b", scores_of(3), [Silence.NONE] * 3)
    timeline.append("a", scores_of(2), [Silence.NONE] * 2)
    timeline.append("b", scores_of(1), [Silence.NONE] * 1)
    timeline.finish()
    lines = path.read_bytes().splitlines()[kind == ".csv" :]
    codec = CsvCodec(TIMELINE_TYPES) if kind == ".csv" else JsonLinesCodec()
    records = [codec.decode(line) for line in lines]
    assert [(record["path"], record["start_seconds"]) for record in records] == [("a", 0), ("a", 3), ("b", 0)]
    assert [record["dominant"] for record in records] == [LABELS[0], LABELS[1], LABELS[0]]
    assert tuple(records[0]) == tuple(TIMELINE_TYPES)


@pytest.mark.parametrize("kind", [".csv", ".jsonl"])
def test_a_timeline_gives_back_its_windows_and_says_why_one_has_no_vote(tmp_path: Path, kind: str) -> None:
    scores = scores_of(3)
    scores.level_dbfs[1] = -np.inf
    timeline = Timeline(tmp_path / f"windows{kind}")
    timeline.append("a", scores, [Silence.NONE, Silence.SILENT, Silence.BLANK_TAPE])
    timeline.finish()
    with closing(Timeline(tmp_path / f"windows{kind}", read_only=True)) as again:
        windows = again.windows("a")
        assert again.windows("b") == ()
    assert [window.silence for window in windows] == ["", "silent", "blank tape"]
    assert [window.dominant for window in windows] == [LABELS[0], "", ""]
    assert [window.level_dbfs for window in windows] == [-20.0, -np.inf, -20.0]
    assert windows[1].scores == windows[1].presences == tuple(scores.scores[1])


def test_spans_join_windows_of_one_label_and_count_overlapping_seconds_once() -> None:
    def window(start: float, label: str, confidence: float) -> WindowRow:
        return WindowRow(start, start + 3.0, -20.0, Silence.NONE, label, confidence, (0.0,) * 12, (0.0,) * 12)

    spans = merge_spans(
        [window(0, "flute", 0.8), window(3, "flute", 0.5), window(4, "flute", 0.2), window(7, "", 0), window(12, "", 0)]
    )
    assert [(span.start_seconds, span.end_seconds, span.label) for span in spans] == [
        (0, 7, "flute"),
        (7, 10, ""),
        (12, 15, ""),
    ]
    assert spans[0].confidence == pytest.approx((3 * 0.8 + 3 * 0.5 + 1 * 0.2) / 7)
    assert merge_spans([]) == []


@pytest.mark.parametrize("kind", [".csv", ".jsonl"])
def test_a_row_that_lacks_its_end_alone_is_torn_and_its_file_is_not_done(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"table{kind}"
    with closing(open_table(path)) as table:
        table.append(a_row("a"))
        table.append(a_row("b"))
    whole = path.read_bytes()
    last_field = whole.rindex(b"," if kind == ".csv" else b"}") + 1  # as many fields as a whole row has
    for end in (last_field, len(whole) - 1):
        path.write_bytes(whole[:end].rstrip(b"\r\n"))
        with closing(open_table(path)) as table:
            assert table.mark("a") is not None and table.mark("b") is None
            assert [row.path for row in table.rows()] == ["a"]


def test_a_torn_timeline_tells_how_many_windows_are_left(tmp_path: Path) -> None:
    path = tmp_path / "windows.csv"
    timeline = Timeline(path)
    timeline.append("a", scores_of(2), [Silence.NONE] * 2)
    timeline.append("b", scores_of(3), [Silence.NONE] * 3)
    timeline.close()
    path.write_bytes(path.read_bytes()[:-5])
    timeline = Timeline(path)
    assert (timeline.windows_of("a"), timeline.windows_of("b"), timeline.windows_of("c")) == (2, 2, 0)
    timeline.append("b", scores_of(3), [Silence.NONE] * 3)
    timeline.finish()
    again = Timeline(path, read_only=True)
    assert again.windows_of("b") == 3
    again.close()
