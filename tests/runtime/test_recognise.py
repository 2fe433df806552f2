import io

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from instag.audio import claims, open_audio
from instag.audio.beyond import flac_beyond, sound_beyond
from instag.audio.mended import mend
from instag.containers import Kind
from instag.containers.digest import audio_digest
from instag.containers.recognise import Found, mpeg_frame_bytes, recognise

MAGICS = [
    b"RIFF\0\0\0\0WAVE",
    b"RIFF\0\0\0\0AVI ",
    b"\x47".ljust(188, b"\0") * 4,
    b"TTA1\1\0\1\0\x10\0\1\0\0\0\xff\xff\xff\xff",
    b"FLV\x01",
    b"RIFXxxxxWAVEdata",
    b"RF64\0\0\0\0WAVEds64",
    b"FORM\0\0\0\0AIFF",
    b"OggS\0\2",
    b".snd",
    b"dns.",
    b"caff\0\1\0\0data",
]
MAGICS += [
    b"ID3\3\0\0\0\0\0\0",
    b"\xff\xfb\x90\x00",
    b"\xff\xfb\x90\x00" + b"\0" * 32 + b"Xing\0\0\0\1",
    b"RIFF$\0\0\0WAVEdata",
]
contents = st.builds(
    lambda magics, rest: b"".join(magics) + rest, st.lists(st.sampled_from(MAGICS), max_size=3), st.binary()
)


@given(contents)
def test_no_bytes_break_the_parsers(content):
    file = io.BytesIO(content)
    kind = recognise(file)
    assert kind is None or kind.offset >= 0
    for named in Kind:
        as_named = Found(named)
        assert 0 <= claims.share_present(file, as_named) <= 1
        mend(file, as_named)
        assert claims.mpeg_counted_frames(file, as_named) >= 0
        sound_beyond(file, as_named)
        file.seek(len(content) // 2)
        flac_beyond(file, as_named, 100)
        claims.ogg_lacks_end(file)


@pytest.mark.parametrize(
    ("header", "length"),
    [
        ("fffb9000", 417),  # MPEG 1 layer 3, 128 kbit/s, 44.1 kHz
        ("fffb9200", 418),  # the same, padded
        ("fff38000", 208),  # MPEG 2 layer 3, 64 kbit/s, 22.05 kHz
        ("ffe31800", 72),  # MPEG 2.5 layer 3, 8 kbit/s, 8 kHz
        ("fffda400", 576),  # MPEG 1 layer 2, 192 kbit/s, 48 kHz
        ("fffbf000", 0),  # bit rate 15 is none
        ("fffb0000", 0),  # free bit rate
        ("fff18000", 0),  # layer 0 is AAC's
        ("ffeb9000", 0),  # version 1 is reserved
        ("ffd8ffe0", 0),  # a JPEG
        ("ff", 0),
    ],
)
def test_frame_lengths(header, length):
    assert mpeg_frame_bytes(bytes.fromhex(header)) == length


@given(st.integers(0, 2**32 - 1))
def test_any_header_gives_a_sane_length(number):
    assert 0 <= mpeg_frame_bytes(number.to_bytes(4)) <= 5800


@pytest.mark.parametrize("size", [2**32, 2**63 - 1, 2**64 - 1])
def test_sizes_that_no_file_has(size):
    w64 = b"riff" + bytes(36) + b"fmt " + bytes(12) + size.to_bytes(8, "little") + bytes(100)
    caf = b"caff\0\1\0\0free" + size.to_bytes(8, "big") + bytes(100)
    for kind, content in ((Kind.W64, w64), (Kind.CAF, caf)):
        assert claims.share_present(io.BytesIO(content), Found(kind)) == 1.0


def test_many_tags_in_a_row_end():
    assert recognise(io.BytesIO(b"ID3\3\0\0\0\0\0\0" * 100_000)) is None


def test_random_data_is_hardly_ever_taken_for_mpeg():
    generator = np.random.default_rng(5)
    assert not [1 for _ in range(300) if recognise(io.BytesIO(generator.bytes(100_000))) is not None]


def test_a_flag_that_only_later_tags_have_does_not_move_the_audio(tmp_path):
    """Bit 0x10 means a footer from ID3v2.4 on; in 2.3 it means nothing. The FLAC behind it is decoded and digested."""
    plain = tmp_path / "plain.flac"
    soundfile.write(plain, np.sin(np.arange(16000) * 0.05), 16000)
    tagged = tmp_path / "tagged.flac"
    tagged.write_bytes(b"ID3\3\0\x10" + bytes((0, 0, 0, 20)) + bytes(20) + plain.read_bytes())
    with tagged.open("rb") as file:
        assert recognise(file) == Found(Kind.FLAC, 30)
    assert audio_digest(tagged) == audio_digest(plain)
    with open_audio(tagged, 16000) as stream:
        assert sum(len(block) for block in stream.blocks()) == 16000


def test_a_tag_that_claims_more_than_the_file_has_is_passed_over(tmp_path):
    plain = tmp_path / "plain.mp3"
    soundfile.write(plain, 0.3 * np.sin(np.arange(64000) * 0.05), 16000, format="MP3")
    path = tmp_path / "huge_tag.mp3"
    path.write_bytes(b"ID3\4\0\0" + bytes((0x7F, 0x7F, 0x7F, 0x7F)) + bytes(100) + plain.read_bytes())
    with path.open("rb") as file:
        assert recognise(file) == Found(Kind.MPEG_AUDIO, 110)
    with open_audio(path, 16000) as stream:
        assert sum(len(block) for block in stream.blocks()) >= 64000


def test_a_tag_before_a_container_with_offsets_leaves_it_alone():
    assert Found(Kind.WAV, 10).layout == Kind.UNKNOWN and Found(Kind.FLAC, 10).layout == Kind.FLAC
    assert Found(Kind.WAV, big_endian=True).layout == Kind.UNKNOWN and Found(Kind.TAK).layout == Kind.UNKNOWN
