"""Runs the commands of README's `console` blocks and writes what they print below them: `python docs/walkthrough.py`.

`tests/runtime/test_readme.py` runs them as well, and fails where README says something else.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
_BLOCK = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
_CUT = "…"


def run_blocks(text: str, folder: Path) -> str:
    """The text, with what its commands print in an empty folder that holds nothing but the examples.

    Args:
        text: Markdown. Commands stand in `console` blocks, each behind `$ `; what stands below is replaced. Where it
            ends with a line `…`, only as many lines are kept as were there.
        folder: Gets a copy of the examples, and what the commands write.
    """
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    programs = folder / ".bin"
    programs.mkdir()
    (programs / "instag").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m instag "$@"\n', encoding="utf-8")
    (programs / "instag").chmod(0o755)
    search = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    # No setting of whoever runs this.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INSTAG_")} | {
        "PATH": os.pathsep.join((str(programs), os.environ["PATH"])),
        "PYTHONPATH": search,
        "COLUMNS": "100",
    }

    def printed(block: re.Match[str]) -> str:
        lines: list[str] = []
        for command, before in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block[0], re.MULTILINE):
            ended = subprocess.run(
                ["sh", "-c", command],
                check=True,
                cwd=folder,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
            )
            said = ended.stdout.splitlines(keepends=True)
            if before.endswith(f"{_CUT}\n"):
                said[before.count("\n") - 1 :] = [f"{_CUT}\n"]
            lines += [f"$ {command}\n", *said]
        return "".join(lines)

    return _BLOCK.sub(printed, text)


def main() -> None:
    """Writes README.md."""
    with tempfile.TemporaryDirectory() as folder:
        README.write_text(run_blocks(README.read_text(encoding="utf-8"), Path(folder)), encoding="utf-8")


if __name__ == "__main__":
    main()
