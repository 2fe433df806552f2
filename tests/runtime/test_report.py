"""The page on a table, in a real browser and before it gets there."""

import json
import os
import re
from contextlib import closing
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from typer.testing import CliRunner

from instag.cli import app
from instag.labels import COLOURS, LABELS
from instag.paths import to_table
from instag.report.page import write_report
from instag.report.strip import MOST_STRETCHES, strip_text
from instag.table import open_table
from instag.table.rows import AssignedBy
from instag.table.spans import Span
from tests.support import synth
from tests.support.browser import chromium
from tests.support.tables import BusyTimeline, analysed, failed, large_table, write_job

CAUTION = "most likely dominant instrument; confidence, not a guarantee"
HOSTILE = ("<img src=x onerror=alert(1)>.wav", "</script><script>alert(2)</script>", "{{DATA}}{{SCRIPT}}&amp;\".wav'")
# Bytes that an address must not hold as they are: a question mark, a hash, a per cent sign, no UTF-8, a line break.
AWKWARD = os.fsdecode(b"side a/what? #1 50% \xff\n.wav")


def report(*words, code=0):
    done = CliRunner().invoke(app, ["report", *words])
    assert done.exit_code == code, done.output
    return done.output


def data_of(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', page.read_text(encoding="utf-8"), re.DOTALL)[1])


@pytest.fixture
def job(tmp_path, monkeypatch):
    """A small job with everything on it, and one recording that really exists."""
    monkeypatch.chdir(tmp_path)
    path = to_table(f"in/{AWKWARD}")
    Path("in/side a").mkdir(parents=True)
    (Path("in") / AWKWARD).write_bytes(synth.wav_bytes(synth.tone(440, 9)))
    person = {
        "assigned_by": AssignedBy.PERSON,
        "reviewed_label": "viola",
        "reviewed_by": "Anna <b>",
        "reviewed_at": "2026",
    }
    rows = [
        analysed(path, "piano", 0.91, audio_digest="same", duration_seconds=9.0),
        *(analysed(f"in/{name.replace('/', '')}", "flute", 0.3 + at / 100) for at, name in enumerate(HOSTILE)),
        analysed("in/side b/copy.wav", "piano", 0.9, audio_digest="same"),
        analysed("in/side b/low.wav", "cello", 0.31, **person),
        analysed(
            "in/side b/taken.wav",
            "organ",
            0.6,
            assigned_by=AssignedBy.MACHINE,
            reviewed_by="accepted unheard: at most 5 % wrong",
            reviewed_at="2026",
        ),
        analysed("in/side b/quiet.wav", "other", 0.0, silent_windows=10),
        failed("in/side b/broken.wav"),
    ]
    write_job(tmp_path, rows, {path: ["piano", "piano", "flute"], "in/side b/copy.wav": ["piano"] * 10})
    report("t.jsonl", "--windows", "w.jsonl", "-o", "r.html")
    return SimpleNamespace(folder=tmp_path, page=tmp_path / "r.html", path=path)


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture
def visit(browser):
    """Opens a page; at the end nothing may have stood on the console, and no dialog may have opened."""
    troubles, contexts = [], []

    def go(page, **more):
        context = browser.new_context(**({"viewport": {"width": 1280, "height": 900}} | more))
        contexts.append(context)
        tab = context.new_page()
        tab.set_default_timeout(10_000)
        tab.on("console", lambda message: troubles.append(message.text))
        tab.on("pageerror", lambda error: troubles.append(str(error)))
        tab.on("dialog", lambda dialog: (troubles.append(dialog.message), dialog.dismiss()))
        tab.goto(page.as_uri())
        tab.wait_for_selector("html[data-ready]")
        return tab

    go.troubles = troubles
    yield go
    for context in contexts:
        context.close()
    assert not troubles


def names(tab):
    return tab.locator(".virtual .name").all_text_contents()


def test_the_numbers_of_the_page(job):
    summary = data_of(job.page)["summary"]
    assert (summary["files"], summary["analysed"], summary["failed"]) == (9, 8, 1)
    assert (summary["needs_review"], summary["reviewed"], summary["left"], summary["silent"]) == (5, 1, 4, 1)
    assert summary["accepted"] == 1
    assert summary["seconds"] == 9 + 7 * 30
    files = {name: (count, seconds) for name, count, seconds, _ in summary["instruments"]}
    assert files["piano"] == (2, 39.0) and files["viola"] == (1, 30.0) and files["flute"] == (3, 90.0)
    assert sum(sure + doubtful for sure, doubtful in summary["histogram"]) == 8
    assert [path for _, path in summary["review_first"]][-1] == "in/side b/quiet.wav"
    assert [[path for _, path in group] for group in summary["duplicates"]] == [[job.path, "in/side b/copy.wav"]]
    assert [code for code, *_ in summary["failures"]] == ["corrupt-audio"]
    tree = {name: (count, failures) for name, count, failures, *_ in summary["folders"]}
    assert tree == {"in/": (9, 1), "in/side a/": (1, 0), "in/side b/": (5, 1)}


def test_hostile_names_stay_text(job, visit):
    tab = visit(job.page)
    shown = names(tab)
    assert all(name.replace("/", "") in shown for name in HOSTILE)
    assert tab.locator("img").count() == 0 and tab.locator("script").count() == 1
    tab.get_by_role("button", name=HOSTILE[0], exact=True).first.click()
    assert tab.locator("#detail-name").text_content() == HOSTILE[0]


def test_sort_filter_and_search(job, visit):
    tab = visit(job.page)
    tab.get_by_role("button", name="Confidence", exact=True).click()
    assert tab.locator("th[aria-sort=ascending]").text_content().startswith("Confidence")
    assert names(tab)[:2] == ["broken.wav", "quiet.wav"]
    tab.get_by_role("button", name="Confidence", exact=True).click()
    assert names(tab)[-1] == "broken.wav" and tab.locator("th[aria-sort=descending]").count() == 1
    tab.keyboard.press("/")
    tab.keyboard.type("SIDE B")
    assert len(names(tab)) == 5 and "5 of 9 files" in tab.locator("#count").text_content()
    tab.select_option("#state", "reviewed")
    assert names(tab) == ["low.wav"]
    assert tab.locator(".virtual td.label").text_content() == "viola"
    tab.select_option("#state", "accepted unheard")
    assert names(tab) == ["taken.wav"]
    tab.locator(".virtual .name").click()
    tab.get_by_text("Accepted unheard: at most 5 % wrong, 2026.").wait_for()
    tab.keyboard.press("Escape")
    tab.fill("#search", "")
    tab.select_option("#state", "failed")
    assert names(tab) == ["broken.wav"]
    tab.locator("#instruments").get_by_role("button", name="piano").click()
    assert len(names(tab)) == 2
    tab.locator("#folders summary, #folders .leaf").filter(has_text="side a").get_by_role("button").click()
    assert len(names(tab)) == 1
    tab.get_by_role("button", name="in in/side a/: take away").click()
    assert len(names(tab)) == 9
    tab.locator(".histogram button").nth(3).click()
    assert sorted(names(tab)) == sorted([*(name.replace("/", "") for name in HOSTILE), "low.wav"])


def test_the_keyboard_opens_a_file_and_plays_it_from_a_stretch(job, visit):
    tab = visit(job.page)
    tab.fill("#search", "50%")
    tab.locator(".virtual .name").focus()
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "detail-name"
    stretches = tab.locator(".stretch")
    assert [text.split(",")[0] for text in stretches.evaluate_all("all => all.map((one) => one.ariaLabel)")] == [
        "0:00 to 0:06: piano",
        "0:06 to 0:09: flute",
    ]
    stretches.first.focus()
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("Enter")
    # The page lets nobody evaluate text as a script again and again, not even Playwright's own waiting.
    look = "const look = () => document.querySelector('audio').currentTime >= 6 ? done(true) : setTimeout(look, 20)"
    assert tab.evaluate(f"new Promise((done) => {{ setTimeout(done, 9000, false); {look}; look(); }})")
    assert tab.locator("#detail").get_by_role("button", name=CAUTION).count() == 2
    catalogues = tab.locator("#detail").get_by_text("In catalogues:").text_content()
    assert "Wikidata Q5994" in catalogues and "MARC 048 ka" in catalogues and "LCMPT piano" in catalogues
    scores = tab.locator(".scores tbody tr").all_text_contents()
    assert len(scores) == 12 and scores[0] == "piano91 %91 %91 %"
    tab.locator("#detail").get_by_role("button", name="in/side b/copy.wav").click()
    assert tab.locator("#detail-name").text_content() == "copy.wav"
    tab.keyboard.press("Escape")
    assert tab.locator("#detail").is_hidden()
    assert tab.evaluate("document.activeElement.className").endswith("name")


def test_a_recording_that_is_gone_is_said_and_a_review_is_shown(job, visit):
    tab = visit(job.page)
    assert (
        "1 file reviewed by a person, 1 accepted unheard; 4 of 5 that need review are left."
        in tab.locator("#progress").text_content()
    )
    tab.get_by_role("button", name="low.wav").first.click()
    text = tab.locator("#detail").inner_text()
    assert "Reviewed by Anna <b>, 2026. The model said cello, 31.0 %." in text and "No timeline" in text
    # The model's confidence in another label says nothing of the person's.
    assert "%" not in tab.locator("#detail .verdict").inner_text()
    tab.evaluate("document.querySelector('audio').load(), document.querySelector('audio').play().catch(() => {})")
    tab.get_by_text("This recording cannot be played here").wait_for()
    assert all("ERR_FILE_NOT_FOUND" in trouble for trouble in visit.troubles)
    visit.troubles.clear()
    tab.get_by_role("button", name="Next").click()
    assert tab.locator("#detail-name").text_content() == "quiet.wav"


@pytest.mark.parametrize(
    "look", [{"color_scheme": "light"}, {"color_scheme": "dark"}, {"viewport": {"width": 390, "height": 800}}]
)
def test_axe_finds_nothing_wrong(job, visit, look):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    tab = visit(job.page, **look)
    for part in ("page", "detail"):
        if part == "detail":
            tab.get_by_role("button", name="copy.wav").first.click()
        found = axe.run(tab, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]})
        assert not found.response["violations"], found.generate_report()


