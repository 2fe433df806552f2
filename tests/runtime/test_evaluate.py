"""How right a table is: figures worked out by hand, truth from several sources, and what is left out."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from instag.cli import app
from instag.errors import CannotStartError
from instag.exports import audacity, raven
from instag.exports.spans import named_spans
from instag.labels import LABELS
from instag.measure.metrics import Judged, evaluate
from instag.measure.truth import read_truth
from instag.measure.wording import figure
from instag.measure.words import read_words, synonyms
from instag.results import Silence
from instag.table import open_table
from instag.table.rows import AssignedBy, Row, Status
from instag.table.timeline import WindowRow
from tests.support.browser import chromium

GOLDEN = (
    # true labels, the machine's, confidence, all that it heard, asks for review
    (("cello",), "cello", 0.95, ("cello",), False),
    (("cello",), "cello", 0.85, ("cello",), False),
    (("cello",), "flute", 0.65, ("flute",), True),
    (("flute",), "flute", 0.75, ("flute",), False),
    (("piano", "voice"), "voice", 0.92, ("voice", "organ"), False),
)

RAVEN = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tInstrument"


def judged(cases=GOLDEN):
    return [Judged(f"{n}.wav", *case) for n, case in enumerate(cases)]


def test_figures_that_were_worked_out_by_hand():
    assert len(GOLDEN) == 5
    found = evaluate(judged())
    assert found.recordings == 5
    assert found.accuracy.value == pytest.approx(4 / 5)
    # cello: 2 of 3 found, no false one: F1 2*2/(3+2). flute: 1 of 1, one false: 2*1/(1+2). voice: 1.
    assert found.macro_f1.value == pytest.approx((4 / 5 + 2 / 3 + 1) / 3)
    # Bins: 0.9–1.0 holds 0.95 and 0.92, both right; 0.8, 0.7 and 0.6 hold one each, the last one wrong.
    assert found.calibration_error.value == pytest.approx((0.13 + 0.15 + 0.25 + 0.65) / 5)
    assert [b.recordings for b in found.bins] == [1, 1, 1, 2]
    # One recording with two true labels: one of two heard is right, one of two is missed.
    assert found.presence_f1 == pytest.approx(2 * 1 / 4)
    assert (found.review_share, found.kept_accuracy) == (pytest.approx(0.2), 1.0)
    by_label = {each.label: each for each in found.classes}
    assert by_label["cello"].precision == 1 and by_label["cello"].recall == pytest.approx(2 / 3)
    assert by_label["flute"].precision == 0.5
    assert (by_label["organ"].precision, by_label["organ"].f1) == (None, None)
    assert found.confusion[LABELS.index("cello")][LABELS.index("flute")] == 1
    assert np.sum(found.confusion) == 5
    assert [(k.recordings, k.accuracy) for k in found.curve if k.share in (1.0, 0.8)] == [(5, 0.8), (4, 1.0)]


def test_nothing_to_judge_is_an_error():
    with pytest.raises(ValueError, match="no recording"):
        evaluate([])


def test_intervals_hold_the_value_and_are_the_same_each_time():
    cases = [GOLDEN[n % 5] for n in range(200)]
    found = evaluate(judged(cases))
    for each in (found.accuracy, found.macro_f1, found.calibration_error):
        assert each.low <= each.value <= each.high
    # The standard error of 0.8 over 200 is 0.028.
    assert found.accuracy.high - found.accuracy.low == pytest.approx(4 * 0.0283, rel=0.15)
    assert evaluate(judged(cases)) == found


def test_a_few_recordings_without_a_mistake_prove_little():
    """The intervals of 12 of 12 and 0 of 12 in the tables of Clopper and Pearson (1934)."""
    right = [(("cello",), "cello", 0.9, ("cello",), False)] * 12
    found = evaluate(judged(right))
    assert (found.accuracy.value, found.accuracy.high) == (1, 1)
    assert found.accuracy.low == pytest.approx(0.735, abs=5e-4)
    wrong = evaluate(judged([(("cello",), "flute", *case[2:]) for case in right])).accuracy
    assert (wrong.value, wrong.low, wrong.high) == (0, 0, pytest.approx(0.265, abs=5e-4))
    assert figure(found.macro_f1) == "100.0 % (no interval: each resample gives the same)"


@given(
    st.lists(
        st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS), st.floats(0, 1), st.booleans()),
        min_size=1,
        max_size=9,
    )
)
def test_shares_are_shares(cases):
    found = evaluate(
        [Judged(str(n), (true,), heard, sure, (), ask) for n, (true, heard, sure, ask) in enumerate(cases)]
    )
    assert 0 <= found.calibration_error.value <= 1 and 0 <= found.macro_f1.value <= 1
    assert sum(b.recordings for b in found.bins) == found.curve[0].recordings == len(cases)


@pytest.mark.parametrize("word", ["acoustic_guitar", "Acoustic Guitar", " acoustic-guitar "])
def test_words_that_mean_a_label(word):
    assert read_words(word).labels == ("acoustic_guitar",)
    assert read_words("theremin").unknown == ("theremin",)


def test_words_of_several_languages():
    assert read_words("Violino; KLAVIER").labels == ("violin", "piano")
    assert read_words("guitar").labels == ("acoustic_guitar", "electric_guitar")
    assert read_words("E-Gitarre").labels == ("electric_guitar",)
    # `other` means that none of the eleven is heard.
    assert read_words("viola").labels == ("other",) and read_words("viola and violin").labels == ("violin",)
    assert len(synonyms()) > 80 and {label for labels in synonyms().values() for label in labels} == set(LABELS)


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = open_table(tmp_path / "t.csv")
    person = {"assigned_by": AssignedBy.PERSON, "reviewed_label": "flute", "reviewed_at": "2026-01-01T00:00:00Z"}
    for row in (
        Row("in/a.wav", Status.ANALYSED, "cello", 0.9, False, ("cello",)),
        Row("in/b.wav", Status.ANALYSED, "cello", 0.6, True, ("cello",), **person),
        Row("in/c.wav", Status.ANALYSED, "piano", 0.8, False, ("piano",)),
        Row("in/bad.wav", Status.FAILED, error_code="damaged"),
    ):
        rows.append(row)
    rows.finish()
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(app, ["evaluate", "t.csv", *arguments])


def test_a_csv_file_as_people_write_it(table):
    (table / "truth.csv").write_text(
        "\ufeffPath,label,by\n./in/a.wav,Cello,me\nin\\b.wav,flute;theremin,me\n", encoding="utf-8"
    )
    ended = run("truth.csv")
    assert ended.exit_code == 0
    assert "recordings judged        2" in ended.output
    assert re.search(r"dominant label right +50\.0 %", ended.output)
    assert "    1  flute was taken for cello" in ended.output
    assert "1 were reviewed by a person; the machine's label is judged all the same" in ended.output
    assert "theremin (1)" in ended.output and "1 in the table have no true label" in ended.output


def test_what_failed_or_is_missing_is_named(table):
    (table / "truth.csv").write_text("path,label\nin/a.wav,cello\nin/bad.wav,cello\nin/gone.wav,cello\n")
    ended = run("truth.csv", "--json")
    assert ended.exit_code == 1
    document = json.loads(ended.output)
    assert document["left_out"]["failed"] == ["in/bad.wav"]
    assert document["left_out"]["not_in_table"] == ["in/gone.wav"]
    assert document["accuracy"]["value"] == 1 and document["labels"] == list(LABELS)


def test_labels_of_audacity_and_raven(table):
    folder = table / "labels/in"
    folder.mkdir(parents=True)
    (folder / "a.wav.txt").write_text("0.0\t2.0\tpiano (machine: m 1, 80 %)\n\\\t100\t200\n2.0\t9.0\tcello\n")
    (folder / "c.wav.selections.txt").write_text(RAVEN + "\n1\tWaveform 1\t1\t0.0\t3.0\tpiano\n")
    truth = read_truth(table / "labels")
    assert truth.labels == {"in/a.wav": ("cello", "piano"), "in/c.wav": ("piano",)}
    assert run("labels").exit_code == 0


AS_EXPORTED = {
    "a.wav.txt": "0.0\t9.0\tcello (machine: m 1, 80 %)\n",
    "c.wav.selections.txt": RAVEN + "\tConfidence\tSource\n1\tWaveform 1\t1\t0.0\t3.0\tpiano\t0.9\tmachine: m 1\n",
}


def test_labels_that_instag_exported_and_nobody_corrected_are_no_truth(table):
    folder = table / "labels/in"
    folder.mkdir(parents=True)
    for name, text in AS_EXPORTED.items():
        (folder / name).write_text(text)
    ended = run("labels")
    assert ended.exit_code == 3
    assert "every label in it is as `instag export` wrote it, for example in in/a.wav.txt" in ended.output
    # One label of a person's, and the file is a person's word; so is what a person said before the export.
    (folder / "a.wav.txt").write_text("0.0\t2.0\tcello (machine: m 1, 80 %)\n2.0\t9.0\tflute\n")
    (folder / "b.wav.txt").write_text("0.0\t9.0\tflute (person: Anna; the machine said: cello)\n")
    ended = run("labels", "--json")
    assert json.loads(ended.output)["left_out"]["as_exported"] == ["in/c.wav.selections.txt"]
    assert json.loads(ended.output)["recordings"] == 2
    assert "1 label files are as `instag export` wrote them" in run("labels").output


@pytest.mark.parametrize("program", [audacity, raven])
def test_an_export_of_the_program_itself_is_recognised(table, program):
    row = Row("in/a.wav", Status.ANALYSED, "cello", 0.9, False, ("cello",), model_id="m", model_version="1")
    window = WindowRow(0.0, 3.0, -20.0, Silence.NONE, "cello", 0.9, tuple(np.eye(12)[0]), (0.0,) * 12)
    (table / "labels/in").mkdir(parents=True)
    file = table / f"labels/in/a.wav{program.SUFFIX}"
    file.write_text(program.to_text("in/a.wav", named_spans(row, [window])))
    assert run("labels").exit_code == 3
    file.write_text(program.to_text("in/a.wav", named_spans(replace(row, reviewed_label="flute"), [window])))
    assert json.loads(run("labels", "--json").output)["accuracy"]["value"] == 0


def test_ravens_own_names_of_files_lack_the_extension(table):
    folder = table / "labels/in"
    folder.mkdir(parents=True)
    (folder / "a.Table.1.selections.txt").write_text(RAVEN + "\n1\tWaveform 1\t1\t0.0\t3.0\tcello\n")
    (folder / "a.Table.2.selections.txt").write_text(RAVEN + "\n1\tWaveform 1\t1\t3.0\t9.0\tflute\n")
    (folder / "c.wav.Table.1.selections.txt").write_text(RAVEN + "\n1\tWaveform 1\t1\t0.0\t3.0\tpiano\n")
    truth = read_truth(table / "labels")
    assert truth.labels == {"in/a": ("flute", "cello"), "in/c.wav": ("piano",)}
    document = json.loads(run("labels", "--json").output)
    assert document["recordings"] == 2 and document["left_out"]["not_in_table"] == []
    # Where two recordings have the name, nobody knows which is meant.
    rows = open_table(table / "t.csv")
    rows.append(Row("in/a.mp3", Status.ANALYSED, "flute", 0.9, False, ("flute",)))
    rows.finish()
    document = json.loads(run("labels", "--json").output)
    assert document["recordings"] == 1 and document["left_out"]["names_of_several"] == ["in/a"]
    # One that is called exactly so is meant.
    (folder / "a.wav.txt").write_text("0.0\t9.0\tcello\n")
    (folder / "a.mp3.txt").write_text("0.0\t9.0\tcello\n")
    document = json.loads(run("labels", "--json").output)
    assert document["recordings"] == 3 and document["left_out"]["not_in_table"] == ["in/a"]


def test_a_recording_that_a_truth_names_twice_is_said_with_its_lines(table):
    (table / "truth.csv").write_text("path,label\nin/a.wav,cello\nin/c.wav,piano\n./in/a.wav,flute\n")
    assert read_truth(table / "truth.csv").labels["in/a.wav"] == ("cello", "flute")
    says = "1 lines name a recording again; its labels are joined: in/a.wav (truth.csv, line 4, after line 2)"
    assert says in run("truth.csv").output
    assert json.loads(run("truth.csv", "--json").output)["repeated"][0]["path"] == "in/a.wav"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("file,instrument\na,b\n", "no columns path and label"),
        ("path,label\nin/a.wav,theremin\n", "holds no label that instag knows"),
        ("path,label\nelsewhere.wav,cello\n", "no path in it is an analysed recording"),
    ],
)
def test_a_truth_that_cannot_be_used(table, text, says):
    (table / "truth.csv").write_text(text)
    ended = run("truth.csv")
    assert ended.exit_code == 3 and says in ended.output


def test_a_truth_that_cannot_be_read(tmp_path):
    with pytest.raises(CannotStartError, match="cannot be read"):
        read_truth(tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes(b"path,label\n\xe9.wav,cello\n")
    with pytest.raises(CannotStartError, match="no text in UTF-8"):
        read_truth(tmp_path / "latin.csv")


def test_the_page_stands_alone_and_says_the_figures(table):
    (table / "truth.csv").write_text("path,label\nin/a.wav,cello\nin/b.wav,flute\nin/c.wav,<b>;piano\n")
    assert run("truth.csv", "-o", "e.html").exit_code == 0
    page = (table / "e.html").read_text("utf-8")
    assert "66.7 % (95 % interval" in page and page.count("<svg") == 2
    assert not re.search(r"(src|href)=|<script|<b>", page)
    again = run("truth.csv", "-o", "e.html")
    assert again.exit_code == 3 and "already there" in again.output


def test_the_page_has_no_faults_of_access(table):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    (table / "truth.csv").write_text("path,label\nin/a.wav,cello\nin/b.wav,flute\n")
    assert run("truth.csv", "-o", "e.html").exit_code == 0
    said: list[str] = []
    with chromium() as browser:
        for scheme in ("light", "dark"):
            tab = browser.new_context(color_scheme=scheme, viewport={"width": 390, "height": 800}).new_page()
            tab.on("console", lambda message: said.append(message.text))
            tab.goto((table / "e.html").as_uri())
            assert tab.locator("h2").count() == 5
            assert axe.Axe().run(tab).violations_count == 0
            assert said == []


def test_what_people_said_in_a_review_can_be_the_truth(table):
    exported = CliRunner().invoke(app, ["export", "t.csv", "--to", "manifest", "-o", "heard.csv"])
    assert exported.exit_code == 0
    document = json.loads(run("heard.csv", "--json").output)
    assert (document["recordings"], document["accuracy"]["value"]) == (1, 0)  # b.wav: flute, not cello
