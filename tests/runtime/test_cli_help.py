"""Help that a person reads: panels, examples, no jargon, 80 columns, and at once."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from instag.cli import app
from instag.constants import LIMITS_NOTICE

COMMANDS = typer.main.get_command(app).commands
PANELS = ("What to analyse", "What to write", "How to run", "What to print", "Help")


def help_of(*command: str) -> str:
    done = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"})
    assert done.exit_code == 0
    return done.output


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_help_of_a_command(command: str) -> None:
    text = help_of(command)
    assert max(map(len, text.splitlines())) <= 80
    assert not re.search(r"[<>{}]|INTEGER|FLOAT|TEXT|range|list\[|x>=", text)
    panels = [line[:-1] for line in text.splitlines() if re.fullmatch(r"[A-Z][a-z ]+:", line)]
    assert panels == [panel for panel in PANELS if panel in panels] and panels[0] == PANELS[0]
    examples = re.findall(r"^    (instag .+?)  +# .+$", text, re.MULTILINE)
    assert 2 <= len(examples) <= 3
    assert " ".join(LIMITS_NOTICE.split()) in " ".join(text.split())
    for param in COMMANDS[command].params:
        assert param.help and param.help.endswith(".")
        assert all(name in text for name in param.opts if name.startswith("-"))
        assert not param.envvar or param.envvar in text


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_the_examples_are_commands_that_parse(command: str) -> None:
    for words in re.findall(r"^    instag \w+ (.*?)  +# .+$", help_of(command), re.MULTILINE) or [""]:
        COMMANDS[command].make_context(command, words.split(), resilient_parsing=False)


def test_help_says_how_to_set_what_and_what_holds_without() -> None:
    text = " ".join(help_of("tag").split())
    assert "Usage: instag tag [OPTIONS] PATH..." in text.replace("Usage: root", "Usage: instag")
    for part in (
        "-j, --jobs N Files analysed at once. [default: 1; or set INSTAG_JOBS]",
        "--overlap SECONDS Overlap of consecutive windows. [default: 0]",
        "[default: 2 minutes plus 10 seconds per MB]",
    ):
        assert part in text


def test_help_imports_nothing_that_is_slow() -> None:
    script = (
        # Measuring coverage imports modules of its own first.
        "import sys\nbefore = set(sys.modules)\nfrom instag.cli import app\n"
        "try: app(['tag', '--help'])\nexcept SystemExit: pass\n"
        "print(sorted({name.split('.')[0] for name in set(sys.modules) - before}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    slow = {"numpy", "rich", "tqdm", "onnxruntime", "soundfile", "soxr", "av", "mutagen", "pebble", "psutil", "sqlite3"}
    assert not slow & set(eval(done.stdout.splitlines()[-1]))