@pytest.mark.parametrize("width", [390, 1280])
def test_numbers_stand_below_their_heads(job, visit, width):
    tab = visit(job.page, viewport={"width": width, "height": 800})
    head, line = (tab.locator(f"#instruments {part} tr").first for part in ("thead", "tbody"))
    ends = [
        [round(box["x"] + box["width"]) for cell in row.locator("th, td").all() if (box := cell.bounding_box())]
        for row in (head, line)
    ]
    assert len(ends[0]) >= 4 and ends[0] == ends[1]


@pytest.mark.parametrize("width", [390, 1280])
def test_the_caution_is_shown_on_focus_within_the_screen(job, visit, width):
    tab = visit(job.page, viewport={"width": width, "height": 800})
    for button in tab.locator("main > section:not(#files) .caution").all():
        button.focus()
        tip = button.evaluate(
            "it => [getComputedStyle(it, '::after'), it.getBoundingClientRect().left].map((a) => a.left || a)"
        )
        left = float(tip[0].removesuffix("px")) + tip[1]
        assert left >= 0 and left + 240 <= width
        assert CAUTION in button.evaluate("it => getComputedStyle(it, '::after').content")


def test_print_shows_every_file(job, visit):
    tab = visit(job.page, viewport={"width": 1000, "height": 400})
    tab.emulate_media(media="print")
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert len(names(tab)) == 9 and tab.locator(".frame").evaluate("frame => frame.clientHeight === frame.scrollHeight")
    assert tab.locator(".controls").is_hidden()


