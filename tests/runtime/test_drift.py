"""Drift: quiet on resamples of the reference, loud on what sounds otherwise; sums against SciPy and by hand."""

import json

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from instag.cli import app
from instag.errors import CannotStartError
from instag.labels import LABELS
from instag.measure.drift import drift, in_words, read_reference
from instag.measure.shift import Shift, rank_test, shifts, stability_index
from instag.table import open_table
from instag.table.rows import Row, Status
from tests.support.tinymodel import tiny_card, write_tiny_model

EDGES = [round(0.1 * step, 1) for step in range(11)]


def scores_of(rng, count, sharpness, labels=range(12)):
    """(count, 12) scores of recordings of the labels; the sharper, the surer."""
    logits = rng.normal(size=(count, 12))
    logits[np.arange(count), rng.choice(list(labels), count)] += sharpness
    raised = np.exp(logits)
    return raised / raised.sum(axis=1, keepdims=True)


def card_of(scores):
    """A card with a reference in the form of train/measure/reference.py."""
    histograms = {f"score_{label}": np.histogram(scores[:, at], EDGES)[0].tolist() for at, label in enumerate(LABELS)}
    shares = np.bincount(scores.argmax(axis=1), minlength=12) / len(scores)
    reference = {
        "recordings": len(scores),
        "source": "made up",
        "labels": dict(zip(LABELS, shares.tolist(), strict=True)),
        "histograms": {"edges": EDGES, **histograms},
        "confidence": np.histogram(scores.max(axis=1), EDGES)[0].tolist(),
    }
    return tiny_card(reference=reference)


def rows_of(scores):
    return [
        Row(
            f"{n}.wav",
            Status.ANALYSED,
            LABELS[each.argmax()],
            float(each.max()),
            model_id="tiny",
            model_version="1.0.0",
            scores=tuple(each.tolist()),
        )
        for n, each in enumerate(scores)
    ]


@pytest.fixture(scope="module")
def reference():
    return scores_of(np.random.default_rng(0), 1000, 5.0)


def test_quiet_on_resamples_of_the_reference(reference):
    card, rng = card_of(reference), np.random.default_rng(1)
    sizes = [40, 100, 300, 1000] * 25
    loud = 0
    for size in sizes:
        found = drift(rows_of(reference[rng.integers(0, len(reference), size)]), card)
        loud += "sounds like what" not in found.verdict
    assert len(sizes) == 100 and loud <= 2  # p below 0.01 over all numbers of a collection


@pytest.mark.parametrize("size", [60, 300])
def test_loud_where_the_model_is_less_sure(reference, size):
    card = card_of(reference)
    for seed in range(20):
        found = drift(rows_of(scores_of(np.random.default_rng(seed), size, 2.0)), card)
        assert "sounds unlike" in found.verdict and "It is less sure here." in found.verdict
        assert "xpect more errors for" in found.verdict
        assert next(s for s in found.shifts if s.name == "confidence").effect < 0


def test_another_mix_of_instruments_is_called_so(reference):
    only = [LABELS.index("piano")]
    found = drift(rows_of(scores_of(np.random.default_rng(2), 300, 5.0, only)), card_of(reference))
    assert "It hears more piano; less" in found.verdict and "Unless the collection has other" in found.verdict
    assert found.shares["piano"][1] > 0.9 > found.shares["piano"][0]
    assert found.shifts[0].name == "piano" and found.shifts[0].is_much and found.shifts[0].effect > 0.5


def test_surer_is_no_comfort(reference):
    found = drift(rows_of(scores_of(np.random.default_rng(4), 300, 9.0)), card_of(reference))
    assert "It is surer here, which does not make it right." in found.verdict


def test_confidence_alone_is_about_all_instruments():
    assert "Expect more errors for all instruments." in in_words([Shift("confidence", 0.2, 0.001, -0.3)])
    assert "somewhat unlike" in in_words([Shift("confidence", 0.2, 0.001, -0.3)])
    assert "sounds like what" in in_words([Shift("confidence", 0.3, 0.02, -0.3), Shift("piano", 0.05, 0.0, 0.1)])


