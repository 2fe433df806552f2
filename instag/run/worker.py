"""What a worker process does: one file in, one row out.

A worker reads hostile files, so nothing here is trusted to survive: the pool that runs it turns a crash, a hang or a
memory blow-up into a row of the file that caused it.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from instag import __version__, paths, tags
from instag.analyse import Analyser, AnalysisSettings
from instag.containers.digest import HeardSamples, audio_digest
from instag.errors import ErrorCode, FileError
from instag.labels import DISPLAY_NAMES, LABELS, OTHER
from instag.model.card import ModelCard
from instag.model.session import Device, open_model
from instag.results import TagOutcome, WindowScores
from instag.run.shared_session import connect_model
from instag.table.reviews import Reviews
from instag.table.rows import SIDECAR, TAGS, AssignedBy, Row, Status, with_identifiers
from instag.tags import sidecar
from instag.tags.sidecar_tree import SidecarTree


@dataclass(frozen=True)
class WorkerSettings:
    """What a worker needs to know.

    Attributes:
        model_path: The ONNX file.
        device: Where the model is to run.
        analysis: What decides the result.
        write_tags: Whether tags are written into the files.
        sidecar: Whether a sidecar is written for each file.
        sidecar_tree: Where sidecars lie; beside their files where it is None.
        overwrite: Whether an `INSTRUMENT` that somebody else wrote may be replaced.
        keep_mtime: Whether a file keeps its modification time when its tags are written.
        root: The folder that paths in the table are relative to; None keeps them as they were given.
        reviews: What people said of recordings in earlier runs; tags and sidecars carry it.
        session_address: Where a process holds the model for all workers; None lets each worker load its own.
    """

    model_path: Path
    device: Device
    analysis: AnalysisSettings
    write_tags: bool = False
    sidecar: bool = False
    sidecar_tree: SidecarTree | None = None
    overwrite: bool = False
    keep_mtime: bool = False
    root: Path | None = None
    reviews: Reviews = field(default_factory=Reviews, compare=False, repr=False)
    session_address: str | None = None

    def wanted(self) -> tuple[str, ...]:
        """What of the settings a file's row must hold for the file to be done, as in the `settings` column."""
        outputs = ((TAGS, self.write_tags), ("overwrite", self.overwrite), (SIDECAR, self.sidecar))
        return (self.analysis.fingerprint(), *(name for name, asked in outputs if asked))


@dataclass(frozen=True)
class Outcome:
    """What became of one file.

    Attributes:
        row: Its row of the table.
        windows: Its window scores; None where it failed.
        note: A sentence that the person who runs the job should read, or "".
    """

    row: Row
    windows: WindowScores | None = None
    note: str = ""


@dataclass(frozen=True)
class _State:
    settings: WorkerSettings
    analyser: Analyser


_states: list[_State] = []


def start_worker(settings: WorkerSettings, silent: bool = True) -> None:
    """Prepares a worker: the parent alone answers Ctrl-C and hang-ups, and what C libraries print goes nowhere."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "SIGHUP"):  # Windows knows no hang-up
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if silent:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        os.close(nowhere)
    if settings.session_address:
        model = connect_model(settings.session_address)
    else:
        model = open_model(settings.model_path, settings.device)
    _states[:] = [_State(settings, Analyser(model, settings.analysis))]


def process_file(path: Path) -> Outcome:
    """Takes one file through analysis, digest, tags and sidecar; trouble with it becomes its row.

    Runs in a process that `start_worker` prepared.
    """
    state = _states[0]
    try:
        return _process(path, state.settings, state.analyser)
    except MemoryError:
        error = out_of_memory(path)
    except FileError as caught:
        error = caught
    return failed(path, error, state.analyser.model.card, state.settings)


def out_of_memory(path: Path) -> FileError:
    """The error of a file whose decoding asked for too much memory."""
    return FileError(
        ErrorCode.OUT_OF_MEMORY,
        f"{paths.for_terminal(path)}: decoding it asked for more memory than a worker may have.",
        "The file is probably damaged; raise --max-memory if it is not.",
    )


def failed(path: Path, error: FileError, card: ModelCard, settings: WorkerSettings) -> Outcome:
    """The outcome of a file that could not be analysed."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        status = None
    row = replace(
        _provenance(path, card, settings),
        status=Status.FAILED,
        size_bytes=status.st_size if status else None,
        mtime_ns=status.st_mtime_ns if status else None,
        error_code=error.code,
        error=paths.one_line(str(error)),
    )
    row, note = settings.reviews.keep(row)
    return Outcome(row, note=note)


