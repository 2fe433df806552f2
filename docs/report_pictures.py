"""Draws the pictures of the report from the examples, whose sound is made up: `python docs/report_pictures.py`.

Needs Debian's chromium and the dependency group `test`.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[1]
# The instruments that the folders of the made-up collection hold.
FOLDERS = {
    "strings": ("violin.ogg", "cello.flac", "duet_violin_piano.ogg"),
    "winds": ("flute.ogg", "clarinet.mp3", "saxophone.mp3", "trumpet.mp3"),
    "keys and guitars": ("piano.wav", "organ.ogg", "acoustic_guitar.mp3", "electric_guitar.mp3", "relay.mp3"),
}


def make_page(folder: Path) -> Path:
    """Tags a small collection with a copy and a broken file in it, and writes the report on it."""
    for name, recordings in FOLDERS.items():
        (folder / "music" / name).mkdir(parents=True)
        for recording in recordings:
            shutil.copy(ROOT / "examples" / recording, folder / "music" / name)
    shutil.copy(ROOT / "examples/flute.ogg", folder / "music/winds/flute again.ogg")
    (folder / "music/winds/damaged.wav").write_bytes(b"RIFF\x00\x00\x00\x00WAVE")
    instag = [sys.executable, "-m", "instag"]
    tag = [*instag, "tag", "music", "-o", "table.csv", "--windows", "windows.csv", "--quiet"]
    subprocess.run(tag, cwd=folder, check=False)  # exits with 1, because of the damaged file
    report = [*instag, "report", "table.csv", "--windows", "windows.csv", "-o", "report.html", "--quiet"]
    subprocess.run(report, cwd=folder, check=True)
    return folder / "report.html"


def save(page: Page, name: str) -> None:
    """Saves what is in sight, in 256 colours, which a page of this kind can do with."""
    picture = Image.open(io.BytesIO(page.screenshot()))
    picture.convert("RGB").quantize(256).save(ROOT / "docs/figures" / name, optimize=True)


def main() -> None:
    """Writes docs/figures/report.png and docs/figures/report-detail.png."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        address = make_page(Path(folder)).as_uri()
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1100, "height": 760}, color_scheme="light")
        page.goto(address)
        save(page, "report.png")
        page = browser.new_page(viewport={"width": 1100, "height": 760}, color_scheme="dark")
        page.goto(address)
        page.get_by_role("button", name="relay.mp3").first.click()
        save(page, "report-detail.png")
        browser.close()


if __name__ == "__main__":
    main()
