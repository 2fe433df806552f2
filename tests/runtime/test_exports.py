"""Exports, each read back by a reader that is not ours."""

import csv
import io
import json

import av
import numpy as np
import pytest
from typer.testing import CliRunner

from instag.cli import app
from instag.exports import textgrid
from instag.exports.spans import NamedSpan
from instag.labels import LABELS
from instag.results import Silence, WindowScores
from instag.table import open_table
from instag.table.rows import AssignedBy, Row, Status
from instag.table.timeline import Timeline

PERSON = "person: A <b> & C; the machine said: piano, confidence 0.800 (instag 9, model m 1)"


@pytest.fixture
def job(tmp_path, monkeypatch):
    """A table of two recordings, one reviewed, and their timeline: two windows of piano and one of flute."""
    monkeypatch.chdir(tmp_path)
    scores = np.full((3, 12), 0.01, np.float32)
    for window, label in enumerate(("piano", "piano", "flute")):
        scores[window, LABELS.index(label)] = 0.8
    starts = np.array([0.0, 3.0, 6.0])
    windows = WindowScores(
        start_seconds=starts,
        end_seconds=starts + 3,
        level_dbfs=np.full(3, -20.0, np.float32),
        scores=scores,
        presences=scores,
    )
    table, timeline = open_table(tmp_path / "t.csv"), Timeline(tmp_path / "w.csv")
    machine = Row("in/a.wav", Status.ANALYSED, "piano", 0.8, model_id="m", model_version="1", duration_seconds=9.0)
    person = Row(
        "in/deep/b.wav",
        Status.ANALYSED,
        "piano",
        0.8,
        assigned_by=AssignedBy.PERSON,
        reviewed_label="violin",
        reviewed_by="A <b> & C",
        instag_version="9",
        model_id="m",
        model_version="1",
        duration_seconds=9.0,
    )
    for row in (machine, person):
        table.append(row)
        timeline.append(row.path, windows, [Silence("")] * 3)
    table.finish()
    timeline.finish()
    return tmp_path


CANVAS = "https://archive.example/canvas/"


def export(form, *more):
    return CliRunner().invoke(app, ["export", "t.csv", "--windows", "w.csv", "--to", form, "-o", "out", *more])


def test_audacity(job):
    assert export("audacity").exit_code == 0
    read = list(csv.reader(io.StringIO((job / "out/a.wav.txt").read_text()), delimiter="\t"))
    assert [(float(start), float(end)) for start, end, _ in read] == [(0, 6), (6, 9)]
    assert [text for *_, text in read] == ["piano (machine: m 1, 80 %)", "flute (machine: m 1, 80 %)"]
    assert (job / "out/deep/b.wav.txt").read_text() == "0.000000\t9.000000\tviolin (" + PERSON + ")\n"


def test_webvtt_is_read_by_ffmpeg(job):
    assert export("webvtt").exit_code == 0
    with av.open(str(job / "out/a.wav.vtt")) as captions:
        packets = [packet for packet in captions.demux() if packet.size]
        read = [(float(p.pts * p.time_base), float(p.duration * p.time_base), bytes(p).decode()) for p in packets]
    assert read == [(0, 6, "piano (machine: m 1, 80 %)"), (6, 3, "flute (machine: m 1, 80 %)")]
    assert "violin (person: A &lt;b&gt; &amp; C;" in (job / "out/deep/b.wav.vtt").read_text()


def test_textgrid_is_read_by_praatio(job):
    praatio = pytest.importorskip("praatio.textgrid")
    assert export("textgrid").exit_code == 0
    tier = praatio.openTextgrid(str(job / "out/a.wav.TextGrid"), includeEmptyIntervals=True).getTier("instrument")
    assert [tuple(entry) for entry in tier.entries] == [
        (0, 6, "piano (machine: m 1, 80 %)"),
        (6, 9, "flute (machine: m 1, 80 %)"),
    ]
    tier = praatio.openTextgrid(str(job / "out/deep/b.wav.TextGrid"), includeEmptyIntervals=True).getTier("instrument")
    assert [entry.label for entry in tier.entries] == [f"violin ({PERSON})"]


