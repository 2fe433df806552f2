"""The command line, end to end: real files, a tiny model, tables, exit codes, resume."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import soundfile
from typer.testing import CliRunner

import instag
from instag import __version__, paths
from instag.cli import app
from instag.constants import LIMITS_NOTICE
from instag.table.rows import COLUMNS
from tests.support import synth
from tests.support.tinymodel import frequency_of, tiny_card, write_tiny_model

runner = CliRunner()


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch, tiny_model: Path) -> None:
    for name in list(os.environ):
        if name.startswith("INSTAG_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("INSTAG_MODEL", str(tiny_model))
    monkeypatch.setenv("INSTAG_DEVICE", "cpu")
    # Commands run in other folders find the same instag that the tests import.
    monkeypatch.setenv("PYTHONPATH", str(Path(instag.__file__).parents[1]))


def recording(path: Path, label: str, seconds: float = 3.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, synth.tone(frequency_of(label), seconds), 44_100)
    return path


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with recordings, a broken one, and one that is none."""
    recording(tmp_path / "archive/one.wav", "cello")
    recording(tmp_path / "archive/deep/TWO.FLAC", "piano")
    recording(tmp_path / "archive/deep/three.ogg", "voice")
    (tmp_path / "archive/broken.flac").write_bytes(b"fLaC" + bytes(2000))
    (tmp_path / "archive/not audio.wav").write_text("a letter")
    (tmp_path / "archive/notes.txt").write_text("left out")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "archive"


def table_of(path: Path) -> dict[str, dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, strict=True))
    assert len({row["path"] for row in rows}) == len(rows)
    return {row["path"]: row for row in rows}


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "instag", *words], capture_output=True, text=True, timeout=120)


def test_a_folder_becomes_a_table(archive: Path) -> None:
    done = run("tag", "archive", "-o", "table.csv", "--jobs", "2")
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    rows = table_of(Path("table.csv"))
    assert tuple(rows["archive/one.wav"]) == COLUMNS
    heard = {path: row["dominant"] for path, row in rows.items() if row["status"] == "analysed"}
    assert heard == {
        "archive/one.wav": "cello",
        "archive/deep/TWO.FLAC": "piano",
        "archive/deep/three.ogg": "voice",
    }
    failed = {path: row["error_code"] for path, row in rows.items() if row["status"] == "failed"}
    assert failed == {"archive/broken.flac": "corrupt-audio", "archive/not audio.wav": "not-audio"}
    assert list(rows) == sorted(rows)
    assert "5 files: 3 analysed, 0 done before, 2 failed" in done.stderr
    for path in failed:
        assert f"FAILED {path}: " in done.stderr
    assert "Traceback" not in done.stderr
    row = rows["archive/one.wav"]
    assert (row["sample_rate"], row["channels"], row["windows"], row["duration_seconds"]) == ("44100", "1", "3", "3.0")
    assert row["size_bytes"] == str((archive / "one.wav").stat().st_size)
    assert row["mtime_ns"] == str((archive / "one.wav").stat().st_mtime_ns)
    assert row["settings"] == "overlap_seconds=0" and row["model_id"] == "tiny" and row["instag_version"] == __version__


def test_without_a_table_each_file_is_a_readable_line(archive: Path) -> None:
    done = run("tag", "archive", "--exclude", "*.flac", "--include", "*w*", "--quiet")
    assert done.stdout == "archive/one.wav: cello (100 %), also clarinet\n" or done.stdout.startswith(
        "archive/one.wav: cello ("
    )
    assert "files:" not in done.stderr and "FAILED archive/not audio.wav" in done.stderr


