"""Clips: the seconds that tell most, in small files, from recordings that nothing touches."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from instag.cli import app
from instag.exports.telling import telling_stretch
from instag.labels import LABELS
from instag.results import Silence
from instag.table.timeline import WindowRow
from tests.support import synth
from tests.support.tables import analysed, write_job


def window(start, score, silence=Silence.NONE, length=3.0):
    scores = tuple(score if label == "cello" else 0.0 for label in LABELS)
    return WindowRow(start, start + length, -20.0, silence, "" if silence else "cello", score, scores, scores)


@pytest.mark.parametrize(
    "windows, stretch",
    [
        ([], None),
        ([window(0, 0.9, Silence.SILENT)], None),
        ([window(0, 0.4)], (0, 3)),
        ([window(3 * at, score) for at, score in enumerate((0.2, 0.9, 0.7, 0.8, 0.8))], (3, 9)),
        # Of equal ones the first; silence and gaps end a stretch.
        ([window(3 * at, 0.5) for at in range(4)], (0, 6)),
        ([window(0, 0.5), window(3, 0.9, Silence.BLANK_TAPE), window(6, 0.6), window(9, 0.6)], (6, 12)),
        ([window(0, 0.5), window(3, 0.5), window(20, 0.4)], (0, 6)),
        # The tail of a file does not win by being short.
        ([window(0, 0.5), window(3, 0.5), window(6, 0.99, length=0.2)], (3, 6.2)),
    ],
)
def test_the_telling_stretch(windows, stretch):
    assert telling_stretch(windows, "cello") == stretch


@pytest.fixture
def job(tmp_path, monkeypatch):
    """Three recordings whose pitch says where we are, and one that is gone."""
    monkeypatch.chdir(tmp_path)
    Path("in/deep").mkdir(parents=True)
    steps = np.concatenate([synth.tone(300 * (at + 1), 3, 44_100) for at in range(4)])
    synth.write(Path("in/a.wav"), synth.spread(steps, 2))
    synth.write(Path("in/deep/b.flac"), np.concatenate([synth.tone(700, 3, 96_000)]), 96_000)
    heard = {
        "in/a.wav": ["piano", "piano", "cello", "cello"],
        "in/deep/b.flac": ["cello"],
        "in/gone.wav": ["cello"] * 3,
        "in/other.wav": ["piano"] * 3,
    }
    write_job(tmp_path, [analysed(p, "piano" if "other" in p else "cello", 0.9) for p in heard], heard)
    return tmp_path


def clips(*words):
    return CliRunner().invoke(app, ["clips", "t.jsonl", "--windows", "w.jsonl", *words])


def test_clips(job):
    before = {path: hashlib.sha256(path.read_bytes()).digest() for path in Path("in").rglob("*.*")}
    done = clips("--label", "Cello", "-o", "out")
    assert done.exit_code == 1
    assert "FAILED" in done.output and "gone.wav" in done.output and "out: 2 clips." in done.output
    assert sorted(str(path) for path in Path("out").rglob("*.flac")) == [
        "out/a.wav_6.0s-12.0s.flac",
        "out/deep/b.flac_0.0s-3.0s.flac",
    ]
    sound, rate = soundfile.read("out/a.wav_6.0s-12.0s.flac")
    assert (rate, sound.shape) == (44_100, (6 * 44_100,))
    assert synth.peak_frequency(sound[: 3 * rate], rate) == pytest.approx(900, abs=1)
    assert synth.peak_frequency(sound[3 * rate :], rate) == pytest.approx(1200, abs=1)
    sound, rate = soundfile.read("out/deep/b.flac_0.0s-3.0s.flac")
    assert rate == 48_000 and len(sound) == pytest.approx(3 * 48_000, abs=2)
    assert before == {path: hashlib.sha256(path.read_bytes()).digest() for path in Path("in").rglob("*.*")}


def test_a_recording_that_became_shorter_is_said(job):
    synth.write(Path("in/a.wav"), synth.tone(440, 2))
    done = clips("--label", "cello", "-o", "out")
    assert done.exit_code == 1 and "ends before 6 s" in done.output and not Path("out/a.wav_6.0s-12.0s.flac").exists()


def test_what_is_refused(job):
    assert clips("--label", "cello", "-o", "in").exit_code == 3
    assert clips("--label", "viola", "-o", "out").exit_code == 2
    Path("bag/data").mkdir(parents=True)
    Path("bag/bagit.txt").write_text("")
    assert clips("--label", "cello", "-o", "bag/data/out").exit_code == 3


def test_no_recording_with_the_label(job):
    done = clips("--label", "organ", "-o", "out")
    assert done.exit_code == 0 and "0 clips" in done.output and Path("out").is_dir()
