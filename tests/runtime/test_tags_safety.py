"""Whatever fails, and wherever a file lies: the old file bit for bit, or the new one, and nothing else beside it."""

from __future__ import annotations

import errno
import multiprocessing
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from instag import constants, tags
from instag.containers import digest
from instag.errors import ErrorCode, FileError, TagError
from instag.tags import (
    AnalysedFile,
    TagOutcome,
    TagValues,
    check_writable,
    read_all_tags,
    read_tags,
    remove_leftovers,
    remove_tags,
    safe_write,
    temporary_path,
    write_tags,
)

VALUES = TagValues(("violin",), "violin", 0.9, "machine: instag-yamnet 1.0.0", False)
linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.random.default_rng(3).uniform(-1, 1, (2000, 2)), 44_100, subtype="PCM_16")
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def state(path: Path) -> tuple[object, ...]:
    status = path.stat()
    return path.read_bytes(), status.st_ino, status.st_mtime_ns, status.st_mode, status.st_nlink


def refused(path: Path, code: ErrorCode, *, checked: bool = True) -> TagError:
    """Asserts that a file is refused and untouched, and nothing is left beside it."""
    before, beside = state(path), names(path.parent)
    attempts: list[Callable[[Path], object]] = [lambda p: write_tags(p, VALUES), remove_tags]
    for attempt in [*attempts, check_writable] if checked else attempts[:1]:
        with pytest.raises(TagError) as caught:
            attempt(path)
        assert caught.value.code == code, caught.value
        assert caught.value.remedy and str(path) in caught.value.message
    assert state(path) == before and names(path.parent) == beside
    return caught.value