def _process(path: Path, settings: WorkerSettings, analyser: Analyser) -> Outcome:
    card = analyser.model.card
    before = _identity(path)
    heard = HeardSamples()
    result = analyser.analyse(path, heard)
    digest = audio_digest(path, heard)
    if _identity(path) != before:
        raise FileError(
            ErrorCode.CHANGED_DURING_RUN,
            f"{paths.for_terminal(path)}: was changed by another program while it was read.",
            "Run the same command again when nothing else writes to it.",
        )
    verdict = result.verdict
    row = replace(
        _provenance(path, card, settings),
        status=Status.ANALYSED,
        dominant=verdict.dominant,
        assigned_by=AssignedBy.MACHINE,
        confidence=round(verdict.confidence, 4),
        needs_review=verdict.needs_review,
        instruments=verdict.instruments,
        duration_seconds=round(result.duration_seconds, 3),
        heard_share=None if result.heard_share is None else round(result.heard_share, 4),
        windows=len(result.windows.start_seconds),
        silent_windows=verdict.silent_windows,
        sample_rate=result.info.sample_rate,
        channels=result.info.channels,
        audio_digest=digest,
        scores=tuple(round(float(score), 4) for score in verdict.scores),
        shares=tuple(round(float(share), 4) for share in verdict.shares),
        presences=tuple(round(float(score), 4) for score in verdict.presences),
        error_code=result.warning_code,
        error=paths.one_line(result.warning),
    )
    row, note = settings.reviews.keep(row)
    row = _publish(path, row, settings, tags.AnalysedFile(*before, digest))
    _, size_bytes, mtime_ns = _identity(path)
    return Outcome(replace(row, size_bytes=size_bytes, mtime_ns=mtime_ns), result.windows, note)


def _publish(path: Path, row: Row, settings: WorkerSettings, analysed: tags.AnalysedFile) -> Row:
    """Writes tags and sidecar as asked for; a refusal becomes a note in the row."""
    outcome = TagOutcome.NOT_ASKED
    refusals: list[FileError] = []
    if settings.write_tags:
        options = {"overwrite": settings.overwrite, "keep_mtime": settings.keep_mtime}
        try:
            outcome = tags.write_tags(path, tag_values(row), analysed=analysed, **options)
        except FileError as error:
            refusals.append(error)
    if settings.sidecar:
        # A sidecar is no change to the recording, so `tags_written` says nothing of one that was written.
        try:
            sidecar.write_sidecar(path, with_identifiers(row.to_record()), settings.sidecar_tree)
        except FileError as error:
            refusals.append(error)
    for refusal in refusals:
        remark = f"{row.error} {paths.one_line(str(refusal))}".strip()
        row = replace(row, error_code=refusal.code, error=remark)
    return replace(row, tags_written=TagOutcome.REFUSED if refusals else outcome)


def tag_values(row: Row) -> tags.TagValues:
    """What is written into the file of a row: the machine's word, or the person's where there is one.

    The confidence always is the model's: in its own label, or in the one that the person gave. An instrument that a
    person names is heard, whatever the model heard; where a person says that it is none of them, none is written.
    """
    label, review, heard = row.label, row.review, row.instruments
    if review is None or not review.label:
        source, confidence = tags.machine_source(row.model_id, row.model_version), row.confidence or 0.0
    else:
        heard = () if label == OTHER else (label, *(name for name in heard if name != label))
        source = tags.person_source(review.by, review.at[:10])
        confidence = row.scores[LABELS.index(label)]
    return tags.TagValues(
        instruments=tuple(DISPLAY_NAMES[name] for name in heard),
        dominant=label,
        confidence=confidence,
        source=source,
        needs_review=row.wants_review,
    )


def _provenance(path: Path, card: ModelCard, settings: WorkerSettings) -> Row:
    """A row that says so far how it came about."""
    return Row(
        path=paths.table_path(path, settings.root),
        status=Status.FAILED,
        model_id=card.model_id,
        model_version=card.version,
        settings=" ".join(settings.wanted()),
        instag_version=__version__,
        analysed_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _identity(path: Path) -> tuple[int, int, int]:
    """What tells whether a file is still the same: inode, size, modification time.

    Raises:
        FileError: There is no such file, or it may not be looked at.
    """
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise paths.unreachable(path, error) from None
    return status.st_ino, status.st_size, status.st_mtime_ns
