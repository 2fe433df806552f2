"""A hundred small real containers, many of them damaged: what becomes of each is written down in a table.

They are somebody else's and not in this repository; the test runs where INSTAG_CORPUS points.
"""

from __future__ import annotations

import csv
import os
import shutil
from pathlib import Path

import pytest

from instag.containers.digest import audio_digest
from instag.errors import FileError
from instag.tags import TagOutcome, TagValues, check_writable, read_all_tags, read_tags, remove_tags, write_tags

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif("INSTAG_CORPUS" not in os.environ, reason="INSTAG_CORPUS points to no corpus"),
]
OUTCOMES = Path(__file__).with_name("container_outcomes.csv")
VALUES = TagValues(("violin", "cello"), "violin", 0.872, "machine: instag-yamnet 1.0.0", False)
OTHERS = TagValues((), "other", 0.5, "machine: instag-yamnet 1.0.0", True)


def folder() -> Path:
    return Path(os.environ["INSTAG_CORPUS"]).parent / "containers" / "mutagen"


def expected() -> dict[str, tuple[str, str, str]]:
    with OUTCOMES.open(newline="") as file:
        return {row["file"]: (row["outcome"], row["digest"], row["why"]) for row in csv.DictReader(file)}


def outcome(path: Path) -> tuple[str, str, str]:
    """What becomes of a file, what its digest is over, and why; asserts that it is as it was in the end."""
    before, state, digest = path.read_bytes(), path.stat(), audio_digest(path)
    word = digest.partition(":")[0]
    try:
        check_writable(path)
        written = write_tags(path, VALUES)
    except FileError as error:
        assert path.read_bytes() == before and path.stat().st_mtime_ns == state.st_mtime_ns
        assert path.stat().st_ino == state.st_ino and error.remedy and str(path) in error.message
        with pytest.raises(FileError):
            write_tags(path, VALUES)
        return error.code, word, error.message.removeprefix(f"{path}: ")
    shown = read_all_tags(path)
    assert read_tags(path) == VALUES and audio_digest(path) == digest and shown["INSTRUMENT_DOMINANT"] == ["violin"]
    assert write_tags(path, VALUES) == TagOutcome.UNCHANGED
    assert write_tags(path, OTHERS) == TagOutcome.WRITTEN and read_tags(path) == OTHERS
    assert remove_tags(path) == TagOutcome.WRITTEN
    assert path.read_bytes() == before and audio_digest(path) == digest
    return written, word, ""


def test_every_file_comes_out_as_the_table_says(tmp_path: Path) -> None:
    files = sorted(path for path in folder().iterdir() if path.is_file())
    assert len(files) >= 80
    found = {}
    for file in files:
        copy = tmp_path / file.name
        shutil.copyfile(file, copy)
        found[file.name] = outcome(copy)
    assert found == expected()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(found)
    assert sum(result == TagOutcome.WRITTEN for result, _, _ in found.values()) > 40
