"""The page of `instag review`, in a real browser, driven by keys alone."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from instag.labels import LABELS
from instag.table import open_table
from tests.support.browser import chromium
from tests.support.reviewing import HOSTILE, make_job, rows_of, serving, until, visit

pytest.importorskip("uvicorn")

KEYS = dict(zip(LABELS, ("1", "2", "3", "4", "5", "6", "7", "8", "9", "0", "v", "o"), strict=True))


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.mark.parametrize("kind", [".csv", ".sqlite"])
def test_a_hundred_files_with_a_hundred_keys_and_a_kill_in_their_midst(tmp_path, browser, kind):
    table = make_job(tmp_path, 100, 0.3, kind=kind)
    chance = random.Random(7)
    words = [chance.choice((*LABELS, "")) for _ in range(100)]
    expected = [LABELS[number % 12] if number % 2 else word for number, word in enumerate(words)]

    def press(tab, first, last):
        for number in range(first, last):
            tab.keyboard.press("Enter" if number % 2 else KEYS.get(words[number], "n"))

    def said_of(rows):
        return [row.review and row.review.label for row in sorted(rows, key=lambda row: row.confidence)]

    with serving(table) as process, visit(browser, process.url, ends=True) as tab:

        def kill_amid():
            while process.poll() is None:
                if sum(said is not None for said in said_of(rows_of(table))) >= 40:
                    process.kill()

        with ThreadPoolExecutor(1) as pool:
            killer = pool.submit(kill_amid)
            press(tab, 0, 100)
            killer.result()
        tab.get_by_text("The server does not answer.").wait_for(timeout=60_000)
        shown = int(tab.locator("#count").text_content().split(" of ")[0])
    said = said_of(rows_of(table))
    saved = sum(each is not None for each in said)
    assert 40 <= saved < 100, "the kill came in the midst of the keys"
    # The page may not have heard any more that its last decision was saved; it never counts one that was not.
    assert shown in (saved, saved - 1)
    assert said == expected[:saved] + [None] * (100 - saved)
    with serving(table) as process, visit(browser, process.url) as tab:
        tab.get_by_text(f"{saved} of 100 decided, {100 - saved} left").wait_for()
        press(tab, saved, 100)
        tab.get_by_text("All decided").wait_for(timeout=60_000)
        process.send_signal(2)
        assert f"{100 - saved} decided, 0 left" in process.communicate(timeout=20)[0]
        assert process.returncode == 0
    rows = sorted(rows_of(table), key=lambda row: row.confidence)
    assert said_of(rows) == expected
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
        assert tab.locator("#time").text_content() == "0:03 of 0:40 · heard here: cello"
        pixels = tab.evaluate("[...document.getElementById('wave').getContext('2d').getImageData(500, 0, 1, 120).data]")
        assert np.count_nonzero(pixels) > 200  # the waveform is drawn
        tab.keyboard.press("w")
        until(tab, "document.getElementById('audio').src.includes('start=0&end=30')")
        until(tab, "document.getElementById('audio').readyState > 2")
        tab.evaluate("document.getElementById('audio').playbackRate = 16")
        until(tab, "document.getElementById('audio').src.includes('start=30&end=40')")


def test_many_are_accepted_after_a_sample_was_heard_by_keys_alone(tmp_path, browser):
    table = make_job(tmp_path, 48, 0.3)
    with serving(table) as process, visit(browser, process.url) as tab:
        tab.locator("#folder").select_option("/box 2")
        tab.keyboard.press("b")
        tab.locator("#bulk-start").wait_for()
        assert tab.locator("#bulk-folder").input_value() == "box 2"
        tab.get_by_text("16 recordings: 10 to hear, 6 to accept unheard.").wait_for()
        tab.locator("#bulk-sample").select_option("20")
        tab.get_by_text("16 recordings: no more than the sample. Hear them one by one.").wait_for()
        assert tab.locator("#bulk-start").is_disabled()
        tab.locator("#bulk-sample").select_option("10")
        tab.locator("#bulk-percent").fill("11")
        tab.get_by_text("13 recordings: 10 to hear, 3 to accept unheard.").wait_for()
        tab.keyboard.press("v")  # a page's key says nothing while the dialogue is open
        tab.locator("#bulk-start").press("Enter")
        for heard in range(9):
            tab.get_by_text(f"{heard} of 10 heard, {heard} right.").wait_for()
            assert tab.locator("#place").text_content() == "box 2"
            tab.keyboard.press("Enter")
        tab.keyboard.press("u")
        tab.get_by_text("8 of 10 heard, 8 right.").wait_for()
        tab.keyboard.press("n")
        tab.keyboard.press("Enter")
        tab.keyboard.press("Enter")  # one too many, which must accept nothing
        tab.get_by_text("The model was right in 9 of 10.").wait_for()
        assert "at most 3 of the other 3 recordings are wrong (100 %)" in tab.locator("#verdict-text").text_content()
        assert sum(row.is_accepted for row in rows_of(table)) == 0
        tab.keyboard.press("a")
        tab.get_by_text("3 recordings accepted with the model's label. Press u to take that back.").wait_for()
        assert "13 of 48 decided" in tab.locator("#count").text_content()
        tab.keyboard.press("u")
        tab.get_by_text("3 recordings are waiting again.").wait_for()
        assert sum(row.is_accepted for row in rows_of(table)) == 0
        tab.keyboard.press("b")
        tab.locator("#bulk-start").wait_for()
        tab.keyboard.press("Escape")
        tab.locator("#bulk-start").wait_for(state="hidden")
        tab.locator("#folder").select_option("")
        tab.keyboard.press("b")
        tab.locator("#bulk-start").wait_for()
        tab.locator("#bulk-start").press("Enter")
        tab.get_by_text(
            "Sample of all instruments, 11 % sure or more, in all folders: 0 of 10 heard, 0 right."
        ).wait_for()
        for _ in range(10):
            tab.keyboard.press("Enter")
        tab.get_by_text("The model was right in 10 of 10.").wait_for()
        tab.keyboard.press("Escape")
        tab.get_by_text("20 of 48 decided").wait_for()
        tab.locator("#name").wait_for()
    assert {row.is_accepted for row in rows_of(table)} == {False}


def test_a_reviewer_of_a_sample_is_offered_no_way_round_hearing_it(tmp_path, browser):
    table = make_job(tmp_path, 30, 0.3)
    with closing(open_table(table)) as opened:
        opened.extend([replace(row, needs_review=False) for row in opened.rows()])
    with serving(table, "--sample", "20") as process, visit(browser, process.url) as tab:
        assert "0 of 20 decided" in tab.locator("#count").text_content()
        assert tab.get_by_role("button", name="Accept many").count() == 0
        tab.keyboard.press("b")
        assert tab.locator("dialog[open]").count() == 0


def test_what_settles_most_files_can_come_first(tmp_path, browser):
    table = make_job(tmp_path, 4, 0.3)
    with closing(open_table(table)) as opened:
        rows = [replace(row, audio_digest="d2") if "003" in row.path else row for row in opened.rows()]
        opened.extend(rows)
    with serving(table) as process, visit(browser, process.url) as tab:
        assert "0 of 3 decided" in tab.locator("#count").text_content()
        tab.locator("#order").select_option("count")
        tab.get_by_text("The same recording lies at: box 2/reel 002.wav").wait_for()
        tab.keyboard.press("0")
        tab.get_by_role("heading", name="reel 000").wait_for()
    assert {row.path for row in rows_of(table) if row.reviewed_label == "violin"} == {
        "box 2/reel 002.wav",
        "box 0/reel 003.wav",
    }


@pytest.mark.parametrize("look", [{"color_scheme": "light"}, {"color_scheme": "dark"}])
def test_axe_finds_nothing_wrong(tmp_path, browser, look):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    table = make_job(tmp_path, 14, 0.3)
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}
    with serving(table) as process, visit(browser, process.url, bypass_csp=True, **look) as tab:

        def check():
            found = axe.run(tab, options=rules)
            assert found.violations_count == 0, found.generate_report()

        check()
        tab.keyboard.press("b")
        tab.locator("#bulk-start").wait_for()
        check()
        tab.locator("#bulk-start").click()
        tab.get_by_text("0 of 10 heard").wait_for()
        check()
        for _ in range(10):
            tab.keyboard.press("Enter")
        tab.locator("#verdict-accept").wait_for()
        check()
        tab.keyboard.press("a")
        tab.get_by_text("All decided").wait_for()
        check()


def test_a_narrow_window_shows_everything(tmp_path, browser):
    table = make_job(tmp_path, 14, 0.3)
    with serving(table) as process, visit(browser, process.url) as tab:
        for width in (320, 390, 700):
            tab.set_viewport_size({"width": width, "height": 800})
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
            all_of = "[...document.querySelectorAll('button, select')]"
            assert tab.evaluate(f"{all_of}.filter((each) => each.scrollWidth > each.clientWidth + 1).length") == 0
