import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instag.audio import claims
from instag.containers.sniff import Container, mpeg_frame_bytes, sniff

MAGICS = [
    b"RIFF\0\0\0\0WAVE",
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
    kind = sniff(file)
    assert kind is None or kind.offset >= 0
    for name in ("WAV", "RF64", "W64", "AIFF", "AU", "CAF", "MP3", "Ogg Vorbis"):
        as_named = Container(name, True, None, 0)
        assert 0 <= claims.share_present(file, as_named) <= 1
        assert claims.unfinished_size_field(file, as_named) is None or name == "WAV"
        claims.mpeg_states_length(file, as_named)
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
    for name, content in (("W64", w64), ("CAF", caf)):
        assert claims.share_present(io.BytesIO(content), Container(name, True, "", 0)) == 1.0


def test_many_tags_in_a_row_end():
    assert sniff(io.BytesIO(b"ID3\3\0\0\0\0\0\0" * 100_000)) is None


def test_random_data_is_hardly_ever_taken_for_mpeg():
    generator = np.random.default_rng(5)
    assert not [1 for _ in range(300) if sniff(io.BytesIO(generator.bytes(100_000))) is not None]
