"""The documents speak of everything that is there, and of nothing else."""

import re
from pathlib import Path

import pytest
import typer

from instag.cli import app
from instag.errors import ErrorCode

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not (ROOT / "docs").is_dir(), reason="needs the project's checkout")

COMMANDS = typer.main.get_command(app).commands


def section(command):
    """The part of docs/cli.md on a command."""
    text = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    return re.search(rf"^## `instag {command}[ `].*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)[0]


def test_every_error_code_is_documented_and_no_other():
    text = (ROOT / "docs/errors.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| (.+) \| (.+) \|$", text, re.MULTILINE)
    assert sorted(code for code, _, _ in rows) == sorted(ErrorCode)


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_option_is_documented_with_its_command(command):
    text = section(command)
    options = {name for p in COMMANDS[command].params for name in p.opts if name.startswith("-")} - {"--help", "-h"}
    documented = set(re.findall(r"`(-{1,2}[a-z0-9][a-z-]*)", text)) - {"-vv"}
    assert documented == options


def test_every_command_is_documented_and_no_other():
    text = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^## `instag (\w+)", text, re.MULTILINE)) == sorted(COMMANDS)


@pytest.mark.parametrize("path", sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("*/*.md")), ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(path):
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:|mailto:)([^)#]+)", text):
        assert (path.parent / target).exists(), target
