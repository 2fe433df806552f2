"""The promise of `instag accept`, in thousands of samples from collections whose errors are known."""

from __future__ import annotations

import pytest

from benchmarks.acceptance import CURVES, collection, simulate


@pytest.mark.parametrize("name", CURVES)
def test_the_promise_holds_in_95_of_100_samples(name: str) -> None:
    files = collection(5000, seed=5)
    for error, count in ((0.05, 300), (0.1, 150)):
        found = simulate(files, CURVES[name], count, error, runs=2000, seed=7)
        assert found.held >= 0.95, (error, found)


def test_the_promise_is_worth_something() -> None:
    files = collection(5000, seed=5)
    found = simulate(files, CURVES["one in a hundred is wrong, whatever the confidence"], 300, 0.05, 2000)
    assert found.accepted > 0.9 and found.possible == 1


def test_a_bound_that_is_too_bold_would_be_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("instag.measure.acceptance.CERTAINTY", 0.5)
    found = simulate(collection(5000), CURVES["just too many are wrong, whatever the confidence"], 300, 0.1, 2000)
    assert found.held < 0.9
