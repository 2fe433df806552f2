"""`instag compare`, against a catalogue and against tags that another program wrote."""

import json

import mutagen.flac
import pytest
from typer.testing import CliRunner

from instag import tags
from instag.cli import app
from instag.table import open_table
from instag.table.rows import Row, Status
from tests.support.commands import recording


@pytest.fixture
def job(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = open_table(tmp_path / "t.csv")
    for path, dominant, confidence, instruments, person in (
        ("a.flac", "clarinet", 0.95, ("clarinet",), ""),
        ("b.flac", "flute", 0.6, ("flute",), ""),
        ("c.flac", "piano", 0.99, ("piano", "flute"), ""),
        ("d.flac", "violin", 0.9, ("violin",), ""),
        ("e.flac", "violin", 0.5, ("violin",), "trumpet"),
        ("f.flac", "organ", 0.5, ("organ",), ""),
    ):
        table.append(Row(path, Status.ANALYSED, dominant, confidence, False, instruments, reviewed_label=person))
    table.append(Row("g.flac", Status.FAILED))
    table.finish()
    return tmp_path


def compare(*words):
    return CliRunner().invoke(app, ["compare", "t.csv", *words])


CATALOGUE = (
    "id,path,instrument\n1,a.flac,flute\n2,b.flac,Trompete\n3,c.flac,flute\n4,d.flac,Geige\n5,e.flac,violin\n"
    "6,gone.flac,piano\n7,g.flac,piano\n8,f.flac,theremin\n"
)


def test_the_worst_comes_first(job):
    (job / "c.csv").write_text(CATALOGUE)
    ended = compare("c.csv")
    assert ended.exit_code == 0
    assert ended.output.splitlines() == [
        "e.flac  catalogue: violin; heard: trumpet, by a person",
        "a.flac  catalogue: flute; heard: clarinet, 0.95",
        "b.flac  catalogue: Trompete; heard: flute, 0.60",
        "c.flac  catalogue: flute; heard: piano, 0.99 (what is written is heard too)",
        "",
        "Compared: 5. Same: 1. Different: 4, of which 1 only in what dominates.",
        "Paths without a row in the table: 1 (gone.flac).",
        "Recordings that could not be analysed: 1 (g.flac).",
        "Words that are no instrument known here: 1 (theremin (1)).",
    ]


def test_json_has_the_same(job):
    (job / "c.csv").write_text(CATALOGUE)
    found = json.loads(compare("c.csv", "--json").output)
    assert [one["path"] for one in found["differences"]] == ["e.flac", "a.flac", "b.flac", "c.flac"]
    assert found["agree"] == 1 and found["unknown_words"] == {"theremin": 1}


def test_tags_of_other_people_and_never_those_of_instag(job):
    values = tags.TagValues(("clarinet",), "clarinet", 0.95, tags.machine_source("m", "1"), False)
    for name in "abcdef":
        recording(job / f"{name}.flac", "piano", 0.2)
    for name, text in (("a", "Flöte"), ("b", "flute"), ("f", "ukulele")):
        file = mutagen.flac.FLAC(job / f"{name}.flac")
        file["instrument"] = text
        file.save()
    # instag's own tags beside somebody else's, in place of somebody else's, and alone.
    written = {"a": False, "b": True, "d": False}
    for name, overwrite in written.items():
        tags.write_tags(job / f"{name}.flac", values, overwrite=overwrite)
    ended = compare("--tags")
    assert ended.exit_code == 1  # g.flac is not there
    assert ended.output.splitlines() == [
        "a.flac  tags: Flöte; heard: clarinet, 0.95",
        "",
        "Compared: 2. Same: 1. Different: 1, of which 0 only in what dominates.",
        "Rows of the table without a word in the tags: 3.",
        "Files whose tags cannot be read: 1 (g.flac).",
        "Words that are no instrument known here: 1 (ukulele (1)).",
    ]


def test_a_catalogue_that_cannot_be_used(job):
    (job / "c.csv").write_text("path,title\na.flac,Sonata\n")
    assert "label or labels or instrument or instruments" in compare("c.csv").output
    (job / "c.csv").write_text("path,instruments\na.flac,\n")
    assert "says nothing of any recording" in compare("c.csv").output


def test_one_thing_to_compare_with(job):
    assert compare().exit_code == 2
    assert compare("c.csv", "--tags").exit_code == 2
    assert compare("c.csv").exit_code == 3


def test_a_path_that_a_catalogue_names_twice_is_said_with_its_lines(job):
    (job / "c.csv").write_text("path,instrument\na.flac,flute\nb.flac,flute\n./a.flac,clarinet\n")
    ended = compare("c.csv")
    assert ended.exit_code == 0 and "Compared: 2. Same: 2." in ended.stdout
    assert ended.stderr == "c.csv, line 4, after line 2: a.flac is named again; its words are joined.\n"
