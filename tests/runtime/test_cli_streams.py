"""Standard streams that are full, closed, or a pipe that ends."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.commands import recording, run_in_shell, use_tiny_model

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full and a POSIX shell")


@pytest.fixture(autouse=True)
def _archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_model: Path) -> None:
    use_tiny_model(monkeypatch, tiny_model)
    monkeypatch.chdir(tmp_path)
    recording(tmp_path / "a/one.wav", "cello")
    recording(tmp_path / "a/two.wav", "piano")


@pytest.mark.parametrize(
    "command",
    ["tag a", "tag a --events", "tag a --dry-run", "show a/one.wav", "model", "--help", "tag --help", "--version"],
)
@pytest.mark.parametrize(
    ("stream", "reason"), [("> /dev/full", "No space left"), (">&-", "it is closed"), ("| true", "has ended")]
)
def test_results_that_cannot_be_written_are_an_error(command: str, stream: str, reason: str) -> None:
    # The pipe's reader is gone before anything is written.
    line = f"instag {command} {stream}"
    if stream == "| true":
        line = f"{{ sleep 0.5; instag {command}; echo $? >&2; }} | true"
    done = run_in_shell(line)
    code = int(done.stderr.split()[-1]) if stream == "| true" else done.returncode
    assert code == 3, done.stderr
    assert done.stderr.count("The standard output cannot be written") == 1 and reason in done.stderr
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr


@pytest.mark.parametrize("stream", ["> /dev/full", ">&-", "<&- >&-"])
def test_a_stdout_that_nothing_is_written_to_stops_nobody(stream: str) -> None:
    done = run_in_shell(f"instag tag a -o t.csv {stream}")
    assert done.returncode == 0, done.stderr
    assert Path("t.csv").read_text().count("\n") == 3 and "2 analysed" in done.stderr


@pytest.mark.parametrize("stream", ["2>&-", "2> /dev/full", "<&- 2>&-"])
def test_messages_that_cannot_be_written_are_dropped(stream: str) -> None:
    Path("a/broken.wav").write_bytes(b"no sound")
    done = run_in_shell(f"instag tag a -v {stream}")
    assert done.returncode == 1
    # Two results that arrive together come in any order.
    assert sorted(line.split(":")[0] for line in done.stdout.splitlines()) == ["a/one.wav", "a/two.wav"]
    assert run_in_shell(f"instag tag a/one.wav -o t.csv {stream}").returncode == 0
    # What would have been printed is not in a file that took the stream's number.
    assert Path("t.csv").read_text().startswith("path,") and Path("t.csv").read_text().count("\n") == 2
    assert run_in_shell(f"instag tag '' {stream}").returncode == 2


def test_all_streams_may_be_closed() -> None:
    done = run_in_shell("instag tag a -o t.csv <&- >&- 2>&-")
    assert done.returncode == 0
    assert Path("t.csv").read_text().count("\n") == 3


def test_a_job_stops_when_its_results_have_nowhere_to_go() -> None:
    for number in range(20):
        recording(Path(f"a/{number}.wav"), "cello", 1.0)
    done = run_in_shell("{ instag tag a; echo $? >&2; } | head -n 1")
    assert done.stdout.count("\n") == 1 and done.stderr.split()[-1] == "3", done.stderr
    assert "22 analysed" not in done.stderr and "Traceback" not in done.stderr
