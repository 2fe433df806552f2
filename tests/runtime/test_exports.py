"""Exports, each read back by a reader that is not ours."""

import csv
import io

import av
import numpy as np
import pytest
from typer.testing import CliRunner

from instag.cli import app
from instag.labels import LABELS
from instag.results import Silence, WindowScores
from instag.table import open_table
from instag.table.rows import AssignedBy, Row, Status
from instag.table.timeline import Timeline


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
        duration_seconds=9.0,
    )
    for row in (machine, person):
        table.append(row)
        timeline.append(row.path, windows, [Silence("")] * 3)
    table.finish()
    timeline.finish()
    return tmp_path


def export(form, out="out"):
    return CliRunner().invoke(app, ["export", "t.csv", "--windows", "w.csv", "--to", form, "-o", out])


def test_audacity(job):
    assert export("audacity").exit_code == 0
    read = list(csv.reader(io.StringIO((job / "out/a.wav.txt").read_text()), delimiter="\t"))
    assert [(float(start), float(end)) for start, end, _ in read] == [(0, 6), (6, 9)]
    assert [text for *_, text in read] == ["piano (machine: m 1, 80 %)", "flute (machine: m 1, 80 %)"]
    assert (job / "out/deep/b.wav.txt").read_text() == "0.000000\t9.000000\tviolin (person: A <b> & C)\n"


def test_webvtt_is_read_by_ffmpeg(job):
    assert export("webvtt").exit_code == 0
    with av.open(str(job / "out/a.wav.vtt")) as captions:
        packets = [packet for packet in captions.demux() if packet.size]
        read = [(float(p.pts * p.time_base), float(p.duration * p.time_base), bytes(p).decode()) for p in packets]
    assert read == [(0, 6, "piano (machine: m 1, 80 %)"), (6, 3, "flute (machine: m 1, 80 %)")]
    assert "violin (person: A &lt;b&gt; &amp; C)" in (job / "out/deep/b.wav.vtt").read_text()


def test_an_unknown_format_and_a_folder_that_is_there_are_refused(job):
    assert export("word").exit_code == 2
    assert export("audacity", ".").exit_code == 3


def test_a_recording_that_the_timeline_lacks_is_said(job):
    table = open_table(job / "t.csv")
    table.append(Row("in/c.wav", Status.ANALYSED, "flute", 0.9))
    table.append(Row("in/d.wav", Status.ANALYSED, "flute", 0.9, reviewed_label="viola", duration_seconds=2.0))
    table.finish()
    ended = export("audacity")
    assert ended.exit_code == 1 and "1 recording left out" in ended.output
    assert not (job / "out/c.wav.txt").exists()
    assert (job / "out/d.wav.txt").read_text() == "0.000000\t2.000000\tviola (person)\n"