def test_ten_thousand_files(tmp_path, visit):
    page = tmp_path / "r.html"
    with closing(open_table(large_table(tmp_path, 10_000), read_only=True)) as table:
        write_report(table, BusyTimeline(), page, title="large")
    assert page.stat().st_size < 5_000_000
    tab = visit(page)
    # The best of three, since other work on this machine is none of the page's.
    ready = []
    for _ in range(3):
        tab.reload()
        ready.append(float(tab.wait_for_selector("html[data-ready]").get_attribute("data-ready")))
    assert min(ready) < 2000
    assert tab.evaluate("performance.memory.usedJSHeapSize") < 100_000_000
    renderers = [p for p in psutil.Process().children(recursive=True) if "--type=renderer" in p.cmdline()]
    assert 0 < max(p.memory_full_info().uss for p in renderers) < 300_000_000
    assert tab.locator(".virtual tbody tr").count() < 60
    for action in (
        lambda: tab.locator("[data-sort=confidence]").click(),
        lambda: tab.fill("#search", "series 3"),
        lambda: tab.locator(".frame").evaluate("frame => { frame.scrollTop = frame.scrollHeight; }"),
    ):
        started = tab.evaluate("performance.now()")
        action()
        tab.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert tab.evaluate("performance.now()") - started < 1500
    assert tab.locator("#count").text_content() == "1,111 of 10,000 files"
    last = tab.locator(".virtual tbody tr:not(.spacer)").last.get_attribute("aria-rowindex")
    assert last == "1112"


