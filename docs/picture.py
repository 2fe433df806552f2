"""Draws README's picture from what the commands really print: `python docs/picture.py`."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[1]
COLUMNS = 108
COMMANDS = (("show", "examples/relay.mp3"),)


def printed(*arguments: str) -> Text:
    """What a command prints on a colour terminal."""
    environment = os.environ | {
        "FORCE_COLOR": "1",
        "COLUMNS": str(COLUMNS),
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
    }
    command = [sys.executable, "-m", "instag", *arguments]
    result = subprocess.run(command, check=True, cwd=ROOT, env=environment, stdout=subprocess.PIPE, encoding="utf-8")
    return Text.from_ansi(result.stdout.rstrip("\n"))


def main() -> None:
    """Writes docs/picture.svg."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), color_system="truecolor")
    for arguments in COMMANDS:
        console.print(Text(f"$ instag {' '.join(arguments)}", style="bold green"))
        console.print(printed(*arguments), "")
    svg = console.export_svg(title="instag", unique_id="instag")
    # The picture loads nothing from elsewhere: any monospaced face will do.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    (ROOT / "docs/picture.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
