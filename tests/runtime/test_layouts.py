"""Headers that do not describe what is there: all sound is heard, and what was wrong is said."""

from __future__ import annotations

import io
import itertools
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from instag.audio import open_audio
from instag.containers import Kind, StructureError, au, caf, iff
from instag.containers.layout import find_sound
from instag.errors import ErrorCode

RATE = 16000
UNKNOWN = 0xFFFFFFFF


def pcm(seconds: float, order: str = "<") -> bytes:
    rng = np.random.default_rng(3)
    wave = 0.3 * np.sin(2 * np.pi * 440 * np.arange(int(RATE * seconds)) / RATE)
    return ((wave + rng.normal(0, 0.01, len(wave))) * 32767).astype(f"{order}i2").tobytes()


def chunk(name: bytes, body: bytes, size: int | None = None, order: str = "<", pad: bool = True) -> bytes:
    length = len(body) if size is None else size
    return struct.pack(f"{order}4sI", name, length) + body + bytes(len(body) & 1 if pad else 0)


def fmt(order: str = "<") -> bytes:
    return chunk(b"fmt ", struct.pack(f"{order}HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16), order=order)


def riff(*parts: bytes, size: int | None = None, magic: bytes = b"RIFF", order: str = "<") -> bytes:
    body = b"WAVE" + b"".join(parts)
    return struct.pack(f"{order}4sI", magic, len(body) if size is None else size) + body


def ds64(riff_size: int, data_size: int) -> bytes:
    return chunk(b"ds64", struct.pack("<QQQI", riff_size, data_size, data_size // 2, 0))


def aiff(sound: bytes, claimed: int, frames: int = 0) -> bytes:
    comm = struct.pack(">hIh", 1, frames, 16) + struct.pack(">HQ", 16383 + 13, int(RATE / 2**13 * 2**63))
    body = b"AIFF" + chunk(b"COMM", comm, order=">") + b"SSND" + struct.pack(">III", claimed, 0, 0) + sound
    return b"FORM" + struct.pack(">I", 46) + body


def wave64(sound: bytes, claimed: int) -> bytes:
    tail = bytes.fromhex("f3acd3118cd100c04f8edb8a")
    form = struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16)
    head = b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000") + struct.pack("<Q", claimed) + b"wave" + tail
    return head + b"fmt " + tail + struct.pack("<Q", 40) + form + b"data" + tail + struct.pack("<Q", claimed) + sound


def caff(sound: bytes, claimed: int) -> bytes:
    desc = struct.pack(">d4sIIIII", RATE, b"lpcm", 0, 2, 1, 1, 16)
    return b"caff\0\1\0\0" + struct.pack(">4sq", b"desc", 32) + desc + struct.pack(">4sqI", b"data", claimed, 0) + sound


def heard(path: Path) -> tuple[float, ErrorCode | None, str]:
    with open_audio(path, RATE) as stream:
        frames = sum(len(block) for block in stream.blocks())
        return frames / RATE, stream.code, stream.warning


LIST = chunk(b"LIST", b"INFOINAM\4\0\0\0abc\0")
LITTLE, BIG = pcm(4), pcm(4, ">")
BEYOND = {
    "data stale": riff(fmt(), chunk(b"data", LITTLE, size=32000)),
    "data and riff stale": riff(fmt(), chunk(b"data", LITTLE, size=32000), size=32036),
    "data stale, chunk behind": riff(fmt(), chunk(b"data", LITTLE, size=32000), LIST),
    "data 0, riff right": riff(fmt(), chunk(b"data", LITTLE, size=0)),
    "data 0, riff unknown": riff(fmt(), chunk(b"data", LITTLE, size=0), size=UNKNOWN),
    "data 0, riff 0x80000000": riff(fmt(), chunk(b"data", LITTLE, size=0), size=0x80000000),
    "data 0, riff 0": riff(fmt(), chunk(b"data", LITTLE, size=0), size=0),
    "data 0, chunk behind": riff(fmt(), chunk(b"data", LITTLE, size=0), LIST, size=0),
    "big-endian, data 0": riff(fmt(">"), chunk(b"data", BIG, size=0, order=">"), magic=b"RIFX", order=">"),
    "RF64, ds64 zero": riff(ds64(0, 0), fmt(), chunk(b"data", LITTLE, size=UNKNOWN), magic=b"RF64", size=UNKNOWN),
    "BW64, ds64 zero": riff(ds64(0, 0), fmt(), chunk(b"data", LITTLE, size=UNKNOWN), magic=b"BW64", size=UNKNOWN),
    "RF64, ds64 stale": riff(ds64(0, 9600), fmt(), chunk(b"data", LITTLE, size=UNKNOWN), magic=b"RF64", size=UNKNOWN),
    "AIFF 8": aiff(BIG, 8),
    "AIFF 0": aiff(BIG, 0),
    "AIFF stale": aiff(BIG, 32008, 16000),
    "AU 0": struct.pack(">4sIIIII", b".snd", 24, 0, 3, RATE, 1) + BIG,
    "AU stale": struct.pack(">4sIIIII", b".snd", 24, 32000, 3, RATE, 1) + BIG,
    "CAF 0": caff(LITTLE, 0),
    "CAF 4": caff(LITTLE, 4),
    "CAF stale": caff(LITTLE, 32004),
    "Wave64 0": wave64(LITTLE, 0),
    "Wave64 24": wave64(LITTLE, 24),
    "Wave64 stale": wave64(LITTLE, 32024),
}
WHOLE = {
    "BW64": riff(
        ds64(len(LITTLE) + 200, len(LITTLE)),
        fmt(),
        chunk(b"chna", bytes(44)),
        chunk(b"axml", b"<x/> "),
        chunk(b"data", LITTLE, size=UNKNOWN),
        magic=b"BW64",
        size=UNKNOWN,
    ),
    "odd chunk without pad": riff(fmt(), chunk(b"inst", b"\x3c\0\0\0\x7f\0\x7f", pad=False), chunk(b"data", LITTLE)),
    "two data chunks": riff(fmt(), chunk(b"data", LITTLE[:64000]), LIST, chunk(b"data", LITTLE[64000:])),
    "list of waves": riff(
        fmt(), chunk(b"LIST", b"wavl" + chunk(b"data", LITTLE[:64000]) + chunk(b"data", LITTLE[64000:]))
    ),
    "data before fmt": riff(chunk(b"data", LITTLE), fmt()),
    "chunk behind": riff(fmt(), chunk(b"data", LITTLE), LIST),
    "chunk behind, riff short": riff(fmt(), chunk(b"data", LITTLE), LIST, size=36 + len(LITTLE)),
    "zeros behind": riff(fmt(), chunk(b"data", LITTLE), size=36 + len(LITTLE)) + bytes(4096),
    "ID3v1 behind": riff(fmt(), chunk(b"data", LITTLE), size=36 + len(LITTLE)) + b"TAG".ljust(128, b"x"),
    "unknown size, chunk behind": riff(fmt(), chunk(b"data", LITTLE, size=UNKNOWN), LIST, size=UNKNOWN),
    "unknown size": riff(fmt(), chunk(b"data", LITTLE, size=UNKNOWN), size=UNKNOWN),
    "0x7FFFFFFF": riff(fmt(), chunk(b"data", LITTLE, size=0x7FFFFFFF), size=0x7FFFFFFF),
    "0x80000000": riff(fmt(), chunk(b"data", LITTLE, size=0x80000000), size=0x80000024),
    "AU unknown": struct.pack(">4sIIIII", b".snd", 24, UNKNOWN, 3, RATE, 1) + BIG,
    "CAF to the end": caff(LITTLE, -1),
    "CAF zeros behind": caff(LITTLE, len(LITTLE) + 4) + bytes(100),
}


@pytest.mark.parametrize("name", BEYOND)
def test_sound_beyond_the_claim_is_heard_and_said(tmp_path: Path, name: str) -> None:
    (tmp_path / "a").write_bytes(BEYOND[name])
    seconds, code, warning = heard(tmp_path / "a")
    assert seconds == pytest.approx(4, abs=0.01)
    assert code == ErrorCode.TRUNCATED
    assert "header" in warning


@pytest.mark.parametrize("name", WHOLE)
def test_whole_sound_has_no_code(tmp_path: Path, name: str) -> None:
    (tmp_path / "a").write_bytes(WHOLE[name])
    seconds, code, warning = heard(tmp_path / "a")
    assert (code, warning) == (None, "")
    assert seconds == pytest.approx(4, abs=0.002)


@pytest.mark.parametrize("name", [name for name in BEYOND if name.startswith(("data", "AIFF"))])
def test_the_digest_covers_what_is_heard_and_tagging_refuses(name: str) -> None:
    kind = Kind.AIFF if name.startswith("AIFF") else Kind.WAV
    file = io.BytesIO(BEYOND[name])
    lead = 8 if kind == Kind.AIFF else 0
    assert sum(span.end - span.start - lead for span in iff.audio_spans(file, kind)) == len(LITTLE)
    with pytest.raises(StructureError):
        iff.read_form(file, kind)


def test_a_size_that_wrapped_round_at_4_gib(tmp_path: Path) -> None:
    sound_bytes = (1 << 32) + 64000
    path = tmp_path / "long.wav"
    with path.open("wb") as file:
        file.write(riff(fmt(), chunk(b"data", b"", size=64000), size=64036 + len(LIST)))
        file.seek(44 + sound_bytes - 64000)
        file.write(LITTLE[:64000] + LIST)
    with path.open("rb") as file:
        layout = find_sound(file, Kind.WAV)
    assert [span.end - span.start for span in layout.spans] == [sound_bytes]
    assert layout.is_beyond_claim
    with open_audio(path, RATE) as stream:
        assert stream.info.claimed_seconds == sound_bytes / 2 / RATE
        assert len(next(iter(stream.blocks())))


@pytest.mark.parametrize("subtype", ["PCM_24", "FLOAT", "ULAW", "IMA_ADPCM", "MS_ADPCM"])
def test_other_codings_with_a_stale_size(tmp_path: Path, subtype: str) -> None:
    path = tmp_path / "a.wav"
    sound = np.frombuffer(LITTLE, "<i2") / 32768
    soundfile.write(path, sound, RATE, subtype=subtype)
    data = bytearray(path.read_bytes())
    at = data.find(b"data") + 4
    struct.pack_into("<I", data, at, 0)
    path.write_bytes(data)
    seconds, code, _ = heard(path)
    assert seconds == pytest.approx(4, abs=0.1)
    assert code == ErrorCode.TRUNCATED


@given(st.binary(max_size=400), st.sampled_from([Kind.WAV, Kind.RF64, Kind.AIFF, Kind.W64]))
@settings(max_examples=200, deadline=None)
def test_spans_lie_inside_any_file_and_in_order(body: bytes, kind: Kind) -> None:
    for head in (riff(fmt(), b"data" + body), wave64(body, 24), aiff(body, 0), body):
        spans = find_sound(io.BytesIO(head), kind).spans
        assert all(span.start >= 0 and span.end <= max(len(head), span.start) for span in spans)
        assert all(one.end <= two.start for one, two in itertools.pairwise(spans))


@given(st.integers(0, 2**63 - 1), st.integers(0, 300))
@settings(max_examples=100, deadline=None)
def test_au_and_caf_spans_end_with_the_file_at_the_latest(claimed: int, length: int) -> None:
    sound = LITTLE[:length]
    file = caff(sound, claimed)
    assert caf.audio_spans(io.BytesIO(file))[0].end <= len(file)
    file = struct.pack(">4sIIIII", b".snd", 24, claimed & UNKNOWN, 3, RATE, 1) + sound
    assert au.audio_spans(io.BytesIO(file))[0].end == len(file)


@given(st.integers(0, len(LITTLE) // 2), st.booleans(), st.sampled_from([b"LIST", b"id3 ", b"bext", b"cue "]))
@settings(max_examples=60, deadline=None)
def test_any_stale_size_finds_all_sound_and_no_chunk(frames: int, has_tail: bool, name: bytes) -> None:
    tail = chunk(name, b"INFOabcd") if has_tail else b""
    file = riff(fmt(), chunk(b"data", LITTLE, size=2 * frames), tail)
    spans = find_sound(io.BytesIO(file), Kind.WAV).spans
    missing = len(LITTLE) - sum(span.end - span.start for span in spans)
    assert 0 <= missing <= max(8, min(4096, 2 * frames // 100))  # so few bytes behind a claim are crumbs
