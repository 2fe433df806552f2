"""Shards and their tables: every file in one shard, and together what one machine would have written."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instag.errors import CannotStartError, UsageError
from instag.run.shard import Shard, parse_shard
from instag.table import TABLE_EXTENSIONS, open_table
from instag.table.merge import merge_tables
from instag.table.rows import Row, Status
from tests.runtime.test_table import a_row

PATHS = [f"box {i % 7}/é{i}, take {i}.wav" for i in range(60)]


def written(path: Path, rows: list[Row]) -> Path:
    table = open_table(path)
    table.extend(rows)
    table.finish()
    return path


def row_of(path: str) -> Row:
    if path.endswith("3.wav"):
        return Row(path, Status.FAILED, error_code="not-audio", error=f'=not "audio": {path}')
    return a_row(path, confidence=len(path) / 64)


@pytest.mark.parametrize("kind", TABLE_EXTENSIONS)
@pytest.mark.parametrize("of", TABLE_EXTENSIONS)
def test_merged_shards_are_what_one_machine_writes(tmp_path: Path, kind: str, of: str) -> None:
    whole = written(tmp_path / f"whole{kind}", [row_of(path) for path in PATHS])
    shards = [
        written(tmp_path / f"shard{n}{of}", [row_of(path) for path in reversed(PATHS) if Shard(n, 3).holds(path)])
        for n in (1, 2, 3)
    ]
    merged = tmp_path / f"merged{kind}"
    assert merge_tables(shards, merged) == len(PATHS)
    if kind == ".sqlite":
        one, other = open_table(whole, read_only=True), open_table(merged, read_only=True)
        assert list(one.rows()) == list(other.rows())
        one.close()
        other.close()
    else:
        assert merged.read_bytes() == whole.read_bytes()
    assert not list(tmp_path.glob(".instag-*"))
    assert not list(tmp_path.glob("*.lock"))


def test_overlaps_that_agree_become_one_row_and_others_are_refused(tmp_path: Path) -> None:
    one = written(tmp_path / "one.csv", [a_row("a"), a_row("b", analysed_at="2026-01-02")])
    two = written(tmp_path / "two.jsonl", [a_row("b", analysed_at="2026-01-03"), a_row("c")])
    assert merge_tables([one, two], tmp_path / "good.csv") == 3
    table = open_table(tmp_path / "good.csv", read_only=True)
    assert [row.analysed_at for row in table.rows()][1] == "2026-01-03"
    table.close()
    bad = written(tmp_path / "bad.csv", [a_row("b", dominant="piano")])
    with pytest.raises(CannotStartError, match=r"^b: .*two\.jsonl and .*bad\.csv say different things"):
        merge_tables([one, two, bad], tmp_path / "never.csv")
    assert not list(tmp_path.glob("*never*"))


def test_damaged_tables_and_tables_that_exist_are_refused(tmp_path: Path) -> None:
    one = written(tmp_path / "one.csv", [a_row("a")])
    torn = tmp_path / "torn.csv"
    torn.write_bytes(one.read_bytes() + b"torn")
    with pytest.raises(CannotStartError, match=r"torn\.csv: 1 row cannot be read"):
        merge_tables([one, torn], tmp_path / "new.csv")
    assert not list(tmp_path.glob("*new*"))
    with pytest.raises(UsageError, match="exists already"):
        merge_tables([one], one)
    with pytest.raises(CannotStartError, match="no such table"):
        merge_tables([tmp_path / "gone.csv"], tmp_path / "new.csv")


@given(st.lists(st.text(min_size=1), max_size=50), st.integers(1, 9))
def test_every_path_falls_into_one_shard(paths: list[str], count: int) -> None:
    for path in paths:
        if path.encode(errors="ignore").decode() != path:
            continue  # a table holds no lone surrogates
        assert sum(Shard(number, count).holds(path) for number in range(1, count + 1)) == 1


def test_shards_are_the_same_on_every_machine_and_even() -> None:
    # Fixed by the hash: a job array that is run again must find its files in the same shards.
    assert [n for n in range(1, 5) if Shard(n, 4).holds("a/b.wav")] == [2]
    sizes = [sum(Shard(n, 4).holds(f"folder/{i}.wav") for i in range(4000)) for n in range(1, 5)]
    assert all(900 < size < 1100 for size in sizes)


@pytest.mark.parametrize("text", ["0/8", "9/8", "1/0", "1", "1/", "/8", "a/b", "1/8/2", "-1/8", "1.5/8"])
def test_a_shard_that_is_none_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match="--shard"):
        parse_shard(text)


def test_a_shard_is_parsed() -> None:
    assert parse_shard("3/8") == Shard(3, 8)