def test_a_second_run_does_only_what_changed(archive: Path) -> None:
    first = run("tag", "archive", "-o", "table.csv")
    before = table_of(Path("table.csv"))
    content = Path("table.csv").read_bytes()
    second = run("tag", "archive", "-o", "table.csv")
    assert second.returncode == first.returncode == 1
    assert "0 analysed, 5 done before, 2 failed" in second.stderr
    assert Path("table.csv").read_bytes() == content

    recording(archive / "one.wav", "flute", 4.0)
    recording(archive / "new.wav", "organ")
    third = run("tag", "archive", "-o", "table.csv")
    assert "6 files: 2 analysed, 4 done before, 2 failed" in third.stderr
    after = table_of(Path("table.csv"))
    assert (after["archive/one.wav"]["dominant"], after["archive/new.wav"]["dominant"]) == ("flute", "organ")
    assert after["archive/deep/TWO.FLAC"] == before["archive/deep/TWO.FLAC"]

    overlapped = run("tag", "archive", "-o", "table.csv", "--overlap", "0.5")
    assert "4 analysed, 0 done before, 2 failed" in overlapped.stderr
    forced = run("tag", "archive", "-o", "table.csv", "--overlap", "0.5", "--force")
    assert "4 analysed, 0 done before, 2 failed" in forced.stderr
    retried = run("tag", "archive", "-o", "table.csv", "--overlap", "0.5", "--retry-failed")
    assert "0 analysed, 4 done before, 2 failed" in retried.stderr


def test_another_model_version_is_done_again(archive: Path, tmp_path: Path) -> None:
    run("tag", "archive/one.wav", "-o", "table.csv")
    newer = write_tiny_model(tmp_path / "newer.onnx", tiny_card(version="1.0.1").to_json())
    done = run("tag", "archive/one.wav", "-o", "table.csv", "--model", str(newer))
    assert "1 analysed, 0 done before" in done.stderr
    assert table_of(Path("table.csv"))["archive/one.wav"]["model_version"] == "1.0.1"


def test_files_that_were_analysed_are_done_again_when_tags_are_asked_for(archive: Path) -> None:
    run("tag", "archive/one.wav", "-o", "table.csv")
    tagged = run("tag", "archive/one.wav", "-o", "table.csv", "--write-tags")
    assert "1 analysed" in tagged.stderr
    assert table_of(Path("table.csv"))["archive/one.wav"]["tags_written"] == "written"
    again = run("tag", "archive/one.wav", "-o", "table.csv", "--write-tags")
    assert "0 analysed, 1 done before" in again.stderr
    plain = run("tag", "archive/one.wav", "-o", "table.csv")
    assert "0 analysed, 1 done before" in plain.stderr


def test_tags_are_written_shown_verified_and_taken_back(archive: Path) -> None:
    original = (archive / "one.wav").read_bytes()
    tagged = run("tag", "archive/one.wav", "archive/deep", "-o", "table.csv", "--write-tags", "--sidecar")
    assert tagged.returncode == 0, tagged.stderr
    assert json.loads((archive / "one.wav.instag.json").read_text())["dominant"] == "cello"
    shown = runner.invoke(app, ["show", "archive/one.wav"])
    assert shown.exit_code == 0, shown.output
    assert "INSTRUMENT_DOMINANT: cello" in shown.output and "Most likely dominant: cello" in shown.output
    assert "0:00.0" in shown.output and " ".join(LIMITS_NOTICE.split()[:6]) in shown.output

    verified = runner.invoke(app, ["verify", "table.csv"])
    assert verified.exit_code == 0, verified.output
    assert "3 rows: 3 unchanged." in verified.output
    untagged = runner.invoke(app, ["untag", "archive"])
    assert "3 untagged" in untagged.output
    assert (archive / "one.wav").read_bytes() == original
    assert not list(archive.rglob("*.instag.json"))
    changed = runner.invoke(app, ["verify", "table.csv"])
    assert changed.exit_code == 1
    assert "tags-changed" in changed.output


def test_verify_tells_what_changed(archive: Path) -> None:
    run("tag", "archive", "-o", "table.jsonl")
    recording(archive / "one.wav", "trumpet")
    (archive / "deep/TWO.FLAC").unlink()
    os.utime(archive / "deep/three.ogg", ns=(1, 1))
    done = runner.invoke(app, ["verify", "table.jsonl", "--events"])
    findings = {e["path"]: e["finding"] for e in map(json.loads, done.stdout.splitlines())}
    assert findings == {
        "archive/one.wav": "audio-changed",
        "archive/deep/TWO.FLAC": "missing",
        "archive/deep/three.ogg": "metadata-changed",
        "archive/broken.flac": "not-checked",
        "archive/not audio.wav": "not-checked",
    }
    assert done.exit_code == 1
    assert runner.invoke(app, ["verify", "absent.csv"]).exit_code == 3


