"""The plugin in a real beets library: `beet instag` fills the fields, `beet write` writes them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import mutagen
import pytest
import soundfile

from instag import tags
from tests.support import synth
from tests.support.commands import run, use_tiny_model
from tests.support.tinymodel import frequency_of, tiny_card

pytest.importorskip("beets", reason="beets is not installed (group test)")


def beet(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "beets", *words], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL
    )


def music(path: Path, label: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, synth.tone(frequency_of(label), 3.0), 44_100)
    file = mutagen.File(path, easy=True)
    if file.tags is None:
        file.add_tags()
    file["title"] = path.stem
    file.save()
    return path


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_model: Path) -> Path:
    use_tiny_model(monkeypatch, tiny_model)
    monkeypatch.setenv("BEETSDIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    settings = {
        "directory": str(tmp_path / "music"),
        "library": str(tmp_path / "library.db"),
        "plugins": ["instag"],
        "import": {"copy": False, "write": False, "autotag": False},
        "instag": {"model": str(tiny_model)},
    }
    (tmp_path / "config.yaml").write_text(json.dumps(settings))  # JSON is YAML
    return tmp_path / "music"


def fields() -> dict[str, list[str]]:
    listed = beet("ls", "-f", "$title|$instrument|$instrument_dominant|$instrument_confidence|$instrument_source")
    return {line.split("|")[0]: line.split("|")[1:] for line in listed.stdout.splitlines()}


def test_beet_instag_fills_the_fields_and_beet_write_writes_them(library: Path) -> None:
    flac, mp3 = music(library / "one.flac", "cello"), music(library / "two.mp3", "electric_guitar")
    broken, other = music(library / "three.flac", "piano"), music(library / "four.mp3", "other")
    assert beet("import", "-q", str(library)).returncode == 0
    assert beet("write", "--force", "title:four").returncode == 0
    assert not has_instruments(other), "nothing is written of files that were not analysed"
    broken.write_bytes(b"no longer music")
    before = {path: path.read_bytes() for path in (flac, mp3)}
    done = beet("instag")
    assert done.returncode == 0, done.stderr
    assert "three.flac" in done.stderr
    assert {path: path.read_bytes() for path in before} == before, "only `beet write` writes"
    card = tiny_card()
    source = tags.machine_source(card.model_id, card.version)
    found = {name: (values[0], values[1], values[3]) for name, values in fields().items()}
    assert found["one"] == ("cello", "cello", source)
    assert found["two"] == ("electric guitar", "electric_guitar", source)

    written = beet("write")
    assert written.returncode == 0, written.stderr
    assert run("tag", str(flac), str(mp3), "-o", "table.csv", "-q").returncode == 0
    rows = {Path(row["path"]).name: row for row in table_rows()}
    assert "INSTRUMENT" not in tags.read_all_tags(other) and tags.read_tags(other).dominant == "other"
    for path, name in ((flac, "cello"), (mp3, "electric guitar")):
        values = tags.read_tags(path)
        assert values.dominant.replace("_", " ") == name and values.source == source
        assert values.confidence == pytest.approx(float(rows[path.name]["confidence"]), abs=6e-4)
        assert tags.read_all_tags(path)["INSTRUMENT"] == [name]
        assert path.read_bytes() != before[path]
    run("untag", str(library))
    assert not has_instruments(other)
    left = [name for name in tags.read_all_tags(flac) if name.startswith("INSTRUMENT")]
    assert left == ["INSTRUMENT"], "it is beets' own"


def has_instruments(path: Path) -> bool:
    return any(name.upper().startswith("INSTRUMENT") for name in tags.read_all_tags(path))


def table_rows() -> list[dict[str, str]]:
    import csv

    with Path("table.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_what_is_there_already_stays_and_a_person_always_wins(library: Path) -> None:
    music(library / "one.flac", "cello")
    music(library / "two.flac", "piano")
    assert beet("import", "-q", str(library)).returncode == 0
    beet("modify", "-y", "-W", "title:one", "instrument=theremin")
    beet("modify", "-y", "-W", "title:two", "instrument=ondes", "instrument_source=person: Anna, 2026-01-02")
    assert beet("instag").returncode == 0
    assert [values[0] for values in fields().values()] == ["theremin", "ondes"]
    assert beet("instag", "--force").returncode == 0
    assert {name: values[0] for name, values in fields().items()} == {"one": "cello", "two": "ondes"}


def test_several_instruments_stay_several(library: Path) -> None:
    path = music(library / "two.mp3", "cello")
    assert beet("import", "-q", str(library)).returncode == 0
    assert beet("modify", "-y", "title:two", "instrument=cello; piano").returncode == 0
    assert beet("write").returncode == 0
    assert tags.read_all_tags(path)["INSTRUMENT"] == ["cello", "piano"]


def test_a_model_that_is_not_there_is_said_in_a_sentence(library: Path) -> None:
    config = Path(os.environ["BEETSDIR"]) / "config.yaml"
    config.write_text(config.read_text().replace('"model": "', '"model": "no-such-'))
    failed = beet("instag")
    assert failed.returncode == 1 and "instag: " in failed.stderr and "Traceback" not in failed.stderr
