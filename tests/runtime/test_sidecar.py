"""Sidecars: written whole or not at all, and never over somebody else's file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from instag.errors import ErrorCode, TagError
from instag.tags import TagOutcome, remove_leftovers, sidecar, temporary_path
from instag.tags.sidecar import has_sidecar, read_sidecar, remove_sidecar, write_sidecar
from instag.tags.sidecar_tree import SidecarTree, common_root, sidecar_path

DOCUMENT = {"dominant": "cello", "confidence": 0.9, "path": "Étude\nb.wav", "none": None}


@pytest.fixture
def audio(tmp_path: Path) -> Path:
    path = tmp_path / "a.rf64.wav"
    path.write_bytes(b"audio")
    return path


def test_round_trip(audio: Path) -> None:
    assert read_sidecar(audio) is None and remove_sidecar(audio) == TagOutcome.UNCHANGED
    assert write_sidecar(audio, DOCUMENT) == TagOutcome.WRITTEN
    assert sidecar_path(audio).name == "a.rf64.wav.instag.json"
    assert read_sidecar(audio) == DOCUMENT
    state = sidecar_path(audio).stat()
    assert write_sidecar(audio, DOCUMENT) == TagOutcome.UNCHANGED
    assert sidecar_path(audio).stat().st_mtime_ns == state.st_mtime_ns
    assert write_sidecar(audio, {**DOCUMENT, "dominant": "flute"}) == TagOutcome.WRITTEN
    assert read_sidecar(audio)["dominant"] == "flute"
    umask = os.umask(0)
    os.umask(umask)
    assert sidecar_path(audio).stat().st_mode & 0o777 == 0o666 & ~umask
    assert sorted(p.name for p in audio.parent.iterdir()) == ["a.rf64.wav", "a.rf64.wav.instag.json"]
    assert remove_sidecar(audio) == TagOutcome.WRITTEN and not sidecar_path(audio).exists()


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"notes", b"\xff\xfe", b"[" * 100_000, b'{"dominant": 1}'])
def test_files_of_others_stay(audio: Path, content: bytes) -> None:
    sidecar_path(audio).write_bytes(content)
    with pytest.raises(TagError) as caught:
        write_sidecar(audio, DOCUMENT)
    assert caught.value.code == ErrorCode.SIDECAR_WRITE_FAILED and caught.value.remedy
    assert remove_sidecar(audio) == TagOutcome.UNCHANGED
    assert sidecar_path(audio).read_bytes() == content


def test_links_and_folders_in_its_place_stay(audio: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.json"
    target.write_text(json.dumps({sidecar.MARK: 1}))
    sidecar_path(audio).symlink_to(target)
    with pytest.raises(TagError):
        write_sidecar(audio, DOCUMENT)
    assert target.read_text() == json.dumps({sidecar.MARK: 1})
    sidecar_path(audio).unlink()
    sidecar_path(audio).mkdir()
    with pytest.raises(TagError):
        write_sidecar(audio, DOCUMENT)


@pytest.mark.parametrize("step", ["create_temporary", "synchronise"])
@pytest.mark.parametrize("there", [False, True])
def test_a_fault_leaves_the_old_one(step: str, there: bool, audio: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if there:
        write_sidecar(audio, {"old": 1})
    before = sorted(p.name for p in audio.parent.iterdir())

    def fail(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sidecar, step, fail)
    with pytest.raises(TagError, match="No space left"):
        write_sidecar(audio, DOCUMENT)
    assert read_sidecar(audio) == ({"old": 1} if there else None)
    assert sorted(p.name for p in audio.parent.iterdir()) == before


def test_none_in_a_bag(tmp_path: Path) -> None:
    (tmp_path / "bagit.txt").write_text("BagIt-Version: 1.0\n")
    (tmp_path / "data").mkdir()
    with pytest.raises(TagError, match="BagIt") as caught:
        write_sidecar(tmp_path / "data" / "a.wav", DOCUMENT)
    assert caught.value.code == ErrorCode.SIDECAR_WRITE_FAILED
    assert list((tmp_path / "data").iterdir()) == []


def test_a_name_that_gets_too_long(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 250 + ".wav")
    with pytest.raises(TagError) as caught:
        write_sidecar(path, DOCUMENT)
    assert caught.value.code == ErrorCode.SIDECAR_WRITE_FAILED
    assert read_sidecar(path) is None and remove_sidecar(path) == TagOutcome.UNCHANGED


def test_leftovers_of_a_killed_process(audio: Path) -> None:
    temporary_path(sidecar_path(audio)).write_text("half")
    remove_leftovers(audio)
    assert [p.name for p in audio.parent.iterdir()] == [audio.name]


@pytest.fixture
def masters(tmp_path: Path) -> Path:
    """A read-only folder of recordings."""
    folder = tmp_path / "masters"
    (folder / "reel 7").mkdir(parents=True)
    (folder / "reel 7" / "a.wav").write_bytes(b"audio")
    (folder / "b.wav").write_bytes(b"audio")
    return folder


def test_a_mirrored_tree(masters: Path, tmp_path: Path) -> None:
    tree = SidecarTree(tmp_path / "notes" / "deep", masters)
    paths = (masters / "reel 7" / "a.wav", masters / "b.wav")
    before = sorted(masters.rglob("*"))
    for path in paths:
        document = {"path": str(path), "assigned_by": "machine"}
        assert write_sidecar(path, document, tree) == TagOutcome.WRITTEN
        assert write_sidecar(path, document, tree) == TagOutcome.UNCHANGED
        assert read_sidecar(path, tree) == document and read_sidecar(path) is None and has_sidecar(path, tree)
    assert sorted(masters.rglob("*")) == before
    mine = tree.folder / "reel 7" / "a.wav.instag.json"
    assert sidecar_path(paths[0], tree) == mine and mine.is_file()
    theirs = tree.folder / "reel 7" / "notes.txt"
    theirs.write_text("somebody's")
    for path in paths:
        assert remove_sidecar(path, tree) == TagOutcome.WRITTEN
        assert remove_sidecar(path, tree) == TagOutcome.UNCHANGED
    assert [path for path in tree.folder.rglob("*") if path.is_file()] == [theirs]
    theirs.unlink()
    write_sidecar(paths[0], {"path": str(paths[0])}, tree)
    remove_sidecar(paths[0], tree)
    assert list(tree.folder.iterdir()) == []


def test_a_mirrored_tree_of_paths_through_links(masters: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = tmp_path / "link"
    link.symlink_to(masters)
    monkeypatch.chdir(tmp_path)
    tree = SidecarTree(tmp_path / "notes", link)
    for path in (Path("link/reel 7/a.wav"), Path("masters/reel 7/../reel 7/a.wav"), masters / "reel 7" / "a.wav"):
        assert sidecar_path(path, tree) == tmp_path / "notes" / "reel 7" / "a.wav.instag.json"


def test_two_recordings_never_share_a_place_in_a_tree(masters: Path, tmp_path: Path) -> None:
    others = tmp_path / "others"
    others.mkdir()
    (others / "b.wav").write_bytes(b"other audio")
    folder = tmp_path / "notes"
    mine, theirs = masters / "b.wav", others / "b.wav"
    write_sidecar(mine, {"path": str(mine)}, SidecarTree(folder, masters))
    tree = SidecarTree(folder, others)
    with pytest.raises(TagError, match="another recording") as caught:
        write_sidecar(theirs, {"path": str(theirs)}, tree)
    assert caught.value.code == ErrorCode.SIDECAR_WRITE_FAILED and str(mine) in caught.value.message
    assert not has_sidecar(theirs, tree) and remove_sidecar(theirs, tree) == TagOutcome.UNCHANGED
    assert has_sidecar(mine, SidecarTree(folder, masters))
    # A recording that moved takes its sidecar with it.
    mine.rename(masters / "c.wav")
    assert write_sidecar(theirs, {"path": str(theirs)}, tree) == TagOutcome.WRITTEN


def test_a_file_outside_the_root_has_no_place(masters: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.wav"
    outside.write_bytes(b"audio")
    with pytest.raises(TagError, match="has no place") as caught:
        write_sidecar(outside, {}, SidecarTree(tmp_path / "notes", masters))
    assert caught.value.code == ErrorCode.SIDECAR_WRITE_FAILED and not (tmp_path / "notes").exists()
    remove_leftovers(outside, SidecarTree(tmp_path / "notes", masters))


def test_files_in_a_bag_get_sidecars_outside_it(tmp_path: Path) -> None:
    bag = tmp_path / "bag"
    (bag / "data").mkdir(parents=True)
    (bag / "bagit.txt").write_text("BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
    path = bag / "data" / "a.wav"
    path.write_bytes(b"audio")
    assert write_sidecar(path, {"path": str(path)}, SidecarTree(tmp_path / "notes", bag)) == TagOutcome.WRITTEN
    with pytest.raises(TagError, match="BagIt"):
        write_sidecar(path, {"path": str(path)}, SidecarTree(bag / "notes", bag))
    assert not (bag / "notes").exists()


def test_leftovers_in_a_mirrored_tree(masters: Path, tmp_path: Path) -> None:
    tree = SidecarTree(tmp_path / "notes", masters)
    write_sidecar(masters / "b.wav", {}, tree)
    temporary_path(sidecar_path(masters / "b.wav", tree)).write_text("half")
    remove_leftovers(masters / "b.wav", tree)
    assert [path.name for path in tree.folder.iterdir()] == ["b.wav.instag.json"]


def test_the_root_of_what_was_given(masters: Path) -> None:
    assert common_root([masters]) == masters.resolve()
    assert common_root([masters / "b.wav"]) == masters.resolve()
    assert common_root([masters / "reel 7", masters / "b.wav"]) == masters.resolve()