def test_a_table_too_large_for_one_page(tmp_path, visit):
    page, path = tmp_path / "r.html", large_table(tmp_path, 25)
    for rows_a_page in (6, 10):  # a second report takes the place of the first, and leaves none of its pages
        with closing(open_table(path, read_only=True)) as table:
            done = write_report(table, BusyTimeline(), page, title="t", rows_a_page=rows_a_page)
    assert (done.files, done.pages) == (25, 3)
    assert len(list((tmp_path / "r_pages").iterdir())) == 3
    assert data_of(page)["summary"]["files"] == 25
    tab = visit(page)
    tab.locator("#review a").first.click()
    tab.wait_for_selector("#detail[open]")
    assert "r_pages/page-00" in tab.url
    tab.keyboard.press("Escape")
    tab.get_by_role("link", name="Overview").click()
    tab.get_by_role("link", name="Page 3").click()
    assert len(names(tab)) == 5


def test_damage_is_counted_and_shown(job):
    with (job.folder / "t.jsonl").open("a") as table, (job.folder / "w.jsonl").open("a") as windows:
        table.write('{"path": "torn\n')
        windows.write('{"path": "torn\n')
    assert "1 row and the windows of 0 files are damaged" in report(
        "t.jsonl", "--windows", "w.jsonl", "-o", "r.html", code=1
    )
    assert data_of(job.page)["damaged_rows"] == 1


def test_outputs_that_are_refused(job):
    assert "must end in .html" in report("t.jsonl", "-o", "r.pdf", code=2)
    Path("mine.html").write_text("<p>mine")
    assert "is no report" in report("t.jsonl", "-o", "mine.html", code=3)
    assert Path("mine.html").read_text() == "<p>mine"
    Path("bag/data").mkdir(parents=True)
    Path("bag/bagit.txt").write_text("")
    assert "BagIt" in report("t.jsonl", "-o", "bag/data/r.html", code=3)
    assert "cannot be written" in report("t.jsonl", "-o", "nowhere/r.html", code=3)


def test_links_start_from_the_page_and_the_root(job):
    Path("elsewhere").mkdir()
    report("t.jsonl", "--root", "/srv/music", "-o", "elsewhere/r.html")
    links = data_of(Path("elsewhere/r.html"))["rows"]["links"]
    assert links[0] == os.path.relpath("/srv/music/in", job.folder / "elsewhere")


def test_strips():
    assert strip_text([]) == ""
    spans = [Span(0, 6, "cello", 0.914), Span(6, 9.5, "", 0.0), Span(12, 48, "other", 1.0)]
    assert strip_text(spans) == "A911oY00zZ00pL99a0"
    many = [Span(3.0 * at, 3.0 * at + 3, LABELS[at % 3 == 0], 0.5) for at in range(400)]
    folded = re.findall(r"([A-Z])(\d\d)([0-9a-z]+)", strip_text(many))
    assert len(folded) == MOST_STRETCHES and {letter for letter, *_ in folded} == {"A"}
    assert sum(int(length, 36) for *_, length in folded) == 12_000


def linear(colour):
    values = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def oklab(light):
    """Ottosson's perceptual colour space, from linear RGB."""
    cones = np.array([[0.4122, 0.5363, 0.0514], [0.2119, 0.6807, 0.1074], [0.0883, 0.2817, 0.63]])
    axes = np.array([[0.2105, 0.7936, -0.0041], [1.978, -2.4286, 0.4506], [0.0259, 0.7828, -0.8087]])
    return axes @ np.cbrt(cones @ np.clip(light, 0, 1))


# Machado, Oliveira & Fernandes 2009, severity 1.
SIGHTS = {
    "all": np.eye(3),
    "no red": np.array([[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]),
    "no green": np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]),
    "no blue": np.array([[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]]),
}


@pytest.mark.parametrize("sight", SIGHTS)
def test_colours_are_told_apart(sight):
    seen = {label: oklab(SIGHTS[sight] @ linear(colour)) for label, colour in COLOURS.items()}
    # About three times the smallest difference that people notice.
    assert min(np.linalg.norm(seen[a] - seen[b]) for a, b in combinations(seen, 2)) > 0.06


@pytest.mark.parametrize("paper", ["#ffffff", "#15181c"])
def test_colours_stand_out_from_the_paper(paper):
    weights = np.array([0.2126, 0.7152, 0.0722])
    for colour in COLOURS.values():
        dark, light = sorted((linear(colour) @ weights, linear(paper) @ weights))
        assert (light + 0.05) / (dark + 0.05) >= 2.99