def test_a_dry_run_changes_nothing(archive: Path) -> None:
    (archive / "one.wav").chmod(0o444)
    before = sorted((path, path.stat().st_mtime_ns) for path in archive.parent.rglob("*"))
    done = runner.invoke(app, ["tag", "archive", "-o", "table.csv", "--write-tags", "--dry-run"])
    assert "archive/one.wav: would be analysed and tagged" in done.output
    assert "tags-damaged-container" in done.output or "tags-unsupported" in done.output
    assert done.exit_code == 1
    assert before == sorted((path, path.stat().st_mtime_ns) for path in archive.parent.rglob("*"))


def test_events_are_json_lines(archive: Path) -> None:
    done = run("tag", "archive", "-o", "table.csv", "--events", "absent.wav")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    kinds = [event["event"] for event in events]
    assert kinds[0] == "job_started" and kinds[-1] == "job_done"
    assert {event["version"] for event in events} == {2}
    assert kinds.count("file_done") == 3 and kinds.count("file_failed") == 3 and kinds.count("file_started") == 5
    assert events[0]["files"] == 6
    for path in ("archive/one.wav", "archive/broken.flac"):
        own = [event["event"] for event in events if event.get("path") == path]
        assert own[0] == "file_started" and own[1] in ("file_done", "file_failed") and len(own) == 2
    assert {event["error_code"] for event in events if event["event"] == "file_failed"} == {
        "not-found",
        "corrupt-audio",
        "not-audio",
    }
    assert events[-1]["analysed"] == 3 and events[-1]["failed"] == 3 and not events[-1]["interrupted"]


def test_fail_fast_stops_and_the_next_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").mkdir()
    (tmp_path / "a/0.wav").write_bytes(b"no audio")
    for i in range(1, 8):
        recording(tmp_path / f"a/{i}.wav", "cello", 1.0)
    done = run("tag", "a", "-o", "table.csv", "--fail-fast")
    assert done.returncode == 1
    assert "Stopped at the first failure" in done.stderr
    assert 1 <= len(table_of(Path("table.csv"))) < 8
    run("tag", "a", "-o", "table.csv")
    assert len(table_of(Path("table.csv"))) == 8


def test_the_timeline_follows_the_table(archive: Path) -> None:
    words = ("tag", "archive", "-o", "table.csv", "--windows", "windows.csv")
    run(*words)
    with Path("windows.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["path"], row["start_seconds"]) for row in rows] == [
        (path, f"{start}.0")
        for path in ("archive/deep/TWO.FLAC", "archive/deep/three.ogg", "archive/one.wav")
        for start in range(3)
    ]
    content = Path("windows.csv").read_bytes()
    Path("windows.csv").write_bytes(content[:-30])
    again = run(*words)
    assert "1 line was torn" in again.stderr and "1 analysed, 4 done before" in again.stderr
    assert Path("windows.csv").read_bytes() == content


def test_names_of_every_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = [b"line\nbreak.wav", b'quote"s, and commas.wav', b"latin-1 \xe9t\xe9.wav", b" space .wav", b"=cmd.wav"]
    names += [b"x" * 251 + b".wav", "日本語.wav".encode(), b"back\\slash.wav", b"\x1b[31mred.wav"]
    first = recording(tmp_path / "first.wav", "cello", 1.0)
    for name in names:
        shutil.copy(first, os.fsencode(tmp_path) + b"/" + name)
    done = run("tag", ".", "-o", "t.csv", "--write-tags")
    assert done.returncode == 0, done.stderr
    rows = table_of(Path("t.csv"))
    assert {os.fsencode(os.path.normpath(paths.from_table(path))) for path in rows} == {*names, b"first.wav"}
    assert len(Path("t.csv").read_bytes().splitlines()) == len(rows) + 1
    assert not any(path.startswith("=") for path in rows)
    assert runner.invoke(app, ["verify", "t.csv"]).exit_code == 0
    plain = subprocess.run([sys.executable, "-m", "instag", "tag", "."], capture_output=True, timeout=120)
    assert plain.returncode == 0 and len(plain.stdout.splitlines()) == len(rows)
    assert b"\x1b" not in plain.stdout


