"""`instag show`: rows that are whole at any width, and that explain the verdict."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from instag.cli import app
from instag.cli.windows_view import MOST_ROWS, clock, fold, packed, row_seconds, table_lines
from instag.labels import DISPLAY_NAMES, LABELS
from instag.results import WindowScores
from tests.support import synth
from tests.support.commands import recording, use_tiny_model
from tests.support.tinymodel import frequency_of, tiny_card

runner = CliRunner()
LONGEST = max(LABELS, key=lambda label: len(DISPLAY_NAMES[label]))


def windows_of(labels: list[str], seconds: float = 1.0, level: float = -20.0) -> WindowScores:
    """One window per entry, in which the labels of an entry (joined by +) are heard, the first one dominating."""
    rows = [[LABELS.index(label) for label in entry.split("+") if label] for entry in labels]
    scores = np.full((len(rows), len(LABELS)), 0.01, np.float32)
    presences = np.full((len(rows), len(LABELS)), 0.1, np.float32)
    for row, heard in enumerate(rows):
        scores[row, heard[:1]] = 0.9
        presences[row, heard] = 0.8
    start = np.arange(len(rows)) * seconds
    levels = np.array([level if heard else -math.inf for heard in rows])
    return WindowScores(start, start + seconds, levels, scores / scores.sum(1, keepdims=True), presences)


def test_each_window_shows_what_is_over_the_threshold() -> None:
    rows = list(fold(windows_of(["cello+piano", "", "voice"]), tiny_card(), None))
    assert [row.dominant for row in rows] == ["cello", "", "voice"]
    assert [dict(row.heard) for row in rows] == [
        {"cello": pytest.approx(0.8), "piano": pytest.approx(0.8)},
        {},
        {"voice": pytest.approx(0.8)},
    ]
    assert [(row.start_seconds, row.end_seconds) for row in rows] == [(0, 1), (1, 2), (2, 3)]
    assert rows[0].level_dbfs == pytest.approx(-20) and rows[1].level_dbfs == -math.inf


def test_a_folded_row_gives_shares_of_the_heard_time() -> None:
    rows = list(fold(windows_of(["cello", "cello+piano", "", "cello", "voice"]), tiny_card(), 4.0))
    assert [(row.start_seconds, row.end_seconds, row.dominant) for row in rows] == [(0, 4, "cello"), (4, 5, "voice")]
    # In one of three windows, and then without leading: that is little evidence of a piano within 15 s.
    assert dict(rows[0].heard) == {"cello": pytest.approx(1.0)}
    assert dict(rows[1].heard) == {"voice": pytest.approx(0.8)}


@pytest.mark.parametrize(("count", "seconds"), [(1, None), (MOST_ROWS, None), (61, 3), (1200, 3), (20_000, 3)])
def test_long_recordings_are_folded_to_a_page(count: int, seconds: float | None) -> None:
    windows = windows_of(["cello"] * count, seconds or 3.0)
    every = row_seconds(windows)
    assert (every is None) == (seconds is None)
    assert len(list(fold(windows, tiny_card(), every))) <= MOST_ROWS


@pytest.mark.parametrize("width", [None, 40, 80, 200])
def test_times_levels_and_labels_are_whole_at_every_width(width: int | None) -> None:
    windows = windows_of(["+".join([LONGEST, *LABELS[:8]]), "", LONGEST] * 10, 1000.0)
    rows = list(fold(windows, tiny_card(), None))
    lines = [line.plain for line in table_lines(rows, "presence", width)]
    text = "\n".join(lines)
    for row in rows:
        assert re.search(rf"^ *{re.escape(clock(row.start_seconds))} +{re.escape(clock(row.end_seconds))} ", text, re.M)
    assert text.count(f"{DISPLAY_NAMES[LONGEST]} ") >= 20
    assert text.count("-20 dB") == 20 and text.count("silent") == 10
    for label in {LONGEST, *LABELS[:8]}:
        assert f"{DISPLAY_NAMES[label]} 80 %" in text
    if width is None:
        assert len(lines) == len(rows) + 1 and "█" not in text
    elif width >= 80:
        assert max(map(len, lines)) <= width


@given(st.lists(st.text("abc %", min_size=1, max_size=12).map(str.strip).filter(bool)), st.none() | st.integers(1, 30))
def test_items_are_never_broken(items: list[str], width: int | None) -> None:
    lines = packed(items, width)
    assert " ".join(lines) == ", ".join(items)
    assert all(len(line) <= width or line.rstrip(",") in items for line in lines if width)
    assert len(lines) == 1 or width


@given(st.floats(0, 1e6))
def test_a_time_reads_as_it_is(seconds: float) -> None:
    parts = [float(part) for part in clock(seconds).split(":")]
    assert parts[-1] < 60 and sum(part * 60**power for power, part in enumerate(reversed(parts))) == pytest.approx(
        seconds, abs=0.051
    )
    assert re.fullmatch(r"(\d+:[0-5]\d|\d+):[0-5]\d\.\d", clock(seconds)) or seconds < 600


@pytest.fixture
def _folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_model: Path) -> None:
    use_tiny_model(monkeypatch, tiny_model)
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("_folder")
def test_show_of_several_files_goes_on_after_a_broken_one(tmp_path: Path) -> None:
    recording(tmp_path / "one.wav", "cello")
    sounds = [synth.tone(frequency_of("cello"), 10.0), synth.silence(5.0), synth.tone(frequency_of("piano"), 85.0)]
    soundfile.write(tmp_path / "long.wav", np.concatenate(sounds), 44_100)
    (tmp_path / "broken.wav").write_bytes(b"no sound")
    done = runner.invoke(app, ["show", "one.wav", "broken.wav", "absent.wav", "long.wav"])
    assert done.exit_code == 1
    assert "FAILED broken.wav" in done.output and "FAILED absent.wav" in done.output
    one, long = done.stdout.split("long.wav")
    assert "presence" in one and "0:00.0 0:01.0" in one and "Most likely dominant: cello" in one
    assert "share of time" in long and "One row per 5 s" in long and "Most likely dominant: piano" in long
    rows = [line for line in long.splitlines() if re.match(r" *\d+:\d\d\.\d ", line)]
    assert len(rows) == 20 and "silent" in rows[2] and rows[0].endswith("cello 100 %")
    # The sum of the rows is what the verdict says: 10 of 95 seconds, and 85.
    assert "Instruments: piano, cello" in long
    assert "Share of the time that is not silent: piano 89 %, cello 11 %" in long
    assert done.stdout.count("tiny 1.0.0. The label") == 1


@pytest.mark.usefixtures("_folder")
def test_show_with_rows_of_a_chosen_length(tmp_path: Path) -> None:
    recording(tmp_path / "long.wav", "cello", 70.0)
    for every, count in (("0.1", 70), ("35", 2), ("1000", 1)):
        done = runner.invoke(app, ["show", "long.wav", "--every", every])
        assert len(re.findall(r"^ *\d+:\d\d\.\d ", done.stdout, re.MULTILINE)) == count
        assert "One row per" not in done.stdout
