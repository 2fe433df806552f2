"""The page of `instag review`, in a real browser, driven by keys alone."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

import instag
from instag.labels import LABELS
from instag.results import Silence
from instag.table import open_table
from instag.table.timeline import Timeline
from tests.support import synth
from tests.support.browser import chromium
from tests.support.tables import analysed, windows_of

pytest.importorskip("uvicorn")

KEYS = dict(zip(LABELS, ("1", "2", "3", "4", "5", "6", "7", "8", "9", "0", "v", "o"), strict=True))
HOSTILE = "<img src=x onerror=alert(1)> ‮.wav"


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@contextmanager
def visit(browser, url, **more):
    """The page; nothing may stand on the console but what the server's end brings, and no dialog may open."""
    context = browser.new_context(viewport={"width": 1100, "height": 760}, **more)
    tab = context.new_page()
    tab.set_default_timeout(10_000)
    troubles = []
    tab.on("console", lambda message: troubles.append(message.text))
    tab.on("pageerror", lambda error: troubles.append(str(error)))
    tab.on("dialog", lambda dialog: (troubles.append(dialog.message), dialog.dismiss()))
    tab.goto(url)
    tab.wait_for_selector("html[data-ready]")
    try:
        yield tab
        assert not troubles
    finally:
        context.close()


@contextmanager
def serving(table: Path, *words: str):
    """`instag review` in a process of its own, and the address it prints."""
    environment = os.environ | {"PYTHONPATH": str(Path(instag.__file__).parents[1]), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "instag", "review", table.name, "--by", "Anna", *words]
    with subprocess.Popen(command, cwd=table.parent, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            lines = [process.stdout.readline() for _ in range(2)]
            process.url = lines[1].strip()
            yield process
        finally:
            process.kill()


def until(tab, condition: str) -> None:
    """Waits for a condition; Playwright's own way evaluates text in the page, which the page's policy forbids."""
    end = time.monotonic() + 10
    while not tab.evaluate(condition):
        assert time.monotonic() < end, condition
        tab.wait_for_timeout(20)


def make_job(folder: Path, count: int, seconds: float, suffix: str = ".wav") -> Path:
    table, timeline = open_table(folder / "t.csv"), Timeline(folder / "w.csv")
    for number in range(count):
        path = f"box {number % 3}/{HOSTILE if number == 1 else f'reel {number:03}{suffix}'}"
        (folder / path).parent.mkdir(exist_ok=True)
        soundfile.write(folder / path, synth.tone(300 + 5 * number, seconds, 8000), 8000)
        label = LABELS[number % len(LABELS)]
        row = analysed(path, label, round(0.1 + number / 1000, 4), duration_seconds=seconds, audio_digest=f"d{number}")
        table.append(row)
        timeline.append(path, windows_of(["flute", label, label, "flute"]), [Silence.NONE] * 4)
    table.finish()
    timeline.finish()
    return folder / "t.csv"


def rows_of(table: Path):
    with closing(open_table(table, read_only=True)) as opened:
        return list(opened.rows())


def test_a_hundred_files_with_a_hundred_keys_and_a_kill_between(tmp_path, browser):
    table = make_job(tmp_path, 100, 0.3)
    chance = random.Random(7)
    words = [chance.choice((*LABELS, "")) for _ in range(100)]
    expected = [LABELS[number % 12] if number % 2 else word for number, word in enumerate(words)]

    def press(tab, first, last):
        for number in range(first, last):
            tab.keyboard.press("Enter" if number % 2 else KEYS.get(words[number], "n"))

    with serving(table) as process, visit(browser, process.url) as tab:
        press(tab, 0, 50)
        tab.get_by_text("50 of 100 decided, 50 left").wait_for()
        process.kill()
        process.wait()
    assert sum(row.review is not None for row in rows_of(table)) == 50
    with serving(table) as process, visit(browser, process.url) as tab:
        tab.get_by_text("50 of 100 decided, 50 left").wait_for()
        press(tab, 50, 100)
        tab.get_by_text("All decided").wait_for()
        process.send_signal(2)
        assert "50 decided, 0 left" in process.communicate(timeout=20)[0]
        assert process.returncode == 0
    rows = sorted(rows_of(table), key=lambda row: row.confidence)
    assert [row.review.label for row in rows] == expected
    assert [row.dominant for row in rows] == [LABELS[number % 12] for number in range(100)]
    assert {row.reviewed_by for row in rows} == {"Anna"}


def test_it_plays_the_telling_seconds_and_obeys_every_key(tmp_path, browser):
    table = make_job(tmp_path, 4, 12.0)
    with serving(table, "--windows", "w.csv") as process, visit(browser, process.url) as tab:
        position = "document.getElementById('audio').currentTime"
        until(tab, f"{position} > 3.1 && {position} < 9")
        assert tab.locator("#machine").text_content() == "cello, 10 % sure"
        tab.keyboard.press("f")
        assert "1.5 times as fast" in tab.locator("#time").text_content()
        assert tab.evaluate("document.getElementById('audio').playbackRate") == 1.5
        tab.keyboard.press("w")
        until(tab, f"{position} < 2")
        tab.keyboard.press("Space")
        until(tab, f"{position} >= 3")
        tab.keyboard.press("s")
        tab.get_by_role("heading", name="onerror").wait_for()
        assert tab.locator("#name").text_content() == HOSTILE and tab.locator("#card img").count() == 0
        tab.keyboard.press("v")
        tab.get_by_role("heading", name="reel 002").wait_for()
        tab.keyboard.press("u")
        tab.get_by_role("heading", name="onerror").wait_for()
        assert "0 of 4 decided" in tab.locator("#count").text_content()
        tab.locator("#labels button", has_text="organ").click()
        tab.get_by_role("heading", name="reel 002").wait_for()
        tab.keyboard.press("Enter")
        tab.keyboard.press("Enter")
        tab.get_by_role("heading", name="reel 000").wait_for()
        tab.locator("#folder").select_option("/box 2")
        tab.get_by_text("Nothing is left here").wait_for()
    said = {row.path: row.reviewed_label for row in rows_of(table)}
    assert said == {"box 0/reel 000.wav": "", f"box 1/{HOSTILE}": "organ"} | {
        "box 2/reel 002.wav": "flute",
        "box 0/reel 003.wav": "acoustic_guitar",
    }


def test_a_format_that_no_browser_knows_is_decoded_here(tmp_path, browser):
    table = make_job(tmp_path, 1, 40.0, ".aiff")
    with serving(table, "--windows", "w.csv") as process, visit(browser, process.url) as tab:
        until(tab, "document.getElementById('audio').src.includes('clip/0?start=3&end=9')")
        until(tab, "document.getElementById('audio').currentTime > 0.3")
        assert tab.locator("#time").text_content() == "0:03 of 0:40"
        pixels = tab.evaluate("[...document.getElementById('wave').getContext('2d').getImageData(500, 0, 1, 120).data]")
        assert np.count_nonzero(pixels) > 200  # the waveform is drawn
        tab.keyboard.press("w")
        until(tab, "document.getElementById('audio').src.includes('start=0&end=30')")
        until(tab, "document.getElementById('audio').readyState > 2")
        tab.evaluate("document.getElementById('audio').playbackRate = 16")
        until(tab, "document.getElementById('audio').src.includes('start=30&end=40')")
