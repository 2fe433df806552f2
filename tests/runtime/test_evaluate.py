"""How right a table is: figures worked out by hand, truth from several sources, and what is left out."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from instag.cli import app
from instag.errors import CannotStartError
from instag.labels import LABELS
from instag.measure.metrics import Judged, evaluate
from instag.measure.truth import as_label, read_truth
from instag.table import open_table
from instag.table.rows import AssignedBy, Row, Status
from tests.support.browser import chromium

GOLDEN = (
    # true labels, the machine's, confidence, all that it heard, asks for review
    (("cello",), "cello", 0.95, ("cello",), False),
    (("cello",), "cello", 0.85, ("cello",), False),
    (("cello",), "flute", 0.65, ("flute",), True),
    (("flute",), "flute", 0.75, ("flute",), False),
    (("piano", "voice"), "voice", 0.92, ("voice", "organ"), False),
)


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
    assert as_label(word) == "acoustic_guitar"
    assert as_label("oboe") is None


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
        "\ufeffPath,label,by\n./in/a.wav,Cello,me\nin\\b.wav,flute;oboe,me\n", encoding="utf-8"
    )
    ended = run("truth.csv")
    assert ended.exit_code == 0
    assert "recordings judged        2" in ended.output
    assert re.search(r"dominant label right +50\.0 %", ended.output)
    assert "    1  flute was taken for cello" in ended.output
    assert "1 were reviewed by a person; the machine's label is judged all the same" in ended.output
    assert "oboe (1)" in ended.output and "1 in the table have no true label" in ended.output


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
    header = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tInstrument\n"
    (folder / "c.wav.selections.txt").write_text(header + "1\tWaveform 1\t1\t0.0\t3.0\tpiano\n")
    truth = read_truth(table / "labels")
    assert truth.labels == {"in/a.wav": ("cello", "piano"), "in/c.wav": ("piano",)}
    assert run("labels").exit_code == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("file,instrument\na,b\n", "no columns path and label"),
        ("path,label\nin/a.wav,oboe\n", "holds no label that instag knows"),
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