def test_the_index_by_hand():
    # (0.25 - 0.75) * ln(1/3) * 2, after half a recording more in each step.
    assert stability_index(np.array([7.0, 2.0]) * 1, np.array([2, 7])) == pytest.approx(2 * (0.75 - 0.25) * np.log(3))


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=2, max_size=10))
def test_the_index_is_symmetric_and_never_negative(pairs):
    one, other = np.array([a for a, _ in pairs]), np.array([b for _, b in pairs])
    assert stability_index(one, other) == pytest.approx(stability_index(other, one))
    assert stability_index(one, other) >= 0 and stability_index(one, one) == 0


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=2, max_size=10))
@settings(deadline=None)  # the first call imports SciPy
def test_the_rank_test_is_scipys(pairs):
    stats = pytest.importorskip("scipy.stats")
    one, other = np.array([a for a, _ in pairs]), np.array([b for _, b in pairs])
    steps = np.arange(len(pairs))
    assume(one.sum() and other.sum() and np.count_nonzero(one + other) > 1)
    theirs = stats.mannwhitneyu(
        np.repeat(steps, other), np.repeat(steps, one), use_continuity=False, method="asymptotic"
    )
    p, effect = rank_test(one, other)
    assert p == pytest.approx(theirs.pvalue, abs=1e-9)
    assert effect == pytest.approx(2 * theirs.statistic / (one.sum() * other.sum()) - 1)


def test_all_in_one_step_is_no_difference():
    assert rank_test(np.array([5, 0]), np.array([9, 0])) == (1.0, 0.0)


def test_holms_correction_keeps_the_order():
    far, near = (np.array([90, 10]), np.array([10, 90])), (np.array([50, 50]), np.array([49, 51]))
    found = {shift.name: shift for shift in shifts({"far": far, "near": near})}
    assert found["far"].p == pytest.approx(2 * rank_test(*far)[0])
    assert found["near"].p == pytest.approx(rank_test(*near)[0])
    assert found["far"].is_much and not found["near"].is_some


def test_rows_that_say_nothing_are_left_out(reference):
    rows = rows_of(reference[:50])
    silent = Row("s.wav", Status.ANALYSED, "other", 0.0, model_id="tiny", model_version="1.0.0", scores=(0.0,) * 12)
    found = drift([*rows, silent, Row("f.wav", Status.FAILED)], card_of(reference))
    assert (found.recordings, found.left_out) == (50, 2)
    with pytest.raises(CannotStartError, match="At least 30"):
        drift(rows[:29], card_of(reference))
    with pytest.raises(CannotStartError, match=r"are of tiny 1\.0\.0.*--model"):
        drift(rows, tiny_card(version="2.0.0", reference=card_of(reference).reference))


@pytest.mark.parametrize(
    "broken", [{"histograms": {}}, {"confidence": [1, 2]}, {"labels": {}}, {"histograms": {"edges": [0, 0, 1]}}]
)
def test_a_reference_that_cannot_be_used_is_refused(reference, broken):
    document = {**card_of(reference).reference, **broken}
    with pytest.raises(CannotStartError, match="cannot be used"):
        read_reference(tiny_card(reference=document))


def test_the_command(tmp_path, reference):
    table = open_table(tmp_path / "t.csv")
    table.extend(rows_of(scores_of(np.random.default_rng(3), 100, 1.0)))
    table.finish()
    model = str(write_tiny_model(tmp_path / "m.onnx", card_of(reference).to_json()))
    ended = CliRunner().invoke(app, ["drift", str(tmp_path / "t.csv"), "--model", model])
    assert ended.exit_code == 0, ended.output
    assert ended.output.startswith("This collection sounds unlike what the model was measured on")
    assert "Compared: 100 recordings with 1000 (made up)." in ended.output
    found = json.loads(CliRunner().invoke(app, ["drift", str(tmp_path / "t.csv"), "--model", model, "--json"]).output)
    assert len(found["shifts"]) == 13
    assert found["shifts"][0]["stability_index"] == max(s["stability_index"] for s in found["shifts"]) > 0.25


def test_a_model_without_a_reference(tmp_path, tiny_model):
    open_table(tmp_path / "t.csv").finish()
    ended = CliRunner().invoke(app, ["drift", str(tmp_path / "t.csv"), "--model", str(tiny_model)])
    assert ended.exit_code == 3 and "has no reference" in ended.output and "export refit" in ended.output
