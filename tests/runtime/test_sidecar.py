"""Sidecars: written whole or not at all, and never over somebody else's file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from instag.errors import ErrorCode, TagError
from instag.tags import TagOutcome, remove_leftovers, sidecar, temporary_path
from instag.tags.sidecar import read_sidecar, remove_sidecar, sidecar_path, write_sidecar

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