def test_textgrid_covers_what_no_span_covers(tmp_path):
    praatio = pytest.importorskip("praatio.textgrid")
    file = tmp_path / "t.TextGrid"
    file.write_text(
        textgrid.to_text("t", [NamedSpan(1.0, 2.0, 'a "b"', 0.5, "m"), NamedSpan(4.0, 5.0, "c", None, "p")])
    )
    tier = praatio.openTextgrid(str(file), includeEmptyIntervals=True).getTier("instrument")
    assert [tuple(entry) for entry in tier.entries] == [
        (0, 1, ""),
        (1, 2, 'a "b" (m, 50 %)'),
        (2, 4, ""),
        (4, 5, "c (p)"),
    ]


def test_raven(job):
    assert export("raven").exit_code == 0
    read = list(csv.DictReader(io.StringIO((job / "out/a.wav.selections.txt").read_text()), delimiter="\t"))
    assert [(each["Begin Time (s)"], each["End Time (s)"], each["Instrument"]) for each in read] == [
        ("0.000000", "6.000000", "piano"),
        ("6.000000", "9.000000", "flute"),
    ]
    assert {(each["Confidence"], each["Source"]) for each in read} == {("0.800", "machine: m 1")}
    (person,) = csv.DictReader(io.StringIO((job / "out/deep/b.wav.selections.txt").read_text()), delimiter="\t")
    assert (person["Instrument"], person["Confidence"], person["Source"]) == ("violin", "", PERSON)


@pytest.mark.filterwarnings("ignore")
def test_jams_is_read_by_jams(job):
    jams = pytest.importorskip("jams")
    assert export("jams").exit_code == 0
    document = jams.load(str(job / "out/a.wav.jams"), validate=True, strict=True)
    (annotation,) = document.annotations
    read = [(o.time, o.duration, o.value, round(o.confidence, 3)) for o in annotation.data]
    assert read == [(0, 6, "piano", 0.8), (6, 3, "flute", 0.8)]
    assert (annotation.annotation_metadata.data_source, document.file_metadata.duration) == ("machine: m 1", 9)
    (annotation,) = jams.load(str(job / "out/deep/b.wav.jams"), validate=True, strict=True).annotations
    assert [(o.value, o.confidence) for o in annotation.data] == [("violin", None)]
    assert annotation.annotation_metadata.data_source == PERSON


def test_iiif_has_an_annotation_for_each_span(job):
    assert export("iiif", "--prefix", CANVAS).exit_code == 0
    page = json.loads((job / "out/a.wav.annotations.json").read_text("utf-8"))
    assert (page["type"], len(page["items"])) == ("AnnotationPage", 2)
    first = page["items"][0]
    assert (first["motivation"], first["target"]) == ("tagging", f"{CANVAS}a.wav#t=0.000,6.000")
    assert page["id"] == f"{CANVAS}a.wav.annotations.json" and first["id"].startswith(f"{page['id']}#")
    assert first["body"]["type"] == "TextualBody"
    assert first["label"]["en"] == ["piano (machine-generated)"] and first["creator"]["type"] == "Software"
    (person,) = json.loads((job / "out/deep/b.wav.annotations.json").read_text("utf-8"))["items"]
    assert person["label"]["en"] == ["violin"]
    assert person["creator"] == {"type": "Person", "name": PERSON}


def test_iiif_takes_the_address_of_the_canvases(job):
    table = open_table(job / "t.csv")
    table.append(Row("in/50 %?.wav", Status.ANALYSED, "flute", 0.9, reviewed_label="flute", duration_seconds=2.0))
    table.finish()
    assert export("iiif", "--prefix", CANVAS).exit_code == 0
    (found,) = json.loads((job / "out/50 %?.wav.annotations.json").read_text("utf-8"))["items"]
    assert found["target"] == f"{CANVAS}50%20%25%3F.wav#t=0.000,2.000"


def test_an_unknown_format_and_a_folder_that_is_there_are_refused(job):
    assert export("word").exit_code == 2
    assert export("audacity", "-o", ".").exit_code == 3


def test_a_recording_that_the_timeline_lacks_is_said(job):
    table = open_table(job / "t.csv")
    table.append(Row("in/c.wav", Status.ANALYSED, "flute", 0.9))
    model = {"model_id": "m", "model_version": "0"}
    table.append(Row("in/d.wav", Status.ANALYSED, "flute", 0.9, reviewed_label="viola", duration_seconds=2.0, **model))
    table.finish()
    ended = export("audacity")
    assert ended.exit_code == 1 and "1 recording left out" in ended.output
    assert not (job / "out/c.wav.txt").exists()
    assert (
        (job / "out/d.wav.txt").read_text()
        == "0.000000\t2.000000\tviola (person; the machine said: flute, confidence 0.900 (instag, model m 0))\n"
    )
