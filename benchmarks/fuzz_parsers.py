"""Coverage-guided fuzzing of the parsers that are instag's own, with atheris (`pip install atheris`).

    python -m benchmarks.fuzz_parsers [--seconds 600]

One input goes through everything that reads bytes in Python: recognising containers, digests, reading, writing and
taking back tags, the look into ONNX files, lines of tables and cards. Only the errors that each of them documents may
come out; a file that was refused must be untouched, and one that was tagged must hold the same audio. Seeds are small
recordings of every container. Ends with 0 and libFuzzer's own summary where nothing was found.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["instag"]):
    from instag import tags
    from instag.containers.digest import audio_digest
    from instag.containers.recognise import recognise
    from instag.errors import CannotStartError, FileError
    from instag.model.card import parse_card
    from instag.model.onnxfile import NotOnnxError, check_self_contained
    from instag.table.codecs import CsvCodec, RowJsonCodec
    from instag.table.rows import COLUMN_TYPES, row_from_record

_SHM = Path("/dev/shm")
_FOLDER = Path(tempfile.mkdtemp(dir=_SHM if _SHM.is_dir() else None))
_FILE = _FOLDER / "fuzz.bin"
_VALUES = tags.TagValues(("cello", "piano"), "cello", 0.75, "tiny 1.0.0", False)


def try_tags(data: bytes) -> None:
    """Everything that reads or writes a recording without decoding it."""
    _FILE.write_bytes(data)
    with _FILE.open("rb") as file:
        recognise(file)
    try:
        digest = audio_digest(_FILE)
    except FileError:
        digest = None
    try:
        tags.read_all_tags(_FILE)
        tags.read_tags(_FILE)
    except FileError:
        pass
    try:
        tags.write_tags(_FILE, _VALUES)
    except FileError:
        assert _FILE.read_bytes() == data, "a file that was refused was changed"
    else:
        assert audio_digest(_FILE) == digest, "the audio was changed"
        assert tags.read_tags(_FILE) is not None, "the tags cannot be read back"
        tags.remove_tags(_FILE)
        assert tags.read_tags(_FILE) is None, "the tags were not taken back"
        assert audio_digest(_FILE) == digest, "the audio was changed"
    assert list(_FOLDER.iterdir()) == [_FILE], "a temporary file was left"


def try_texts(data: bytes) -> None:
    """Everything else that reads bytes from elsewhere."""
    with contextlib.suppress(NotOnnxError):
        check_self_contained(data)
    for codec in (CsvCodec(COLUMN_TYPES), RowJsonCodec()):
        with contextlib.suppress(ValueError):
            row_from_record(codec.decode(data))
    with contextlib.suppress(CannotStartError):
        parse_card(data.decode("utf-8", "replace"), "fuzz")


def try_all(data: bytes) -> None:
    """One input."""
    try_tags(data)
    try_texts(data)


def main() -> None:
    """Makes seeds and runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=600)
    settings = parser.parse_args()
    from tests.support.containers import TAGGED, TAGGED_BY_AV  # tests/ is on the path only now

    seeds = Path(tempfile.mkdtemp())
    for name, make in {**TAGGED, **TAGGED_BY_AV}.items():
        make(seeds / name)
        # Headers, and what follows them, are what parsers read; the audio between would only slow them down.
        content = (seeds / name).read_bytes()
        (seeds / name).write_bytes(content if len(content) < 40_000 else content[:20_000] + content[-8_000:])
    atheris.Setup([sys.argv[0], f"-max_total_time={settings.seconds}", "-max_len=60000", str(seeds)], try_all)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