@pytest.mark.parametrize(
    ("words", "says", "code"),
    [
        (("tag", ".", "-o", "table.xlsx"), ".csv", 2),
        (("tag", ".", "--windows", "w.csv"), "--windows needs --output", 2),
        (("tag", ".", "-o", "t.csv", "--windows", "t.csv"), "the same file", 2),
        (("tag", ".", "--overlap", "9"), "--overlap 9", 2),
        (("tag", ".", "--device", "tpu"), "--device tpu", 2),
        (("tag", ".", "--model", "absent.onnx"), "absent.onnx", 3),
        (("tag", ".", "-o", "no/such/folder/t.csv"), "no/such/folder", 3),
        (("tag",), "Missing argument", 2),
        (("tag", ".", "--jobs", "0"), "--jobs", 2),
        (("frobnicate",), "frobnicate", 2),
        (("model", "--model", "absent"), "absent", 3),
    ],
)
def test_usage_and_start_errors(tmp_path: Path, monkeypatch, words: tuple[str, ...], says: str, code: int) -> None:
    monkeypatch.chdir(tmp_path)
    done = runner.invoke(app, list(words))
    assert says in done.output and done.exit_code == code
    assert "Traceback" not in done.output


def test_what_belongs_to_a_machine_comes_from_the_environment_too(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSTAG_JOBS", "0")
    done = run("tag", "archive/one.wav")
    assert done.returncode == 2 and "'--jobs'" in done.stderr
    monkeypatch.setenv("INSTAG_JOBS", "2")
    monkeypatch.setenv("INSTAG_OUTPUT", "from-environment.jsonl")
    assert run("tag", "archive/one.wav").returncode == 0
    assert not Path("from-environment.jsonl").exists()


def test_two_jobs_on_one_table_the_second_is_refused(archive: Path) -> None:
    from instag.table.lock import locked

    with locked(Path("table.csv")):
        done = run("tag", "archive", "-o", "table.csv")
    assert done.returncode == 3
    assert "another job is writing it" in done.stderr and f"process {os.getpid()}" in done.stderr
    assert not Path("table.csv").exists()


def test_a_lock_of_a_dead_process_is_taken_over(archive: Path) -> None:
    child = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys,time; from pathlib import Path; from instag.table.lock import locked\n"
            "with locked(Path('table.csv')): print('held', flush=True); time.sleep(60)",
        ],
        stdout=subprocess.PIPE,
    )
    assert child.stdout and child.stdout.readline() == b"held\n"
    child.kill()
    child.communicate()
    assert Path("table.csv.lock").exists()
    assert run("tag", "archive/one.wav", "-o", "table.csv").returncode == 0
    assert not Path("table.csv.lock").exists()


@pytest.mark.parametrize("content", ["", "half a rec", "999999999\nelsewhere\n"])
def test_a_lock_file_that_nobody_holds_stops_nobody(archive: Path, content: str) -> None:
    Path("table.csv.lock").write_text(content)  # what a process leaves that is killed while it starts or ends
    assert run("tag", "archive/one.wav", "-o", "table.csv").returncode == 0
    assert not Path("table.csv.lock").exists()


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("request_to_stop", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda one: one.name)
def test_an_interrupted_job_ends_soon_and_goes_on_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request_to_stop: signal.Signals
) -> None:
    monkeypatch.chdir(tmp_path)
    for i in range(30):
        recording(tmp_path / f"a/{i:02}.flac", "cello", 60.0)
    words = [sys.executable, "-m", "instag", "tag", "a", "-o", "t.csv", "--events", "--write-tags"]
    child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout
    for line in child.stdout:
        if "file_done" in line:
            break
    child.send_signal(request_to_stop)
    sent = time.monotonic()
    _, errors = child.communicate(timeout=30)
    assert child.returncode == 130, errors
    assert time.monotonic() - sent < 6.0  # two seconds of grace, and room for a slow machine
    done = table_of(Path("t.csv"))
    assert 1 <= len(done) < 30
    assert not list(Path("a").glob(".instag-*"))
    assert run("tag", "a", "-o", "t.csv", "--write-tags").returncode == 0
    after = table_of(Path("t.csv"))
    assert len(after) == 30
    assert all(after[path]["analysed_at"] == row["analysed_at"] for path, row in done.items())