# Each step of a write, and the function that does it.
STEPS: tuple[tuple[object, str], ...] = (
    (safe_write, "create_temporary"),
    (safe_write, "copy_with_edits"),
    (safe_write, "copy_attributes"),
    (safe_write, "synchronise"),
    (os, "fsync"),
    (os, "fstat"),
    (tags, "read_entries"),
    (tags, "verify_tags"),
    (tags, "verify_audio"),
    (tags, "stored_audio_digest"),
    (digest, "_hash_spans"),
    (safe_write, "check_unchanged"),
    (safe_write, "replace"),
    (Path, "replace"),
    (shutil, "copystat"),
)
FAULTS = (
    OSError(errno.ENOSPC, "No space left on device"),
    OSError(errno.EIO, "Input/output error"),
    KeyboardInterrupt(),
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__ + str(getattr(fault, "errno", "")))
@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize(("owner", "name"), STEPS, ids=lambda part: part if isinstance(part, str) else None)
def test_a_fault_in_any_step_leaves_the_old_file(
    owner: object, name: str, nth: int, fault: BaseException, wav: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state(wav)
    real = getattr(owner, name)
    calls = 0

    def faulty(*args: object, **kwargs: object) -> object:
        nonlocal calls
        calls += 1
        if calls == nth:
            raise fault
        return real(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, faulty)
        try:
            write_tags(wav, VALUES)
            failed = False
        except (TagError, KeyboardInterrupt) as error:
            failed = True
            assert isinstance(error, KeyboardInterrupt) or error.code == ErrorCode.TAGS_WRITE_FAILED
    assert names(wav.parent) == ["a.wav"]
    if failed:
        # Ctrl-C while the folder is synchronised comes when the new file is in its place.
        if (name, nth) != ("fsync", 2):
            assert state(wav) == before
            assert write_tags(wav, VALUES) == TagOutcome.WRITTEN
    else:
        # The step runs less often than that, or the fault came when the new file was in its place.
        assert calls < nth or name == "fsync"
    assert read_tags(wav) == VALUES


def test_a_copy_that_cannot_be_read_back_is_thrown_away(wav: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in the writer is caught by mutagen's opinion on the copy."""
    before = state(wav)
    for spoil in (
        lambda content: content.replace(b"violin", b"v1olin"),
        lambda content: content[:-1],
        lambda content: b"",
    ):
        with monkeypatch.context() as patch:
            real = safe_write.copy_with_edits
            patch.setattr(
                safe_write,
                "copy_with_edits",
                lambda source, target, edits, spoil=spoil, real=real: real(
                    source,
                    target,
                    [type(e)(e.start, e.end, spoil(e.content) if len(e.content) > 9 else e.content) for e in edits],
                ),
            )
            with pytest.raises(TagError) as caught:
                write_tags(wav, VALUES)
            assert caught.value.code in (ErrorCode.TAGS_NOT_VERIFIED, ErrorCode.TAGS_DAMAGED_CONTAINER)
        assert state(wav) == before and names(wav.parent) == ["a.wav"]


def test_a_copy_with_other_audio_is_thrown_away(wav: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, real = state(wav), safe_write.copy_with_edits

    def flipped(source: object, target: object, edits: object) -> None:
        real(source, target, edits)
        target.seek(1000)
        byte = target.read(1)
        target.seek(1000)
        target.write(bytes([byte[0] ^ 1]))

    monkeypatch.setattr(safe_write, "copy_with_edits", flipped)
    with pytest.raises(TagError, match="audio would have changed") as caught:
        write_tags(wav, VALUES)
    assert caught.value.code == ErrorCode.TAGS_NOT_VERIFIED and state(wav) == before


@pytest.mark.parametrize("change", ["append", "replace", "touch", "remove", "link"])
def test_a_file_that_somebody_else_changes_meanwhile(change: str, wav: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = safe_write.synchronise

    def interrupted(copy: object) -> None:
        real(copy)
        if change == "append":
            with wav.open("ab") as file:
                file.write(b"more")
        elif change == "replace":
            wav.with_name("new").write_bytes(b"new")
            wav.with_name("new").replace(wav)
        elif change == "touch":
            os.utime(wav, ns=(1, 1))
        elif change == "link":
            os.link(wav, wav.with_name("second"))
        else:
            wav.unlink()

    monkeypatch.setattr(safe_write, "synchronise", interrupted)
    with pytest.raises(TagError) as caught:
        write_tags(wav, VALUES)
    assert caught.value.code == ErrorCode.CHANGED_DURING_RUN
    assert not any(name.startswith(constants.TEMPORARY_PREFIX) for name in names(wav.parent))
    if change == "replace":
        assert wav.read_bytes() == b"new"
    assert wav.exists() == (change != "remove")


def _write_and_die(path: Path) -> None:
    def die(copy: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    safe_write.synchronise = die
    write_tags(path, VALUES)


@linux_only
def test_a_killed_process_leaves_a_file_that_the_next_one_takes_over(wav: Path) -> None:
    before = state(wav)
    process = multiprocessing.get_context("fork").Process(target=_write_and_die, args=(wav,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert state(wav) == before
    assert names(wav.parent) == sorted([temporary_path(wav).name, "a.wav"])
    copy = temporary_path(wav).read_bytes()
    remove_leftovers(wav)
    assert names(wav.parent) == ["a.wav"]
    remove_leftovers(wav)

    temporary_path(wav).write_bytes(copy + b"longer than what comes now" * 1000)
    assert write_tags(wav, VALUES) == TagOutcome.WRITTEN
    assert names(wav.parent) == ["a.wav"] and read_tags(wav) == VALUES


@linux_only
def test_two_processes_do_not_write_one_file(wav: Path) -> None:
    with safe_write.create_temporary(temporary_path(wav)):
        with pytest.raises(TagError, match="another process") as caught:
            write_tags(wav, VALUES)
        assert caught.value.code == ErrorCode.TAGS_WRITE_FAILED
        remove_leftovers(wav)
        assert temporary_path(wav).exists()
    temporary_path(wav).unlink()
    write_tags(wav, VALUES)


def test_temporary_names() -> None:
    for name in ("a", "x" * 255, "ä" * 127, os.fsdecode(b"\xff\xfe.wav"), "new\nline"):
        path = temporary_path(Path("/nowhere") / name)
        assert path.parent == Path("/nowhere") and path.name.startswith(constants.TEMPORARY_PREFIX)
        assert len(os.fsencode(path.name)) < 64 and path == temporary_path(Path("/nowhere") / name)


AWKWARD = (
    b"with space at the end .wav ",
    b"new\nline.wav",
    b"quote'\"`$(x).wav",
    b"not-utf8-\xff\xfe.wav",
    b"-o.wav",
    b"=1+1.wav",
    "Étude – 練習曲.wav".encode(),
    b"x" * 251 + b".wav",
    b"no extension",
    b"wrong.mp3",
)


@pytest.mark.parametrize("name", AWKWARD, ids=repr)
def test_awkward_names(name: bytes, wav: Path) -> None:
    original = wav.read_bytes()
    try:
        path = wav.rename(wav.with_name(os.fsdecode(name)))
    except OSError:
        pytest.skip("the file system has no such names")
    assert write_tags(path, VALUES) == TagOutcome.WRITTEN and read_tags(path) == VALUES
    assert write_tags(path, VALUES) == TagOutcome.UNCHANGED
    remove_tags(path)
    assert path.read_bytes() == original and names(wav.parent) == [os.fsdecode(name)]


def test_permissions_owner_and_times_are_kept(wav: Path) -> None:
    wav.chmod(0o640)
    os.utime(wav, ns=(10**18, 10**18 + 123))
    if os.geteuid() == 0:
        os.chown(wav, 1234, 2345)
    before = wav.stat()
    write_tags(wav, VALUES, keep_mtime=True)
    after = wav.stat()
    assert after.st_mtime_ns == before.st_mtime_ns and stat.S_IMODE(after.st_mode) == 0o640
    assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)
    remove_tags(wav)
    assert abs(wav.stat().st_mtime - time.time()) < 60


@linux_only
def test_extended_attributes_and_acls_are_kept(wav: Path) -> None:
    try:
        os.setxattr(wav, "user.shelf", b"B7\0\xff")
    except OSError:
        pytest.skip("the file system has no extended attributes")
    acl = bytes.fromhex("0200000001000600ffffffff02000400d204000004000400ffffffff10000600ffffffff20000000ffffffff")
    try:
        os.setxattr(wav, "system.posix_acl_access", acl)
    except OSError:
        acl = b""
    write_tags(wav, VALUES)
    assert os.getxattr(wav, "user.shelf") == b"B7\0\xff"
    if acl:
        assert os.getxattr(wav, "system.posix_acl_access") == acl


@linux_only
def test_attributes_that_cannot_be_kept_stop_the_write(wav: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        os.setxattr(wav, "user.shelf", b"B7")
    except OSError:
        pytest.skip("the file system has no extended attributes")
    before = state(wav)
    monkeypatch.setattr(os, "setxattr", lambda *args, **kwargs: None)
    with pytest.raises(TagError):
        write_tags(wav, VALUES)
    assert state(wav) == before


def test_read_only_files_and_folders(wav: Path) -> None:
    wav.chmod(0o444)
    refused(wav, ErrorCode.TAGS_READ_ONLY)
    wav.chmod(0o644)
    wav.parent.chmod(0o555)
    try:
        refused(wav, ErrorCode.TAGS_READ_ONLY)
    finally:
        wav.parent.chmod(0o755)


@linux_only
@pytest.mark.parametrize("flag", ["i", "a"])
def test_immutable_and_append_only_files(flag: str, wav: Path) -> None:
    chattr = shutil.which("chattr")
    if not chattr or subprocess.run([chattr, f"+{flag}", wav], capture_output=True).returncode:
        pytest.skip("this file system or user cannot mark files immutable")
    try:
        refused(wav, ErrorCode.TAGS_READ_ONLY)
    finally:
        subprocess.run([chattr, f"-{flag}", wav], check=True)


def test_hard_links_are_refused_and_not_broken(wav: Path) -> None:
    second = wav.with_name("second.wav")
    os.link(wav, second)
    error = refused(wav, ErrorCode.TAGS_HARD_LINK)
    assert "2 names" in error.message
    assert wav.samefile(second)


def test_symbolic_links_stay_and_their_target_is_written(wav: Path) -> None:
    folder = wav.parent / "elsewhere"
    folder.mkdir()
    target = wav.rename(folder / "target.wav")
    wav.symlink_to(Path("elsewhere") / "target.wav")
    chain = wav.with_name("chain.wav")
    chain.symlink_to(wav.name)
    write_tags(chain, VALUES)
    assert chain.is_symlink() and wav.is_symlink() and not target.is_symlink()
    assert read_tags(target) == VALUES and names(folder) == ["target.wav"]
    remove_tags(wav)
    assert read_tags(target) is None and wav.is_symlink()


def test_links_to_nowhere_folders_and_loops(tmp_path: Path) -> None:
    nowhere, loop, folder, pipe = (tmp_path / name for name in ("nowhere", "loop", "folder", "pipe"))
    nowhere.symlink_to("not there")
    loop.symlink_to("loop")
    folder.mkdir()
    os.mkfifo(pipe)
    for path, code in (
        (nowhere, ErrorCode.NOT_FOUND),
        (tmp_path / "missing", ErrorCode.NOT_FOUND),
        (loop, ErrorCode.NOT_READABLE),
        (folder, ErrorCode.NOT_A_FILE),
        (pipe, ErrorCode.NOT_A_FILE),
    ):
        for attempt in (lambda p: write_tags(p, VALUES), remove_tags, check_writable):
            with pytest.raises(TagError) as caught:
                attempt(path)
            assert caught.value.code == code


@pytest.mark.parametrize("inside", ["data/a.wav", "data/deep/er/a.wav", "a.wav"])
def test_bags_are_refused(inside: str, wav: Path, tmp_path: Path) -> None:
    bag = tmp_path / "bag"
    (bag / "data").mkdir(parents=True)
    (bag / "bagit.txt").write_text("BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
    path = bag / inside
    path.parent.mkdir(parents=True, exist_ok=True)
    wav.rename(path)
    refused(path, ErrorCode.TAGS_IN_BAG)
    link = tmp_path / "link.wav"
    link.symlink_to(path)
    with pytest.raises(TagError) as caught:
        write_tags(link, VALUES)
    assert caught.value.code == ErrorCode.TAGS_IN_BAG


def test_a_folder_with_a_bagit_txt_alone_is_no_bag(wav: Path) -> None:
    wav.with_name("bagit.txt").write_text("notes")
    write_tags(wav, VALUES)


@pytest.mark.parametrize("suffix", ["wav", "aiff"])
def test_truncated_wav_and_aiff_are_refused(suffix: str, tmp_path: Path) -> None:
    whole = tmp_path / f"whole.{suffix}"
    soundfile.write(whole, np.zeros((500, 1)), 8000, subtype="PCM_16")
    data = whole.read_bytes()
    path = tmp_path / f"a.{suffix}"
    for length in [*range(12, 60), len(data) // 2, len(data) - 2, len(data) - 1]:
        path.write_bytes(data[:length])
        refused(path, ErrorCode.TAGS_DAMAGED_CONTAINER)


@pytest.mark.parametrize("claimed", [0xFFFFFFFF, 0x7FFFFFFF, 0, 1, 1001])
@pytest.mark.parametrize("field", [4, 40])
def test_wav_headers_that_lie(field: int, claimed: int, wav: Path) -> None:
    data = wav.read_bytes()
    wav.write_bytes(data[:field] + claimed.to_bytes(4, "little") + data[field + 4 :])
    refused(wav, ErrorCode.TAGS_DAMAGED_CONTAINER)


def mp3_with_large_picture(path: Path) -> Path:
    """A sparse file with a picture of 200 MB before the frames."""
    soundfile.write(path, np.zeros((8000, 1)), 44_100, format="MP3")
    frames = path.read_bytes()
    size = 200 << 20
    with path.open("wb") as file:
        file.write(b"ID3\x04\0\0" + bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0)))
        file.write(b"APIC" + bytes((size - 20 >> shift) & 0x7F for shift in (21, 14, 7, 0)) + b"\0\0")
        file.seek(size + 10)
        file.write(frames)
    return path


@pytest.mark.parametrize(
    "use", [lambda p: write_tags(p, VALUES), remove_tags, check_writable, read_tags, read_all_tags]
)
def test_gigabytes_of_tags_are_not_read(use: Callable[[Path], object], tmp_path: Path) -> None:
    """Refused by the header, in no time and with no memory."""
    path = mp3_with_large_picture(tmp_path / "big.mp3")
    tracemalloc.start()
    with pytest.raises(TagError, match="bytes in an ID3v2 tag") as caught:
        use(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.code == ErrorCode.TAGS_UNSUPPORTED and peak < 10 << 20


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    with soundfile.SoundFile(path, "w", 44_100, 2, "PCM_16") as file:
        for _ in range(42):
            file.write(np.zeros((44_100 * 5, 2), np.int16))
    tracemalloc.start()
    write_tags(path, VALUES)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert path.stat().st_size > 35 << 20 and peak < 8 << 20


def test_wrong_extension_and_no_audio(tmp_path: Path) -> None:
    text = tmp_path / "a.mp3"
    text.write_bytes(b"no audio at all\n" * 99)
    refused(text, ErrorCode.TAGS_UNSUPPORTED)
    empty = tmp_path / "empty.flac"
    empty.touch()
    refused(empty, ErrorCode.TAGS_UNSUPPORTED)
    assert read_tags(empty) is None


def test_reading_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileError) as caught:
        read_tags(tmp_path / "missing.wav")
    assert caught.value.code == ErrorCode.NOT_FOUND


def analysed(path: Path) -> AnalysedFile:
    status = path.stat()
    return AnalysedFile(status.st_ino, status.st_size, status.st_mtime_ns, digest.audio_digest(path))


def test_a_file_that_changed_after_it_was_analysed_is_not_written(wav: Path) -> None:
    seen = analysed(wav)
    soundfile.write(wav, np.zeros((2000, 2)), 44_100, subtype="PCM_16")
    before = state(wav)
    with pytest.raises(TagError, match="after it was analysed") as caught:
        write_tags(wav, VALUES, analysed=seen)
    assert caught.value.code == ErrorCode.CHANGED_DURING_RUN and state(wav) == before


def test_the_digest_of_the_analysis_is_not_made_again_and_is_still_compared(
    wav: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = analysed(wav)
    digested: list[object] = []

    def counted(file: object) -> str:
        digested.append(file)
        return digest.stored_audio_digest(file)  # type: ignore[arg-type]

    monkeypatch.setattr(tags, "stored_audio_digest", counted)
    assert write_tags(wav, VALUES, analysed=seen) == TagOutcome.WRITTEN
    assert len(digested) == 1  # the copy's
    wrong = replace(analysed(wav), audio_digest="sha256-data:" + "0" * 64)
    before = state(wav)
    with pytest.raises(TagError) as caught:
        write_tags(wav, TagValues(("cello",), "cello", 0.5, "machine: tiny 1.0.0", True), analysed=wrong)
    assert caught.value.code == ErrorCode.TAGS_NOT_VERIFIED and state(wav) == before
