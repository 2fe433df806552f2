"""Cases that people reported of such tools and that were wrong here once, by their numbers; each is one of a kind."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from instag.audio import open_audio
from instag.constants import AUDIO_EXTENSIONS
from instag.errors import ErrorCode, FileError
from tests.support.avfiles import av, encode

RATE = 16_000
UNKNOWN = 0xFFFF_FFFF


def hear(path: Path):
    """Seconds heard, and the stream after its end."""
    with open_audio(path, RATE) as stream:
        samples = np.concatenate(list(stream.blocks()))
    return len(samples) / RATE, stream


def is_whole(path: Path, seconds: float, tolerance: float = 0.01) -> bool:
    """Whether all is heard, and nothing is said against it."""
    heard, stream = hear(path)
    return abs(heard - seconds) <= tolerance and not stream.code and not stream.warning and stream.heard_share == 1.0


def notes(seconds: float, rate: int = RATE) -> np.ndarray:
    """A decaying note each half second, with four partials."""
    time = np.arange(int(seconds * rate)) / rate
    partials = sum(np.sin(2 * np.pi * 440 * k * time) / k for k in (1, 2, 3, 4))
    return (0.15 * np.exp(-4 * (time % 0.5)) * partials).astype(np.float32)


def pcm(seconds: float, order: str = "<") -> bytes:
    return (notes(seconds) * 32767).astype(f"{order}i2").tobytes()


def chunk(name: bytes, body: bytes, size: int | None = None, pad: bool = True) -> bytes:
    return struct.pack("<4sI", name, len(body) if size is None else size) + body + bytes(len(body) & 1 if pad else 0)


FMT = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16))


def riff(*chunks: bytes, size: int | None = None, magic: bytes = b"RIFF") -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return struct.pack("<4sI", magic, len(body) if size is None else size) + body


@pytest.mark.parametrize("riff_size", [None, 64036])
def test_case_02_a_stale_size_of_data(tmp_path: Path, riff_size: int | None) -> None:
    (tmp_path / "a.wav").write_bytes(riff(FMT, chunk(b"data", pcm(7), size=64000), size=riff_size))
    seconds, stream = hear(tmp_path / "a.wav")
    assert seconds == 7 and stream.heard_share == 1.0
    assert stream.code == ErrorCode.TRUNCATED and "claims 64000 bytes" in stream.warning


def test_case_07_joined_mp3(tmp_path: Path) -> None:
    parts = [encode(tmp_path / f"{n}.mp3", notes(n, 44_100), "mp3", "mp3") for n in (4, 6)]
    (tmp_path / "joined.mp3").write_bytes(b"".join(part.read_bytes() for part in parts))
    assert is_whole(tmp_path / "joined.mp3", 10, 0.1)


def test_case_08_a_count_of_frames_that_is_too_small(tmp_path: Path) -> None:
    data = bytearray(encode(tmp_path / "a.mp3", notes(8, 44_100), "mp3", "mp3").read_bytes())
    at = max(data.find(b"Info"), data.find(b"Xing"))
    struct.pack_into(">I", data, at + 8, 50)
    (tmp_path / "few.mp3").write_bytes(data)
    assert is_whole(tmp_path / "few.mp3", 8, 0.1)


def test_case_09_chained_ogg(tmp_path: Path) -> None:
    parts = [tmp_path / "1.ogg", tmp_path / "2.ogg"]
    soundfile.write(parts[0], notes(3), RATE, subtype="VORBIS")
    soundfile.write(parts[1], np.stack([notes(4, 44_100)] * 2, axis=1), 44_100, subtype="VORBIS")
    (tmp_path / "chained.ogg").write_bytes(b"".join(part.read_bytes() for part in parts))
    assert is_whole(tmp_path / "chained.ogg", 7)


@pytest.mark.parametrize("behind", [b"TAG" + b"Title".ljust(125, b"\0"), bytes(4096), b"TAG".ljust(128, b"x") * 2])
def test_case_12_flac_with_a_tag_behind(tmp_path: Path, behind: bytes) -> None:
    soundfile.write(tmp_path / "a.flac", notes(5), RATE)
    (tmp_path / "a.flac").write_bytes((tmp_path / "a.flac").read_bytes() + behind)
    assert is_whole(tmp_path / "a.flac", 5)


def test_case_13_bw64_without_av(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    sound = pcm(4)
    ds64 = chunk(b"ds64", struct.pack("<QQQI", len(sound) + 160, len(sound), len(sound) // 2, 0))
    parts = (ds64, FMT, chunk(b"chna", bytes(44)), chunk(b"axml", b"<x/> "), chunk(b"data", sound, size=UNKNOWN))
    (tmp_path / "adm.wav").write_bytes(riff(*parts, magic=b"BW64", size=UNKNOWN))
    assert is_whole(tmp_path / "adm.wav", 4)


@pytest.mark.parametrize(
    ("container", "codec", "rate"),
    [
        ("wav", "adpcm_g726", 8000),
        ("wav", "adpcm_g722", 16_000),
        ("wav", "wmav2", 44_100),
        ("wav", "ac3", 44_100),
        ("caf", "alac", 44_100),
    ],
)
def test_case_14_codings_that_only_ffmpeg_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, container: str, codec: str, rate: int
) -> None:
    path = encode(tmp_path / "a", notes(3, rate), container, codec, rate, 1)
    seconds, stream = hear(path)
    assert seconds == pytest.approx(3, abs=0.1) and stream.code is None
    monkeypatch.setitem(sys.modules, "av", None)
    try:
        assert is_whole(path, 3, 0.1)
    except FileError as error:
        assert error.code == ErrorCode.NEEDS_AV


def test_case_14_data_in_front_of_its_format_and_a_tag_in_front_of_ogg(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    (tmp_path / "a.wav").write_bytes(riff(chunk(b"data", pcm(3)), FMT))
    assert is_whole(tmp_path / "a.wav", 3)
    soundfile.write(tmp_path / "a.ogg", notes(3), RATE, subtype="VORBIS")
    tag = b"ID3\x03\0\0\0\0\0\x14" + bytes(20)
    (tmp_path / "a.ogg").write_bytes(tag + (tmp_path / "a.ogg").read_bytes())
    assert is_whole(tmp_path / "a.ogg", 3)


def _aiff(sound: bytes, claimed: int) -> bytes:
    comm = struct.pack(">4sIhIh", b"COMM", 18, 1, 0, 16) + struct.pack(">HQ", 16383 + 13, int(RATE / 2**13 * 2**63))
    return struct.pack(">4sI", b"FORM", 46) + b"AIFF" + comm + struct.pack(">4sIII", b"SSND", claimed, 0, 0) + sound


def _rf64(magic: bytes, data_size: int) -> bytes:
    ds64 = chunk(b"ds64", struct.pack("<QQQI", data_size, data_size, data_size // 2, 0))
    return riff(ds64, FMT, chunk(b"data", pcm(4), size=UNKNOWN), magic=magic, size=UNKNOWN)


def _wave64(claimed: int) -> bytes:
    tail = bytes.fromhex("f3acd3118cd100c04f8edb8a")
    head = b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000") + struct.pack("<Q", claimed) + b"wave" + tail
    return (
        head + b"fmt " + tail + struct.pack("<Q", 40) + FMT[8:] + b"data" + tail + struct.pack("<Q", claimed) + pcm(4)
    )


UNFINISHED = {
    "data 0": riff(FMT, chunk(b"data", pcm(4), size=0)),
    "data 0, riff unknown": riff(FMT, chunk(b"data", pcm(4), size=0), size=UNKNOWN),
    "data 0, riff 0x80000000": riff(FMT, chunk(b"data", pcm(4), size=0), size=0x8000_0000),
    "AIFF 8": _aiff(pcm(4, ">"), 8),
    "RF64 0": _rf64(b"RF64", 0),
    "BW64 0": _rf64(b"BW64", 0),
    "AU 0": struct.pack(">4sIIIII", b".snd", 24, 0, 3, RATE, 1) + pcm(4, ">"),
}
PLACEHOLDERS = {
    "AIFF unknown": _aiff(pcm(4, ">"), UNKNOWN),
    "AIFF 0x7FFFFFFF": _aiff(pcm(4, ">"), 0x7FFF_FFFF),
    "RF64 unknown": _rf64(b"RF64", (1 << 64) - 1),
    "RF64 half": _rf64(b"RF64", (1 << 63) - 1),
    "RF64 32 bits": _rf64(b"RF64", UNKNOWN),
    "BW64 unknown": _rf64(b"BW64", (1 << 64) - 1),
    "Wave64 unknown": _wave64((1 << 64) - 1),
    "Wave64 half": _wave64((1 << 63) - 1),
    "Wave64 32 bits": _wave64(UNKNOWN),
}


@pytest.mark.parametrize("name", UNFINISHED)
def test_case_15_headers_that_were_never_finished(tmp_path: Path, name: str) -> None:
    (tmp_path / "a").write_bytes(UNFINISHED[name])
    seconds, stream = hear(tmp_path / "a")
    assert seconds == pytest.approx(4, abs=0.001) and stream.heard_share == 1.0
    assert stream.code == ErrorCode.TRUNCATED and "never finished" in stream.warning


@pytest.mark.parametrize("name", PLACEHOLDERS)
def test_case_15_sizes_that_stand_for_unknown(tmp_path: Path, name: str) -> None:
    """All that is there is heard, and no absurd length is believed."""
    (tmp_path / "a").write_bytes(PLACEHOLDERS[name])
    seconds, stream = hear(tmp_path / "a")
    assert seconds == pytest.approx(4, abs=0.001)
    assert stream.code is None or "claims 134217." in stream.warning or "claims 67108." in stream.warning


@pytest.mark.parametrize(
    ("name", "container", "codec"),
    [("a.mka", "matroska", "aac"), ("a.ac3", "ac3", "ac3"), ("a.voc", "voc", "pcm_s16le"), ("a.avi", "avi", "mp3")],
)
def test_case_31_what_is_read_is_walked_for(tmp_path: Path, name: str, container: str, codec: str) -> None:
    assert name.split(".")[1] in AUDIO_EXTENSIONS
    assert is_whole(encode(tmp_path / name, notes(3, 44_100), container, codec), 3, 0.1)


@pytest.mark.parametrize("junk", [bytes(512), b"HEADER OF A TAPE".ljust(300, b"\x01"), b"\xff\xfb" * 64])
@pytest.mark.parametrize("magic", [b"RIFF", b"RF64"])
def test_case_36_bytes_where_none_belong(tmp_path: Path, junk: bytes, magic: bytes) -> None:
    """A chunk without its pad byte, and something in front of the whole file."""
    odd = chunk(b"inst", b"\x3c\0\0\0\x7f\0\x7f", pad=False)
    sizes = chunk(b"ds64", struct.pack("<QQQI", 128_200, 128_000, 64_000, 0)) if magic == b"RF64" else b""
    size = UNKNOWN if magic == b"RF64" else None
    file = riff(sizes, FMT, odd, chunk(b"data", pcm(4), size=size), magic=magic, size=size)
    for number, content in enumerate((file, junk + file)):
        (tmp_path / f"{number}.wav").write_bytes(content)
        assert is_whole(tmp_path / f"{number}.wav", 4)


@pytest.mark.parametrize("rate", [48_000, 16_000])
@pytest.mark.parametrize("page", [2, 4])
@pytest.mark.parametrize("shift", [300, -300])
def test_case_41_opus_with_odd_positions(tmp_path: Path, rate: int, page: int, shift: int) -> None:
    """From one page on, the positions are a fraction of a frame beside what the packets say."""
    from mutagen.ogg import OggPage

    soundfile.write(tmp_path / "a.opus", notes(6, rate), rate, format="OGG", subtype="OPUS")
    pages = []
    with (tmp_path / "a.opus").open("rb") as file:
        while True:
            try:
                pages.append(OggPage(file))
            except EOFError:
                break
    for one in pages[page:]:
        one.position += shift
    (tmp_path / "odd.opus").write_bytes(b"".join(one.write() for one in pages))
    assert is_whole(tmp_path / "odd.opus", 6, 0.05)


def test_every_container_can_be_written_here() -> None:
    """The cases are worth what FFmpeg's encoders are: should one be gone, its tests would all be skipped."""
    for codec in ("mp3", "adpcm_g726", "adpcm_g722", "wmav2", "ac3", "alac", "aac"):
        assert av.codec.Codec(codec, "w").name
