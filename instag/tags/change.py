"""Writing tags into a file, and removing them again."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from instag.containers.digest import stored_audio_digest
from instag.containers.recognise import layout_of
from instag.results import TagOutcome
from instag.tags import safe_write
from instag.tags.analysed import AnalysedFile
from instag.tags.boundary import errors_of_file
from instag.tags.fields import Change, TagValues, machine_source
from instag.tags.plan import plan_remove, plan_write
from instag.tags.reading import read_entries
from instag.tags.refusals import check_place, regular_file
from instag.tags.store import TagStore
from instag.tags.stores import open_store
from instag.tags.verification import verify_audio, verify_replaceable, verify_tags, verify_undo
from instag.tags.view import is_tagged

# Stands for what is to be written, where only the room for it is in question.
_SPECIMEN = TagValues(
    ("acoustic guitar", "electric guitar"), "acoustic_guitar", 0.5, machine_source("model", "1.0.0"), True
)


def check_writable(path: Path, *, overwrite: bool = False) -> None:
    """Checks whether tags could be written into a file, without writing anything.

    Raises:
        TagError: They could not; it says why.
    """
    with errors_of_file(path):
        target = check_place(path)
        with target.open("rb") as file:
            kind = layout_of(file)
            store = open_store(file, kind)
            entries = read_entries(file, kind)
            change = plan_write(store.fields, _SPECIMEN, store.missing, overwrite=overwrite)
            if change:
                verify_replaceable(entries, store.fields, change)
                store.edits(change)


def write_tags(
    path: Path,
    values: TagValues,
    *,
    overwrite: bool = False,
    keep_mtime: bool = False,
    analysed: AnalysedFile | None = None,
) -> TagOutcome:
    """Writes instag's values into the tags of a file.

    Args:
        path: The file, or a symbolic link to it.
        values: The values.
        overwrite: Replaces an INSTRUMENT of somebody else too; `remove_tags` puts it back.
        keep_mtime: The file keeps its time of the last change.
        analysed: The file as it was analysed; saves a second digest, and refuses a file that has changed since.

    Returns:
        WRITTEN, or UNCHANGED if the file has those values already.

    Raises:
        TagError: Nothing was written, and the file is as it was.
    """
    return _change(
        path,
        lambda store: plan_write(store.fields, values, store.missing, overwrite=overwrite),
        keep_mtime=keep_mtime,
        analysed=analysed,
    )


def remove_tags(path: Path, *, keep_mtime: bool = False) -> TagOutcome:
    """Removes exactly what instag wrote, and puts back what it replaced.

    Args:
        path: The file, or a symbolic link to it.
        keep_mtime: The file keeps its time of the last change.

    Returns:
        WRITTEN, or UNCHANGED if instag wrote nothing into it, however damaged it is and wherever it lies.

    Raises:
        TagError: Nothing was written, and the file is as it was.
    """
    regular_file(path)
    if not is_tagged(path):
        return TagOutcome.UNCHANGED
    return _change(path, lambda store: plan_remove(store.fields), keep_mtime=keep_mtime)


def _change(
    path: Path,
    plan: Callable[[TagStore], Change | None],
    *,
    keep_mtime: bool,
    analysed: AnalysedFile | None = None,
) -> TagOutcome:
    with errors_of_file(path):
        target = check_place(path)
        with target.open("rb") as file:
            before = os.fstat(file.fileno())
            if analysed:
                analysed.check(path, before)
            kind = layout_of(file)
            store = open_store(file, kind)
            entries = read_entries(file, kind)
            change = plan(store)
            if change is None:
                return TagOutcome.UNCHANGED
            verify_replaceable(entries, store.fields, change)
            edits = store.edits(change)
            digest = analysed.stored_digest() if analysed else ""
            digest = digest or stored_audio_digest(file)

            def check(copy: BinaryIO) -> None:
                written = open_store(copy, kind)
                verify_tags(path, entries, read_entries(copy, kind), change)
                verify_audio(path, file, copy, kind, digest)
                verify_undo(path, file, store, edits, written)

            safe_write.replace_file(target, file, before, edits, check, keep_mtime=keep_mtime)
    return TagOutcome.WRITTEN
