"""Damaged containers: an error that says so or tags that can be taken back, never anything else, and never a hang."""

from __future__ import annotations

import io
import itertools
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instag.containers import StructureError, asf, flac, iff, mp4, ogg, trailers
from instag.containers import id3 as id3_tags
from instag.containers.digest import audio_digest
from instag.containers.recognise import layout_of
from instag.errors import ErrorCode, FileError
from instag.tags import TagValues, check_writable, read_all_tags, read_tags, remove_tags, write_tags
from instag.tags.vorbis import parse_comments
from tests.support import containers

VALUES = TagValues(("violin", "cello"), "violin", 0.872, "machine: instag-yamnet 1.0.0", False)
MAKERS = {**containers.TAGGED, **containers.TAGGED_BY_AV, **containers.REFUSED, **containers.REFUSED_BY_AV}
MUTATIONS = 12
EXTREMES = (b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x00\x00\x00\x00", b"\x80\x00\x00\x00", b"\x00\x00\x00\x01")


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Cuts, flips, lies about lengths, repeats and leaves out; mostly where headers are."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        reach = len(changed) if rng.random() < 0.5 else min(len(changed), 400)
        at = rng.randrange(max(1, reach))
        if rng.random() < 0.2:
            at = max(0, len(changed) - 1 - rng.randrange(400))
        kind = rng.randrange(6)
        if kind == 0:
            del changed[at:]
        elif kind == 1 and changed:
            changed[min(at, len(changed) - 1)] ^= 1 << rng.randrange(8)
        elif kind == 2:
            changed[at : at + 4] = rng.choice(EXTREMES)
        elif kind == 3:
            changed[at:at] = changed[at : at + rng.randrange(64)]
        elif kind == 4:
            del changed[at : at + rng.randrange(1, 64)]
        else:
            changed[at : at + 8] = rng.randbytes(8)
    return bytes(changed)


def survive(path: Path, data: bytes) -> str:
    """Writes and takes back tags of a damaged file, and says what became of it."""
    path.write_bytes(data)
    digest = audio_digest(path)
    for read in (read_tags, read_all_tags):
        try:
            read(path)
        except FileError as error:
            assert str(path) in error.message
    try:
        check_writable(path)
        allowed = True
    except FileError:
        allowed = False
    assert path.read_bytes() == data
    try:
        write_tags(path, VALUES)
    except FileError as error:
        assert path.read_bytes() == data
        assert not allowed or error.code == ErrorCode.TAGS_NOT_VERIFIED, error
        return error.code
    assert allowed and audio_digest(path) == digest
    assert read_tags(path) is not None
    remove_tags(path)
    assert read_tags(path) is None and audio_digest(path) == digest
    assert path.read_bytes() == data
    return "taken back"


@pytest.mark.parametrize("name", MAKERS)
def test_damaged_containers(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if name in containers.TAGGED_BY_AV or name in containers.REFUSED_BY_AV:
        pytest.importorskip("av")
    monkeypatch.setattr(containers, "tone", lambda seconds=1.0, real=containers.tone: real(0.05))
    monkeypatch.setattr(containers, "PNG", containers.PNG[:200])
    path = tmp_path / name
    MAKERS[name](path)
    data = path.read_bytes()
    rng = random.Random(name)
    outcomes = [survive(path, mutated(data, rng)) for _ in range(MUTATIONS)]
    assert [p.name for p in tmp_path.iterdir()] == [name]
    if name in containers.TAGGED and path.suffix not in (".mpc", ".ape"):
        assert len(set(outcomes)) > 1


def _parsers() -> dict[str, Callable[[bytes], object]]:
    def on_file(parse: Callable[[io.BytesIO], object]) -> Callable[[bytes], object]:
        return lambda data: parse(io.BytesIO(data))

    return {
        "id3": id3_tags.parse_tag,
        "id3 file": on_file(id3_tags.leading_tags_end),
        "comments": parse_comments,
        "wav": on_file(lambda file: iff.read_form(file, iff.Kind.WAV)),
        "aiff": on_file(lambda file: iff.read_form(file, iff.Kind.AIFF)),
        "rf64 audio": on_file(lambda file: iff.audio_spans(file, iff.Kind.RF64)),
        "wave64 audio": on_file(lambda file: iff.audio_spans(file, iff.Kind.W64)),
        "flac": on_file(flac.read_layout),
        "ogg": on_file(lambda file: list(ogg.pages(file))),
        "mp4": on_file(mp4.read_atoms),
        "mp4 audio": on_file(mp4.audio_spans),
        "asf": on_file(asf.read_layout),
        "trailers": on_file(trailers.trailing_tags),
        "sniff": on_file(layout_of),
    }


_HEADS = {
    "id3": b"ID3\x04\0\0\0\0\0\x40",
    "wav": b"RIFF\x40\0\0\0WAVE",
    "aiff": b"FORM\0\0\0\x40AIFF",
    "rf64 audio": b"RF64\xff\xff\xff\xffWAVE",
    "wave64 audio": b"riff" + bytes(36),
    "flac": b"fLaC\0\0\0\x22" + bytes(34),
    "ogg": b"OggS\0\x02" + bytes(20) + b"\x01",
    "mp4": b"\0\0\0\x40moov",
    "asf": asf.HEADER + b"\x60" + bytes(7) + b"\x02\0\0\0\x01\x02",
}


@pytest.mark.parametrize("name", _parsers())
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_parsers_take_anything(name: str, data: st.DataObject) -> None:
    """Whatever the bytes: a result or a `StructureError`."""
    head = _HEADS.get(name, b"")
    words = st.sampled_from([b"\xff" * 4, bytes(4), b"\0\0\0\x08", b"\x08\0\0\0", b"udta", b"meta", b"TXXX", b"data"])
    tail = b"".join(data.draw(st.lists(st.one_of(st.binary(max_size=12), words), max_size=20)))
    try:
        _parsers()[name](head + tail)
    except StructureError as error:
        assert str(error)


@given(st.binary())
def test_unsynchronisation_is_undone(data: bytes) -> None:
    coded = id3_tags.apply_unsynchronisation(data)
    assert id3_tags.remove_unsynchronisation(coded) == data
    assert not any(a == 0xFF and b >= 0xE0 for a, b in itertools.pairwise(coded)) and coded[-1:] != b"\xff"


@given(st.integers(0, (1 << 28) - 1))
def test_synchsafe_numbers(value: int) -> None:
    assert id3_tags.from_synchsafe(id3_tags.synchsafe(value)) == value


def test_deeply_nested_atoms(tmp_path: Path) -> None:
    data = b""
    for _ in range(3000):
        data = mp4.atom_bytes(b"moov", data)
    path = tmp_path / "deep.mp4"
    assert survive(path, mp4.atom_bytes(b"ftyp", b"M4A \0\0\0\0") + data) == ErrorCode.TAGS_DAMAGED_CONTAINER


def test_endless_small_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Millions of empty parts end in an error, not at the end of memory."""
    monkeypatch.setattr(mp4, "MAX_PARTS", 3_000)
    path = tmp_path / "many.mp4"
    head = mp4.atom_bytes(b"ftyp", b"M4A \0\0\0\0") + mp4.atom_bytes(b"moov", b"")
    assert survive(path, head + b"\0\0\0\x08free" * 3_000) == ErrorCode.TAGS_UNSUPPORTED


def test_a_large_tag_of_many_small_frames(tmp_path: Path) -> None:
    """mutagen would copy the whole rest of the tag at each of them."""
    path = tmp_path / "many.mp3"
    frames = (b"TXXX\0\0\0\x02\0\0\0a" * 200_000) + b"APIC\0\x7f\x7f\x7f\0\0" + bytes((1 << 21) - 1)
    head = b"ID3\x04\0\0" + id3_tags.synchsafe(len(frames))
    containers.TAGGED["plain.mp3"](path)
    path.write_bytes(head + frames + path.read_bytes())
    with pytest.raises(FileError, match="frames of ID3v2"):
        read_tags(path)
    assert survive(path, path.read_bytes()) == ErrorCode.TAGS_UNSUPPORTED
