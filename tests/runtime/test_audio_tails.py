"""Tags, padding and scraps behind the sound are neither heard nor taken for damage."""

from __future__ import annotations

from pathlib import Path

import pytest
from mutagen.apev2 import APEv2

from instag.containers.recognise import mpeg_frame_bytes
from instag.errors import ErrorCode
from tests.support import synth
from tests.support.avfiles import encode
from tests.support.decoding import decode

pytest.importorskip("av")

FILES = [
    ("x.mp3", "mp3", "libmp3lame"),
    ("x.mp2", "mp2", "mp2"),
    ("x.wv", "wv", "wavpack"),
    ("x.tta", "tta", "tta"),
    ("x.aac", "adts", "aac"),
    ("x.au", "au", "pcm_s16be"),
    ("x.caf", "caf", "pcm_s16be"),
    ("x.w64", "w64", "pcm_s16le"),
]
ID3V1 = b"TAG" + b"Title".ljust(30, b" ") + bytes(95)


def ape_tag(folder: Path) -> bytes:
    path = folder / "tag"
    tag = APEv2()
    tag["Title"], tag["Comment"] = "Relay", "a" * 300
    tag.save(path)
    return path.read_bytes()


@pytest.mark.parametrize("behind", ["ID3v1", "APEv2", "APEv2 and ID3v1", "one zero"])
@pytest.mark.parametrize(("name", "container", "codec"), FILES)
def test_what_lies_behind_the_sound_is_no_damage(
    tmp_path: Path, name: str, container: str, codec: str, behind: str
) -> None:
    path = encode(tmp_path / name, synth.tone(440, 4), container, codec)
    plain, _ = decode(path)
    tails = {"ID3v1": ID3V1, "APEv2": ape_tag(tmp_path), "one zero": b"\0"}
    path.write_bytes(path.read_bytes() + b"".join(tails[part] for part in behind.split(" and ")))
    samples, stream = decode(path)
    assert (stream.warning, stream.code, stream.heard_share) == ("", None, 1.0)
    assert abs(len(samples) - len(plain)) <= 480


@pytest.mark.parametrize(("name", "container", "codec"), FILES[:3])
def test_zeros_to_the_end_of_a_block_are_padding(tmp_path: Path, name: str, container: str, codec: str) -> None:
    path = encode(tmp_path / name, synth.tone(440, 4), container, codec)
    path.write_bytes(path.read_bytes() + bytes(3000))
    _, stream = decode(path)
    assert (stream.warning, stream.heard_share) == ("", 1.0)


@pytest.mark.parametrize("tail", [bytes(60_000), b"unreadable " * 6000])
def test_where_a_failed_copy_may_have_lost_sound_the_row_says_so(tmp_path: Path, tail: bytes) -> None:
    path = encode(tmp_path / "x.mp3", synth.tone(440, 4), "mp3", "libmp3lame")
    data = path.read_bytes()
    start = data.index(b"\xff\xfb")
    # Without the first frame, which counts the others, nobody knows how many there were.
    path.write_bytes(data[start + mpeg_frame_bytes(data[start : start + 4]) :] + tail)
    _, stream = decode(path)
    assert stream.code == ErrorCode.TRUNCATED and stream.heard_share is None
