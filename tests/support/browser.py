"""A real browser for tests of pages: Debian's Chromium, or the one that CHROMIUM names."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


def find_chromium() -> str | None:
    """The browser's path, or None where there is none."""
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if name and (path := shutil.which(name))), None)


@contextmanager
def chromium(*args: str) -> Iterator[Any]:
    """A headless Chromium with more words on its command line; skips the test where none is installed."""
    path = find_chromium()
    if path is None:
        pytest.skip("no Chromium is installed; on Debian: apt-get install chromium")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--enable-precise-memory-info", *args],
        )
        try:
            yield browser
        finally:
            browser.close()
