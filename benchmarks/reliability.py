"""Whether a job can be trusted with only copies: kills, faults and damage, counted.

    python -m benchmarks.reliability [--kills 200] [--fuzz 20000] [--seed 1]

Three runs through the real command line and the real tag writer:

- kills: a job that tags files is killed (SIGKILL) at random instants and started again until it has finished; then
  every file has one row, every tagged file holds its tags, and every file's audio is what it was;
- faults: in every container, every step of writing tags fails once for each reason; the file stays bit for bit;
- fuzz: damaged files of every container go through `instag tag --write-tags` and `instag untag`; the job survives,
  every file has one row, and a file that was not tagged was not changed.

It prints files, faults, losses, double rows and changed audio, and ends with 1 where any of them is not 0. The
recordings are made by `tests/support/containers.py`. The model is a tiny one: decoding and writing are what is tested.
"""

from __future__ import annotations

import argparse
import csv
import errno
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import numpy as np

import instag
from instag import paths, tags
from instag.containers.digest import audio_digest
from instag.errors import FileError
from instag.tags import safe_write
from tests.support.containers import TAGGED, TAGGED_BY_AV
from tests.support.mutate import mutate
from tests.support.tinymodel import write_tiny_model

# The steps of a write, each a function that is called once for each file.
STEPS: tuple[tuple[object, str], ...] = (
    (safe_write, "create_temporary"),
    (safe_write, "copy_with_edits"),
    (safe_write, "copy_attributes"),
    (safe_write, "synchronise"),
    (tags, "verify_tags"),
    (tags, "verify_audio"),
    (safe_write, "check_unchanged"),
    (safe_write, "replace"),
)
_VALUES = tags.TagValues(("cello", "piano"), "cello", 0.75, "tiny 1.0.0", False)


@dataclass
class Report:
    """What a run found.

    Attributes:
        files: Files that went through.
        faults: Kills, injected failures, or damaged files.
        losses: Files that are gone, truncated or lack their row.
        double_rows: Files with more than one row.
        changed_audio: Files whose audio is no longer what it was.
        changed_untagged: Files that were changed although no tags were written.
        leftovers: Temporary files that were left.
        job_crashes: Runs of the command that ended in a way it must not.
        outcomes: How the files ended, counted.
    """

    files: int = 0
    faults: int = 0
    losses: int = 0
    double_rows: int = 0
    changed_audio: int = 0
    changed_untagged: int = 0
    leftovers: int = 0
    job_crashes: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)

    @property
    def is_clean(self) -> bool:
        """Whether nothing happened that must not."""
        return not (
            self.losses
            or self.double_rows
            or self.changed_audio
            or self.changed_untagged
            or self.leftovers
            or self.job_crashes
        )


def make_recordings(folder: Path) -> list[Path]:
    """One small recording of every container that can be made here."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for name, make in {**TAGGED, **TAGGED_BY_AV}.items():
        try:
            make(folder / name)
        except ImportError:  # the extra `av` is not installed
            continue
        made.append(folder / name)
    return made


def command(*words: object) -> list[str]:
    """An instag command in this environment."""
    return [sys.executable, "-m", "instag", *map(str, words)]


def environment() -> dict[str, str]:
    """The environment for commands: the same instag, no settings of the user's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("INSTAG_")}
    return {**kept, "PYTHONPATH": str(Path(instag.__file__).parents[1]), "INSTAG_DEVICE": "cpu"}


def rows_of(table: Path) -> list[dict[str, str]]:
    """The rows of a CSV table."""
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, strict=True))


def digest_or_none(path: Path) -> str | None:
    """The digest of a file's audio; None where it has none that can be found."""
    try:
        return audio_digest(path)
    except FileError:
        return None


