"""Labels accepted unheard: the sample, the bound, and the marks in the table."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instag.errors import CannotStartError
from instag.labels import LABELS
from instag.measure.acceptance import accept, least_sample, most_share_wrong, most_wrong, plan_steps
from instag.measure.sample import cut_bands, draw_sample
from instag.table import open_table
from instag.table.acceptances import IN_BULK, mark_accepted
from instag.table.reviews import Reviews
from instag.table.rows import AssignedBy, Row, Status
from instag.table.samples import keep_sample, read_sample, sample_path
from tests.support.commands import recording, run, use_tiny_model

NOW = "2026-02-03T04:05:06+00:00"


def a_row(number: int, confidence: float, label: str = "cello", folder: str = "tapes", **more: object) -> Row:
    return Row(
        f"{folder}/{number:05}.wav",
        Status.ANALYSED,
        dominant=label,
        confidence=confidence,
        needs_review=False,
        assigned_by=AssignedBy.MACHINE,
        audio_digest=f"sha256-data:{folder}{number}",
        **more,
    )


def reviewed(row: Row, label: str, at: str = NOW) -> Row:
    return replace(row, assigned_by=AssignedBy.PERSON, reviewed_label=label, reviewed_by="Anna", reviewed_at=at)


def many_rows(count: int) -> list[Row]:
    chance = random.Random(3)
    return [
        a_row(n, round(chance.uniform(0.8, 1), 3), chance.choice(LABELS), f"box {chance.randrange(20)}")
        for n in range(count)
    ]


def exact_chance(chances: np.ndarray, most: int) -> float:
    """The chance that at most so many of independent draws succeed."""
    spread = np.array([1.0])
    for chance in chances:
        spread = np.convolve(spread, [1 - chance, chance])
    return float(spread[: most + 1].sum())


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.floats(0, 1), min_size=20, max_size=200), st.floats(0.01, 0.4), st.sampled_from([0.05, 0.05 / 3, 0.2])
)
def test_the_binomial_bound_holds_for_blocks_with_any_chances(values: list[float], error: float, level: float) -> None:
    chances = np.array(values)
    if chances.mean() < error:  # fewer are wrong than is to be ruled out: then there is nothing to hold
        chances = np.clip(chances + error - chances.mean(), 0, 1)
    if chances.mean() >= error:
        assert exact_chance(chances, most_wrong(len(chances), error, level)) <= level + 1e-9


def test_the_largest_share_that_is_wrong_is_that_of_clopper_and_pearson() -> None:
    # From tables of exact upper bounds, one-sided, 95 %.
    for drawn, wrong, share in (
        (10, 0, 0.2589),
        (10, 1, 0.3942),
        (20, 2, 0.2826),
        (60, 0, 0.0487),
        (5, 5, 1),
        (0, 0, 1),
    ):
        assert most_share_wrong(drawn, wrong) == pytest.approx(share, abs=1e-4)
    for drawn, wrong in ((30, 4), (100, 7)):
        share = most_share_wrong(drawn, wrong)
        assert exact_chance(np.full(drawn, share), wrong) == pytest.approx(0.05, abs=1e-6)


def test_the_bound_is_the_binomial_one() -> None:
    assert most_wrong(58, 0.05, 0.05) == -1 and most_wrong(59, 0.05, 0.05) == 0
    assert most_wrong(92, 0.05, 0.05) == 0 and most_wrong(93, 0.05, 0.05) == 1  # tables of attribute sampling
    assert [least_sample([0.9] * 100_000, error) for error in (0.05, 0.1, 0.01)] == [59, 29, 299]
    for drawn, error in ((150, 0.04), (300, 0.1)):
        most = most_wrong(drawn, error, 0.05)
        assert exact_chance(np.full(drawn, error), most) <= 0.05 < exact_chance(np.full(drawn, error), most + 1)


@pytest.mark.parametrize("files", [58, 59, 60, 90, 119, 400, 3000])
def test_the_least_sample_is_the_first_that_can_pass(files: int) -> None:
    rows = many_rows(files)
    found = least_sample([row.confidence for row in rows], 0.05)

    def can_pass(count: int) -> bool:
        heard = [reviewed(row, row.dominant) for row in rows]
        return accept(draw_sample(heard, count, 0, NOW), 0.05).passed is not None

    assert (found is None) is (files < 59)
    if found is not None:
        assert can_pass(found) and not any(can_pass(count) for count in range(55, found))


def test_a_sample_stands_for_labels_folders_and_confidences() -> None:
    of_one_label = [replace(row, dominant="cello") for row in many_rows(6000)]
    for rows, what in (
        (many_rows(6000), lambda row: row.dominant),
        (many_rows(6000), lambda row: round(row.confidence, 2)),
        (of_one_label, lambda row: row.path.split("/")[0]),
    ):
        by_path = {row.path: row for row in rows}
        there = Counter(map(what, rows))
        strays = []
        for seed in range(3):
            drawn = draw_sample(rows, 600, seed).drawn
            assert len(drawn) == len({candidate.path for candidate in drawn}) == 600
            here = Counter(what(by_path[candidate.path]) for candidate in drawn)
            strays += [(here[key] - number / 10) / np.sqrt(0.09 * number) for key, number in there.items()]
        assert np.std(strays) < 0.75  # 1 if the sample were simply random


def test_every_file_has_the_same_chance() -> None:
    rows = many_rows(300)
    times = Counter(candidate.path for seed in range(400) for candidate in draw_sample(rows, 60, seed).drawn)
    assert len(times) == 300
    assert min(times.values()) > 40 and max(times.values()) < 135  # blocks hold 4, 5 or 6 of these few files


def test_the_same_table_gives_the_same_sample_in_any_order_and_after_reviews() -> None:
    rows = many_rows(1000)
    before = [candidate.path for candidate in draw_sample(rows, 100, 0).drawn]
    assert [candidate.path for candidate in draw_sample(rows[::-1], 100, 0).drawn] == before
    heard = [reviewed(row, "organ") if row.path in before[::3] else row for row in rows]
    assert [candidate.path for candidate in draw_sample(heard, 100, 0, drawn_at=NOW).drawn] == before
    assert {c.path for c in draw_sample(heard, 100, 0, drawn_at="2026-03").drawn}.isdisjoint(before[::3])
    assert [candidate.path for candidate in draw_sample(rows, 100, 1).drawn] != before


def test_files_for_a_persons_ear_are_not_drawn() -> None:
    rows = [*many_rows(50), replace(a_row(98, 0.9), needs_review=True), Row("broken.wav", Status.FAILED)]
    assert len(draw_sample(rows, 1000, 0).drawn) == 50
    assert draw_sample([], 10, 0).drawn == ()


@given(
    st.lists(st.sampled_from([0.8, 0.85, 0.9, 0.95, 0.99, 1.0]) | st.floats(0, 1), max_size=300), st.integers(1, 400)
)
def test_bands_never_separate_equal_confidences(confidences: list[float], count: int) -> None:
    confidences.sort(reverse=True)
    bands = cut_bands(confidences, count)
    assert sum(draws for *_, draws in bands) == min(count, len(confidences))
    assert [begin for begin, *_ in bands] == [0, *(end for _, end, _ in bands)][: len(bands)]
    for begin, end, draws in bands:
        assert 0 < draws <= end - begin
        assert end == len(confidences) or confidences[end] < confidences[end - 1]


def decided_sample(wrong_below: float, count: int = 400) -> object:
    rows = [
        reviewed(row, row.dominant if row.confidence > wrong_below else "nothing of the kind")
        for row in many_rows(4000)
    ]
    return draw_sample(rows, count, 0, NOW)


def test_the_lowest_confidence_that_passes_is_found() -> None:
    found = accept(decided_sample(0.88), 0.05)
    assert found.passed is not None
    step = found.steps[found.passed]
    assert 0.86 < step.least_confidence < 0.9
    assert accept(decided_sample(2.0), 0.05).passed is None
    assert accept(decided_sample(0.0), 0.05).steps[-1].files == 4000
    assert accept(decided_sample(0.0, 59), 0.055).passed is not None
    assert accept(decided_sample(0.0, 40), 0.05).passed is None


def test_a_person_who_is_not_sure_does_not_confirm() -> None:
    rows = [replace(a_row(n, 0.9), assigned_by=AssignedBy.PERSON, reviewed_at=NOW) for n in range(100)]
    assert accept(draw_sample(rows, 100, 0, NOW), 0.2).wrong == (100,)


def test_the_steps_do_not_depend_on_what_people_said() -> None:
    assert plan_steps(decided_sample(0.0).bands, 0.1) == plan_steps(decided_sample(2.0).bands, 0.1)
    assert sum(step.shares for step in plan_steps(decided_sample(0.0).bands, 0.1)) == 3


@pytest.mark.parametrize("kind", [".csv", ".jsonl", ".sqlite"])
def test_marks_are_written_kept_and_withdrawn(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"table{kind}"
    table = open_table(path)
    rows = [a_row(n, 0.8 + n / 10_000) for n in range(1500)]
    rows[0] = reviewed(a_row(0, 0.99), "organ")
    rows[1] = replace(a_row(1, 0.99), needs_review=True)
    for row in rows:
        table.append(row)
    table.finish()

    def accepted() -> list[Row]:
        opened = open_table(path, read_only=True)
        found = [row for row in opened.rows() if row.is_accepted]
        opened.close()
        return found

    table = open_table(path)
    assert mark_accepted(table, 0.81, "rule", dry_run=True) == (1400, 0) and accepted() == []
    table.close()
    assert mark_accepted(open_table(path), 0.81, "rule") == (1400, 0)
    marked = accepted()
    assert len(marked) == 1400 and all(row.review is None and row.label == "cello" for row in marked)
    assert {(row.assigned_by, row.reviewed_by, row.reviewed_label) for row in marked} == {
        (AssignedBy.MACHINE, "rule", "")
    }
    assert mark_accepted(open_table(path), 0.85, "rule") == (1000, 400)
    assert mark_accepted(open_table(path), None, "rule") == (0, 1000) and accepted() == []
    opened = open_table(path, read_only=True)
    assert sorted(opened.rows(), key=lambda row: row.path) == rows
    opened.close()


def test_what_a_person_accepted_in_bulk_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    by_anna = {"reviewed_by": f"{IN_BULK}Anna: 9 of 10 heard were right", "reviewed_at": NOW}
    rows = [replace(a_row(0, 0.4), needs_review=True, **by_anna), replace(a_row(1, 0.95), **by_anna), a_row(2, 0.95)]
    table = open_table(path)
    table.extend(rows)
    table.finish()
    assert mark_accepted(open_table(path), 0.9, "rule") == (1, 0)
    assert mark_accepted(open_table(path), None, "rule") == (0, 1)
    opened = open_table(path, read_only=True)
    assert list(opened.rows()) == rows
    opened.close()


@pytest.mark.parametrize("kind", [".csv", ".jsonl", ".sqlite"])
def test_an_acceptance_survives_the_next_analysis_while_the_machine_says_the_same(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"table{kind}"
    table = open_table(path)
    fresh = a_row(1, 0.9)
    table.append(replace(fresh, reviewed_by="rule", reviewed_at=NOW))
    table.close()
    table = open_table(path)
    again, note = table.reviews.keep(replace(fresh, path="elsewhere/new name.wav"))
    assert again.is_accepted and again.reviewed_by == "rule" and note == ""
    changed, note = table.reviews.keep(replace(fresh, dominant="organ"))
    assert not changed.is_accepted
    assert note == (
        "tapes/00001.wav: was accepted unheard as cello, and the model now says organ; it is no longer accepted."
    )
    assert table.reviews.keep(replace(fresh, audio_digest="other"))[0].decision is None
    assert table.reviews.keep(replace(fresh, status=Status.FAILED, audio_digest=""))[0].decision is None
    table.close()


def test_an_ear_counts_more_than_an_acceptance_of_a_copy() -> None:
    reviews = Reviews()
    heard, copy = reviewed(a_row(1, 0.9), "organ"), replace(a_row(1, 0.9), path="copy.wav")
    accepted = replace(copy, reviewed_by="rule", reviewed_at="2026-05-01T00:00:00+00:00")
    for row in (heard, accepted):
        reviews.learn(row.path, row.audio_digest, row.decision)
    assert reviews.keep(copy)[0].reviewed_label == "organ"


@pytest.mark.parametrize("kind", [".csv", ".jsonl", ".sqlite"])
def test_a_review_that_was_taken_back_does_not_return(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"table{kind}"
    table = open_table(path)
    fresh = a_row(1, 0.9)
    table.append(reviewed(fresh, "organ"))
    table.append(fresh)
    assert table.reviews.keep(fresh)[0].decision is None
    table.close()
    table = open_table(path)
    assert table.reviews.keep(fresh)[0].decision is None
    assert table.reviews.keep(replace(fresh, path="renamed.wav"))[0].decision is None
    table.close()


def test_the_record_of_a_sample_is_kept_and_grows(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    assert read_sample(table) is None
    first = keep_sample(table, 200)
    assert keep_sample(table, 200) == first == read_sample(table)
    assert keep_sample(table, 300) == replace(first, count=300) == read_sample(table)
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv.sample.json"]
    for text in ("", "[]", "{}", '{"instag_sample": 1, "count": "2", "seed": 0, "drawn_at": ""}'):
        sample_path(table).write_text(text)
        with pytest.raises(CannotStartError, match="is not the record of a sample"):
            read_sample(table)


def test_the_command_says_what_a_curator_understands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = many_rows(900)
    path = tmp_path / "table.csv"

    def write(rows: list[Row]) -> None:
        path.unlink(missing_ok=True)
        table = open_table(path)
        table.extend(rows)
        table.finish()

    write(rows)
    assert "no sample was drawn from it" in (refused := run("accept", "table.csv")).stderr and refused.returncode == 3
    record = keep_sample(path, 150)
    later = "2999-01-01T00:00:00+00:00"
    drawn = {candidate.path for candidate in draw_sample(rows, 150, record.seed, record.drawn_at).drawn}
    half = set(sorted(drawn)[:70])
    write([reviewed(row, row.dominant, later) if row.path in half else row for row in rows])
    refused = run("accept", "table.csv")
    assert refused.returncode == 3 and "80 of the 150 files of its sample are not decided yet" in refused.stderr

    decided = [reviewed(row, row.dominant, later) if row.path in drawn else row for row in rows]
    write(decided)
    before = path.read_bytes()
    planned = run("accept", "table.csv", "--error", "0.05", "--dry-run")
    assert planned.returncode == 0 and path.read_bytes() == before
    assert planned.stdout.splitlines() == [
        "With a certainty of 95 %, at most 5 % of the labels with a confidence of 0.8 or more are wrong; 900 files "
        "have one. Of the 150 of them that were drawn and heard, 0 are wrong.",
        "750 files that nobody heard would be accepted.",
    ]
    assert "750 files that nobody heard are accepted." in run("accept", "table.csv").stdout
    assert len(run("list", "table.csv", "--accepted").stdout.splitlines()) == 750
    assert len(run("list", "table.csv", "--reviewed").stdout.splitlines()) == 150
    assert run("list", "table.csv", "--accepted", "--reviewed").returncode == 2
    too_small = run("accept", "table.csv", "--error", "0.01")
    assert too_small.returncode == 1 and too_small.stdout.splitlines()[0] == (
        "The sample is too small to vouch for an error of 1 %, even if nothing in it is wrong: 150 of 900 files were "
        "drawn, and at least 305 must be. Run `instag review table.csv --sample 305`, and decide what is new in it; "
        "what you decided still counts."
    )
    assert "the model is sure of 900 files only" in run("accept", "table.csv", "--error", "0.001").stdout

    write([replace(row, reviewed_label="voice") if row.path in half else row for row in decided])
    nothing = run("accept", "table.csv")
    assert nothing.returncode == 1 and "No files can be accepted with an error of 5 %" in nothing.stdout
    sample_path(path).write_text(json.dumps({"instag_sample": 2}))
    assert "is not the record of a sample" in run("accept", "table.csv").stderr


def test_tags_say_that_a_label_was_accepted_and_verify_finds_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_model: Path
) -> None:
    use_tiny_model(monkeypatch, tiny_model)
    monkeypatch.chdir(tmp_path)
    recording(tmp_path / "a.wav", "cello")
    recording(tmp_path / "b.wav", "piano")
    assert run("tag", ".", "-o", "table.csv", "--write-tags", "-q").returncode == 0
    table = open_table(tmp_path / "table.csv")
    first, second = list(table.rows())
    table.append(replace(first, reviewed_by="rule", reviewed_at=NOW))
    table.append(reviewed(second, "organ"))
    table.finish()
    assert run("verify", "table.csv").returncode == 0, "a review is no damage before the tags are written again"
    assert run("tag", ".", "-o", "table.csv", "--write-tags", "--force", "-q").returncode == 0
    table = open_table(tmp_path / "table.csv")
    first, second = list(table.rows())
    assert first.is_accepted and second.reviewed_label == "organ"
    assert run("verify", "table.csv").returncode == 0
    table.append(reviewed(second, "flute", "2026-04-01T00:00:00+00:00"))
    table.finish()
    assert run("verify", "table.csv").returncode == 0, "nor is a second review after the tags of the first"
