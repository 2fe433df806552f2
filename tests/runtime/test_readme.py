"""README shows every command, its examples run, and what it prints below them is what they print."""

import importlib.util
import os
import re
import shlex
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import instag
from instag.cli import app
from instag.model.session import shipped_models

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not (ROOT / "README.md").exists(), reason="needs the project's checkout")
needs_model = pytest.mark.skipif("instag" not in shipped_models(), reason="no model is shipped in this tree")

COMMANDS = typer.main.get_command(app).commands
# Of the table's examples: too few recordings, and no sample was heard.
EXPECTED = {"drift": 3, "accept": 3}


def readme():
    return (ROOT / "README.md").read_text(encoding="utf-8")


def in_table():
    return [shlex.split(each) for each in re.findall(r"^\|.*\| `instag (.*?)` \|$", readme(), re.MULTILINE)]


def in_blocks(path):
    """The words behind `instag` in the blocks of commands of a document."""
    text = re.sub(r"\\\n *", "", (ROOT / path).read_text(encoding="utf-8"))
    for block in re.findall(r"^ *```(?:sh|console)\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL):
        for line in re.findall(r"^(?:\$ )?instag ([a-z].*)$", block, re.MULTILINE):
            yield shlex.split(re.sub(r"\$\w+", "1", line.partition(" | ")[0]), comments=True)


def test_every_command_stands_with_an_example():
    assert {words[0] for words in in_table()} == set(COMMANDS)


@pytest.mark.parametrize("path", ["README.md", *(f"docs/{p.name}" for p in sorted((ROOT / "docs").glob("*.md")))])
def test_commands_are_understood(path):
    for command, *arguments in [*in_blocks(path), *(in_table() if path == "README.md" else ())]:
        COMMANDS[command].make_context(command, arguments)


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    for name in [name for name in os.environ if name.startswith("INSTAG_")]:
        monkeypatch.delenv(name)


@needs_model
def test_the_examples_of_the_table_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recordings").mkdir()
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    for name in ("cello.flac", "relay.mp3", "clarinet.mp3"):
        (tmp_path / "recordings" / name).write_bytes((ROOT / "examples" / name).read_bytes())
    before = (tmp_path / "recordings/relay.mp3").read_bytes()
    for name in ("truth.csv", "catalogue.csv"):
        (tmp_path / name).write_text("path,label\nrecordings/cello.flac,cello\n")
    runner = CliRunner()
    assert runner.invoke(app, ["tag", "recordings/", "--shard", "2/2", "-o", "shard-2.csv", "-q"]).exit_code == 0
    for command, *arguments in in_table():
        if command == "review" or (command == "plot" and not importlib.util.find_spec("matplotlib")):
            continue  # serves a page until somebody stops it; needs an extra
        ended = runner.invoke(app, [command, *arguments])
        assert ended.exit_code == EXPECTED.get(command, 0), (command, ended.output)
        if "--write-tags" in arguments:
            assert (tmp_path / "recordings/relay.mp3").read_bytes() != before
    assert (tmp_path / "recordings/relay.mp3").read_bytes() == before  # after untag


def plain(text):
    """Without what the machine's load, its rounding or its calendar may change."""
    return [re.sub(r"\d+([.:]\d+)*", "#", " ".join(line.split())) for line in text.splitlines()]


@needs_model
def test_what_stands_below_the_commands_is_what_they_print(tmp_path):
    spec = importlib.util.spec_from_file_location("walkthrough", ROOT / "docs/walkthrough.py")
    walkthrough = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(walkthrough)
    assert plain(walkthrough.run_blocks(readme(), tmp_path)) == plain(readme()), "run `python docs/walkthrough.py`"


def test_figures_are_those_of_the_card():
    card = (ROOT / "MODEL_CARD.md").read_text(encoding="utf-8")
    figures = re.findall(r"\d\.\d+ \(\d\.\d+ to \d\.\d+\)", readme())
    assert len(figures) >= 4
    for figure in figures:
        assert figure in card


def test_the_citation_names_this_version():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^version: (.*)$", text, re.MULTILINE)[1] == instag.__version__
