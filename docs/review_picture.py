"""Draws the picture of the review's page from the examples, whose sound is made up: `python docs/review_picture.py`.

Needs Debian's chromium, the extra `review` and the dependency group `test`. So that there is something to review, every
example is marked as doubtful; the labels and confidences are those of the model.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from playwright.sync_api import sync_playwright
from report_pictures import make_page, save

from instag.table import open_table


def main() -> None:
    """Writes docs/figures/review.png."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        make_page(folder)
        with closing(open_table(folder / "table.csv")) as table:
            table.extend([replace(row, needs_review=True) for row in table.rows() if row.dominant])
        command = [sys.executable, "-m", "instag", "review", "table.csv", "--windows", "windows.csv", "--by", "Anna"]
        environment = os.environ | {"PYTHONUNBUFFERED": "1"}
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
        try:
            address = [server.stdout.readline() for _ in range(2)][1].strip() if server.stdout else ""
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"),
                args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
            )
            page = browser.new_page(viewport={"width": 1100, "height": 680}, color_scheme="light")
            page.goto(address)
            page.wait_for_selector("html[data-ready]")
            page.locator("#folder").select_option("/music/winds")
            for decided in range(3):
                page.get_by_text(f"{decided} of 12 decided").wait_for()
                page.keyboard.press("Enter")
            page.locator("#folder").select_option("/music/keys and guitars")
            page.get_by_role("heading", name="relay.mp3").wait_for()
            page.wait_for_timeout(4500)
            save(page, "review.png")
            browser.close()
        finally:
            server.kill()


if __name__ == "__main__":
    main()