def kill_and_resume(folder: Path, kills: int, copies: int, seed: int) -> Report:
    """Kills a job at random instants until it was killed so often, resuming each time.

    Args:
        folder: An empty folder to work in.
        kills: How often.
        copies: Copies of each container that one job holds.
        seed: Of the instants.
    """
    report = Report()
    chance = random.Random(seed)
    model = write_tiny_model(folder / "tiny.onnx")
    originals = make_recordings(folder / "originals")
    digests = {path.name: digest_or_none(path) for path in originals}
    round_number = 0
    while report.faults < kills:
        round_number += 1
        work = folder / f"round-{round_number}"
        work.mkdir()
        for original in originals:
            for copy in range(copies):
                shutil.copyfile(original, work / f"{copy}-{original.name}")
        files = sorted(path.name for path in work.iterdir())
        report.files += len(files)
        table = folder / f"table-{round_number}.csv"
        words = command("tag", work, "-o", table, "--write-tags", "--quiet", "--jobs", 2, "--model", model)
        started = time.monotonic()
        ended = subprocess.run(words, env=environment(), capture_output=True, timeout=600).returncode
        whole_seconds = time.monotonic() - started
        if ended not in (0, 1):
            report.job_crashes += 1
        # The first run told how long a whole one takes; now the same again, with kills.
        shutil.rmtree(work)
        table.unlink()
        work.mkdir()
        for name in files:
            shutil.copyfile(folder / "originals" / name.split("-", 1)[1], work / name)
        while True:
            process = subprocess.Popen(words, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                process.wait(timeout=chance.uniform(0.0, whole_seconds) if report.faults < kills else 600)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                report.faults += 1
                continue
            if process.returncode not in (0, 1):
                report.job_crashes += 1
            break
        _check_round(report, work, table, files, digests)
        shutil.rmtree(work)
    return report


def _check_round(report: Report, work: Path, table: Path, files: list[str], digests: dict[str, str | None]) -> None:
    rows = rows_of(table)
    counts = Counter(Path(row["path"]).name for row in rows)
    report.double_rows += sum(count > 1 for count in counts.values())
    report.losses += sum(name not in counts or not (work / name).exists() for name in files)
    report.leftovers += sum(path.name not in files for path in work.iterdir())
    for row in rows:
        path = Path(row["path"])
        report.outcomes[f"{row['status']} {row['tags_written'] or row['error_code']}".strip()] += 1
        report.changed_audio += digest_or_none(path) != digests[path.name.split("-", 1)[1]]
        if row["tags_written"] == "written" and tags.read_tags(path) is None:
            report.losses += 1


@contextmanager
def failing(module: object, name: str, error: OSError) -> Iterator[Callable[[], int]]:
    """While inside, a step fails; tells how often it did."""
    with mock.patch.object(module, name, side_effect=error) as patched:
        yield lambda: patched.call_count


def inject_faults(folder: Path) -> Report:
    """Lets every step of a write fail once for every container and each of three reasons."""
    report = Report()
    reasons = (errno.ENOSPC, errno.EIO, errno.EACCES)
    for path in make_recordings(folder):
        report.files += 1
        content, state = path.read_bytes(), path.stat()
        for module, name in STEPS:
            for reason in reasons:
                with failing(module, name, OSError(reason, os.strerror(reason))) as calls:
                    try:
                        tags.write_tags(path, _VALUES)
                        outcome = "written all the same"
                    except FileError as error:
                        outcome = str(error.code)
                if calls() == 0:  # the container is refused before
                    continue
                report.faults += 1
                report.outcomes[f"{name}: {outcome}"] += 1
                report.losses += outcome == "written all the same"
                after = path.stat()
                kept = (after.st_ino, after.st_mtime_ns) == (state.st_ino, state.st_mtime_ns)
                report.changed_untagged += path.read_bytes() != content or not kept
                report.leftovers += len(list(path.parent.glob(".instag-*")))
    return report


def fuzz(folder: Path, files: int, seed: int, batch: int = 1000) -> Report:
    """Sends damaged files through `instag tag --write-tags` and `instag untag`.

    Args:
        folder: An empty folder to work in.
        files: How many damaged files.
        seed: Of the damage.
        batch: Files of one run of the command.
    """
    report = Report()
    chance = np.random.default_rng(seed)
    model = write_tiny_model(folder / "tiny.onnx")
    originals = [(path.suffix, path.read_bytes()) for path in make_recordings(folder / "originals")]
    suffixes = sorted({suffix for suffix, _ in originals})
    while report.files < files:
        work = folder / "work"
        work.mkdir()
        contents: dict[str, bytes] = {}
        for i in range(min(batch, files - report.files)):
            suffix, content = originals[int(chance.integers(len(originals)))]
            if chance.integers(20) == 0:
                suffix = suffixes[int(chance.integers(len(suffixes)))]
            name = f"{i:04}{suffix}"
            contents[name] = mutate(content, chance)
            (work / name).write_bytes(contents[name])
        digests = {name: digest_or_none(work / name) for name in contents}
        report.files += len(contents)
        report.faults += len(contents)
        table = folder / "table.csv"
        options = ("--write-tags", "--quiet", "--jobs", 2, "--timeout", 60, "--model", model)
        ended = subprocess.run(
            command("tag", work, "-o", table, *options), env=environment(), capture_output=True, timeout=3600
        )
        if ended.returncode not in (0, 1) or b"Traceback" in ended.stderr:
            report.job_crashes += 1
            print(ended.stderr.decode(errors="replace")[-3000:], file=sys.stderr)
            shutil.copytree(work, tempfile.mkdtemp(prefix="instag-fuzz-"), dirs_exist_ok=True)
        _check_batch(report, work, table, contents, digests)
        _write_anyway(report, work, contents, digests)
        untagged = subprocess.run(
            command("untag", work, "--quiet"), env=environment(), capture_output=True, timeout=3600
        )
        if untagged.returncode not in (0, 1) or b"Traceback" in untagged.stderr:
            report.job_crashes += 1
            print(untagged.stderr.decode(errors="replace")[-3000:], file=sys.stderr)
        for name in contents:
            report.changed_audio += digest_or_none(work / name) != digests[name]
            report.outcomes["untagged, back to the same bytes"] += (work / name).read_bytes() == contents[name]
        shutil.rmtree(work)
        table.unlink(missing_ok=True)
    return report


def _write_anyway(report: Report, work: Path, contents: dict[str, bytes], digests: dict[str, str | None]) -> None:
    """Writes tags even into files that the job did not get so far with, since their audio is damaged."""
    for name, content in contents.items():
        path = work / name
        before = path.read_bytes()
        try:
            tags.write_tags(path, _VALUES)
        except FileError:
            report.changed_untagged += path.read_bytes() != before
            continue
        report.outcomes["writer alone: written"] += 1
        report.changed_audio += digest_or_none(path) != digests[name]
        tags.remove_tags(path)
        report.outcomes["writer alone: back to the same bytes"] += path.read_bytes() == content


def _check_batch(
    report: Report, work: Path, table: Path, contents: dict[str, bytes], digests: dict[str, str | None]
) -> None:
    rows = {Path(paths.from_table(row["path"])).name: row for row in rows_of(table)}
    report.double_rows += len(rows_of(table)) - len(rows)
    report.losses += sum(name not in rows for name in contents)
    report.leftovers += sum(path.name not in contents for path in work.iterdir())
    for name, row in rows.items():
        report.outcomes[f"{row['status']} {row['error_code'] or row['tags_written']}".strip()] += 1
        if row["tags_written"] == "written":
            if digest_or_none(work / name) != digests[name]:
                report.changed_audio += 1
        elif (work / name).read_bytes() != contents[name]:
            report.changed_untagged += 1


def show(title: str, report: Report) -> None:
    """Prints a report."""
    print(
        f"{title}: {report.files} files, {report.faults} faults; losses {report.losses}, "
        f"double rows {report.double_rows}, changed audio {report.changed_audio}, "
        f"changed though not tagged {report.changed_untagged}, temporary files left {report.leftovers}, "
        f"job crashes {report.job_crashes}"
    )
    for outcome, count in sorted(report.outcomes.items(), key=lambda item: -item[1]):
        print(f"    {count:7}  {outcome}")


def main() -> None:
    """Runs all three and prints what they found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--fuzz", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    settings = parser.parse_args()
    reports = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for title, run in (
            ("faults", lambda place: inject_faults(place)),
            ("kills", lambda place: kill_and_resume(place, settings.kills, 4, settings.seed)),
            ("fuzz", lambda place: fuzz(place, settings.fuzz, settings.seed)),
        ):
            (folder / title).mkdir()
            reports.append(run(folder / title))
            show(title, reports[-1])
            sys.stdout.flush()
    raise SystemExit(0 if all(report.is_clean for report in reports) else 1)


if __name__ == "__main__":
    main()
