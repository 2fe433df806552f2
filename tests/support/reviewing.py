"""`instag review` in a process of its own, and its page in a real browser."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path

import soundfile

import instag
from instag.labels import LABELS
from instag.results import Silence
from instag.table import open_table
from instag.table.timeline import Timeline
from tests.support import synth
from tests.support.tables import analysed, windows_of

HOSTILE = "<img src=x onerror=alert(1)> \u202e.wav"


@contextmanager
def visit(browser, url, *, ends=False, allowed=(), **more):
    """The page; nothing may stand on the console but what is allowed and that the server `ends`; no dialog may open."""
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
        # Chromium notes each request that nobody answers.
        unanswered = ("Failed to load resource: net::ERR_",) if ends else ()
        assert not [text for text in troubles if not text.startswith((*unanswered, *allowed))]
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


def make_job(folder: Path, count: int, seconds: float, suffix: str = ".wav", kind: str = ".csv") -> Path:
    table, timeline = open_table(folder / f"t{kind}"), Timeline(folder / "w.csv")
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
    return folder / f"t{kind}"


def rows_of(table: Path):
    with closing(open_table(table, read_only=True)) as opened:
        return list(opened.rows())
