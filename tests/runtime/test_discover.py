import os
import sys
from pathlib import Path

import pytest

from instag.discover import Unreached, discover
from instag.errors import ErrorCode

needs_links = pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need a privilege there")


@pytest.fixture
def tree(tmp_path):
    for name in (
        "b/two.WAV",
        "b/one.mp3",
        "B/three.Flac",
        "a.ogg",
        "b.opus",
        "notes.txt",
        "wav",
        ".hidden.wav",
        ".trash/x.wav",
        "b/._two.WAV",
        "b/.instag-abc.wav",
        "b/two.WAV.instag.json",
        "deep/er/still/x.m4a",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path


def names(root, *args, **kwargs):
    return [str(p.relative_to(root)) for p in discover(*args, **kwargs)]


def test_walks_in_a_stable_order_and_leaves_out_what_is_no_recording(tree):
    expected = ["B/three.Flac", "a.ogg", "b/one.mp3", "b/two.WAV", "b.opus", "deep/er/still/x.m4a"]
    assert names(tree, [tree]) == expected
    assert names(tree, [tree / "b", tree]) == [
        "b/one.mp3",
        "b/two.WAV",
        "B/three.Flac",
        "a.ogg",
        "b.opus",
        *expected[5:],
    ]


def test_named_files_are_always_tried_and_nothing_twice(tree):
    named = [tree / "notes.txt", tree / ".hidden.wav", tree / "b", tree / "b/two.WAV", tree / "notes.txt"]
    assert names(tree, named, exclude=["*"]) == ["notes.txt", ".hidden.wav", "b/two.WAV"]
    assert names(tree, named) == ["notes.txt", ".hidden.wav", "b/one.mp3", "b/two.WAV"]


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        (["*.WAV"], [], ["b/two.WAV"]),
        (["*.wav", "*.M4A"], [], ["b/two.WAV", "deep/er/still/x.m4a"]),
        (["b/*"], [], ["B/three.Flac", "b/one.mp3", "b/two.WAV"]),
        ([], ["deep"], ["B/three.Flac", "a.ogg", "b/one.mp3", "b/two.WAV", "b.opus"]),
        ([], ["deep/*", "b/*", "B"], ["a.ogg", "b.opus"]),
        (["*.ogg", "*.mp3"], ["a.*"], ["b/one.mp3"]),
        (["?.ogg", "[d]eep/*"], [], ["a.ogg", "deep/er/still/x.m4a"]),
        (["(*"], [], []),
    ],
)
def test_globs(tree, include, exclude, expected):
    assert names(tree, [tree], include=include, exclude=exclude) == expected


def test_globs_do_not_care_how_an_accent_is_spelled(tmp_path):
    (tmp_path / "cafe\u0301.wav").write_bytes(b"x")
    assert len(list(discover([tmp_path], include=["caf\u00e9*"]))) == 1


@needs_links
def test_links_in_circles_and_files_met_twice(tree):
    (tree / "b/up").symlink_to(tree)
    (tree / "b/self").symlink_to("self")
    (tree / "a_link.wav").symlink_to(tree / "b/two.WAV")
    (tree / "zz.wav").symlink_to("a.ogg")
    found = names(tree, [tree, tree / "b/up", tree / "b/up/a.ogg"])
    assert sorted(found) == sorted(
        ["B/three.Flac", "a.ogg", "a_link.wav", "b/one.mp3", "b.opus", "deep/er/still/x.m4a"]
    )


@needs_links
def test_a_link_to_nowhere_is_reported_by_whoever_opens_it(tmp_path):
    (tmp_path / "gone.wav").symlink_to(tmp_path / "nothing.wav")
    assert list(discover([tmp_path])) == [tmp_path / "gone.wav"]
    (refused,) = discover([tmp_path / "gone.wav"])
    assert isinstance(refused, Unreached) and refused.error.code == ErrorCode.NOT_FOUND


@needs_links
def test_hard_links_are_names_of_equal_right(tree):
    os.link(tree / "a.ogg", tree / "a2.ogg")
    assert {"a.ogg", "a2.ogg"} <= set(names(tree, [tree]))


def test_one_bad_argument_does_not_lose_the_rest(tree):
    paths = [Path("no/such/thing.wav"), tree / "a.ogg", Path("nul\0.wav"), tree / "a.ogg/x", tree / "b.opus"]
    found = list(discover(paths))
    bad = [item for item in found if isinstance(item, Unreached)]
    assert [item.error.code for item in bad] == [ErrorCode.NOT_FOUND] * 3
    assert "no/such/thing.wav" in str(bad[0].error)
    assert [item for item in found if not isinstance(item, Unreached)] == [tree / "a.ogg", tree / "b.opus"]


def test_folders_that_cannot_be_entered_are_reported(tree, monkeypatch):
    real = os.scandir

    def scandir(path):
        if Path(path).name == "b":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = list(discover([tree]))
    (refused,) = [item for item in found if isinstance(item, Unreached)]
    assert refused.path == tree / "b" and refused.error.code == ErrorCode.NOT_READABLE
    assert len(found) == 5


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_no_utf8(tmp_path):
    raw = os.fsencode(tmp_path) + b"/lat\xe9in\n.wav"
    Path(os.fsdecode(raw)).touch()
    (found,) = discover([tmp_path])
    assert os.fsencode(found) == raw


def test_trees_deeper_than_the_stack(tmp_path):
    # Path after path below the system's limit for one name, and deeper than a recursion of a few frames a level.
    folder = tmp_path.joinpath(*["d"] * 400)
    folder.mkdir(parents=True)
    (folder / "x.wav").write_bytes(b"x")
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(200)
    try:
        found = list(discover([tmp_path]))
    finally:
        sys.setrecursionlimit(limit)
    assert found == [folder / "x.wav"]


def test_it_streams(tmp_path):
    for index in range(3):
        (tmp_path / f"{index}").mkdir()
        (tmp_path / f"{index}/x.wav").write_bytes(b"x")
    found = discover([tmp_path])
    assert next(found) == tmp_path / "0/x.wav"
    (tmp_path / "2/x.wav").unlink()
    assert list(found) == [tmp_path / "1/x.wav"]


def test_what_is_left_out_for_its_extension_is_told(tree):
    left_out = []
    found = list(discover([tree, tree / "notes.txt"], exclude=["deep"], left_out=left_out.append))
    assert tree / "notes.txt" in found  # named itself, it is tried all the same
    assert left_out == [tree / "notes.txt", tree / "wav"]
    left_out.clear()
    list(discover([tree], include=["b/*"], left_out=left_out.append))
    assert left_out == []


def test_a_way_back_up_gives_no_second_name(tree, monkeypatch):
    monkeypatch.chdir(tree)
    assert list(discover([Path("b/../b/one.mp3"), Path("deep/../b/one.mp3")])) == [Path("b/one.mp3")]


@needs_links
def test_a_way_back_up_behind_a_link_stays_as_it_is(tree, monkeypatch):
    monkeypatch.chdir(tree)
    Path("link").symlink_to("deep/er")
    # Over the link, `..` is the folder `deep`, not this one.
    assert list(discover([Path("link/../er/still/x.m4a")])) == [Path("link/../er/still/x.m4a")]