def test_model_shows_its_card(tiny_model: Path) -> None:
    done = runner.invoke(app, ["model", "--model", str(tiny_model)])
    assert done.exit_code == 0
    for expected in ("tiny 1.0.0", "Apache-2.0", "It knows sines only.", LIMITS_NOTICE, "8000 Hz"):
        assert expected in done.output


def test_version() -> None:
    assert runner.invoke(app, ["--version"]).output == f"instag {__version__}\n"


def test_a_full_disk_or_a_closed_stream_behind_stdout_is_a_sentence(archive: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    for redirection, words in ((">/dev/full", "cannot be written"), (">&-", "is closed")):
        done = subprocess.run(
            ["sh", "-c", f'"{sys.executable}" -m instag tag archive/one.wav {redirection}'],
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 3 and words in done.stderr and "Traceback" not in done.stderr
    done = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -m instag tag archive/one.wav 2>&-'],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0 and done.stdout.startswith("archive/one.wav: ")


@pytest.mark.parametrize("command", ["tag", "untag"])
@pytest.mark.parametrize("argument", ["", " "])
def test_an_empty_argument_is_never_the_current_folder(archive: Path, command: str, argument: str) -> None:
    before = {path: path.read_bytes() for path in archive.rglob("*") if path.is_file()}
    done = run(command, argument, *(["--write-tags"] if command == "tag" else []))
    assert done.returncode == 2 and "PATH: an argument is empty" in done.stderr
    assert {path: path.read_bytes() for path in archive.rglob("*") if path.is_file()} == before


def test_an_overlap_that_leaves_no_step_is_refused(archive: Path) -> None:
    for overlap in ("0.99999", "1", "3", "-1"):
        done = run("tag", "archive/one.wav", "--overlap", overlap)
        assert done.returncode == 2 and "Traceback" not in done.stderr, overlap


def test_a_current_folder_that_is_gone(archive: Path, tmp_path: Path) -> None:
    wav = (archive / "one.wav").resolve()
    gone = tmp_path / "gone"
    script = f'mkdir "{gone}"; cd "{gone}"; rmdir "{gone}"; "{sys.executable}" -m instag tag'
    done = subprocess.run(["sh", "-c", f'{script} "{wav}"'], capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0 and str(wav) in done.stdout
    for inputs in (".", "x.wav", f'"{wav}" -o table.csv'):
        done = subprocess.run(["sh", "-c", f"{script} {inputs}"], capture_output=True, encoding="utf-8", check=False)
        assert done.returncode == 2 and "the current folder no longer exists" in done.stderr


def test_a_folder_without_recordings_is_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    done = run("tag", "empty")
    assert done.returncode == 1 and "No audio files were found" in done.stderr


def test_a_forgotten_variable_never_writes(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WRITE_TAGS", "SIDECAR", "OVERWRITE", "FORCE"):
        monkeypatch.setenv(f"INSTAG_{name}", "1")
    before = {path: path.read_bytes() for path in archive.rglob("*") if path.is_file()}
    assert run("tag", "archive/one.wav").returncode == 0
    assert {path: path.read_bytes() for path in archive.rglob("*") if path.is_file()} == before


def test_the_timeline_is_not_the_table_by_another_name(archive: Path) -> None:
    Path("here").mkdir()
    Path("link.csv").symlink_to("here/q.csv")
    for windows in ("here/../here/q.csv", "link.csv"):
        done = run("tag", "archive/one.wav", "-o", "here/q.csv", "--windows", windows)
        assert done.returncode == 2 and "lead to the same file" in done.stderr


@pytest.mark.parametrize("command", ["tag", "show", "untag", "model", "verify"])
def test_help_is_in_plain_words(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = run(command, "--help").stdout
    assert "Examples:" in text and f"instag {command}" in text
    assert not re.search(r"<\w+|\{|list\[|x>=|range", text)
    assert max(len(line) for line in text.splitlines()) <= 80
