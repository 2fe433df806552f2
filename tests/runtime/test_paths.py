import csv
import io
import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from instag.errors import ErrorCode
from instag.paths import for_terminal, from_table, is_same_file, to_table, unreachable

names = st.binary(min_size=1, max_size=40).filter(lambda b: b"\0" not in b).map(os.fsdecode)
characters = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from("\\/\n\r\x1b\x85\u2028\u2029=+-@x0a"), min_size=1
).filter(lambda t: "\0" not in t)
paths = names | characters


@given(paths)
@example("\\x0a")
@example("a\\")
@example("\\\\x41")
@example("=1+1.wav")
@example("./=x")
def test_the_table_gives_the_path_back(path):
    back = from_table(to_table(path))
    assert back == path or (back == f"./{path}" and path[0] in "=+-@")
    assert Path(back) == Path(path)


@given(paths, paths)
def test_two_paths_never_share_a_row(one, other):
    if Path(one) != Path(other):
        assert to_table(one) != to_table(other)


@given(paths)
def test_a_row_is_one_line_of_utf8_and_no_formula(path):
    text = to_table(path)
    assert len(text.splitlines()) == 1
    assert text[0] not in "=+-@\t\r"
    assert text.encode("utf-8").decode() == text
    row = io.StringIO()
    csv.writer(row).writerow([text])
    assert next(csv.reader([row.getvalue()])) == [text]


@given(paths)
def test_a_terminal_is_not_commanded(path):
    text = for_terminal(path)
    assert "\x1b" not in text and "\u202e" not in text and len(text.splitlines()) == 1
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in text)
    text.encode("utf-8")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a/b.wav", "a/b.wav"),
        ("Grüße/日本語　一.flac", "Grüße/日本語　一.flac"),
        ("two\nlines.wav", r"two\x0alines.wav"),
        (os.fsdecode(b"latin\xe9.wav"), r"latin\xe9.wav"),
        ("back\\slash", r"back\\slash"),
        ("-rf.wav", "./-rf.wav"),
        ("/=abs.wav", "/=abs.wav"),
        ("sep\u2028.wav", r"sep\xe2\x80\xa8.wav"),
    ],
)
def test_how_it_looks(path, text):
    assert to_table(path) == text
    assert to_table(Path(path)) == text


def test_refusals_of_the_system_name_the_path():
    for error, code in [
        (FileNotFoundError(2, "No such file"), ErrorCode.NOT_FOUND),
        (PermissionError(13, "denied"), ErrorCode.NOT_READABLE),
        (OSError(5, "Input/output error"), ErrorCode.NOT_READABLE),
        (ValueError("embedded null byte"), ErrorCode.NOT_FOUND),
    ]:
        found = unreachable("so\x1bng.wav", error)
        assert found.code == code
        assert r"so\x1bng.wav" in str(found) and found.remedy


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need a privilege there")
def test_one_file_by_several_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    (tmp_path / "link.csv").symlink_to("folder/new.csv")
    for other in ("folder/../folder/new.csv", "link/new.csv", tmp_path / "folder/new.csv", "link.csv"):
        assert is_same_file("folder/new.csv", other)
    (tmp_path / "folder/new.csv").touch()
    (tmp_path / "hard.csv").hardlink_to(tmp_path / "folder/new.csv")
    assert is_same_file("folder/new.csv", "hard.csv")
    (tmp_path / "other.csv").touch()
    assert not is_same_file("folder/new.csv", "other.csv") and not is_same_file("absent.csv", "absent.jsonl")
