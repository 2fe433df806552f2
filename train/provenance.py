"""Where a figure comes from: the commit of the code, as git tells it."""

from __future__ import annotations

import subprocess
from pathlib import Path


def commit() -> str:
    """Short hash of the checked-out commit, with `+` where files differ from it; "unknown" outside a checkout."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(Path(__file__).parent), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "--", ".") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
