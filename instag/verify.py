"""Whether a recording is still what its row says: there, the same audio, the same tags."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from instag import paths, tags
from instag.containers.digest import audio_digest
from instag.errors import FileError
from instag.labels import DISPLAY_NAMES
from instag.results import TagOutcome
from instag.table.rows import Row, Status


class Finding(StrEnum):
    """What a check found."""

    UNCHANGED = "unchanged"
    NOT_CHECKED = "not-checked"
    METADATA_CHANGED = "metadata-changed"
    TAGS_CHANGED = "tags-changed"
    AUDIO_CHANGED = "audio-changed"
    MISSING = "missing"
    UNREADABLE = "unreadable"

    @property
    def is_change(self) -> bool:
        """Whether the recording is not what its row says. Metadata of others may change."""
        return self not in (Finding.UNCHANGED, Finding.NOT_CHECKED, Finding.METADATA_CHANGED)


def is_gone(row: Row, root: Path | None = None) -> bool:
    """Whether the file of a row no longer exists; one that merely cannot be reached is not gone.

    Args:
        row: The row.
        root: The folder that relative paths start from; the current one where it is None.
    """
    try:
        paths.locate(row.path, root).stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def check_row(row: Row, root: Path | None = None) -> tuple[Finding, str]:
    """Checks one row against its file.

    Args:
        row: The row.
        root: The folder that relative paths start from; the current one where it is None.

    Returns:
        The finding, and a sentence on it.
    """
    if row.status is not Status.ANALYSED or not row.audio_digest:
        return Finding.NOT_CHECKED, "the row holds no digest, since the file was not analysed"
    path = paths.locate(row.path, root)
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return Finding.MISSING, "the file is no longer there"
    except OSError as error:
        return Finding.UNREADABLE, f"the file cannot be looked at ({error.strerror})"
    try:
        if audio_digest(path) != row.audio_digest:
            return Finding.AUDIO_CHANGED, "the audio is no longer the audio that was analysed"
        if row.tags_written in (TagOutcome.WRITTEN, TagOutcome.UNCHANGED) and "tags" in row.settings.split():
            values = tags.read_tags(path)
            if values is None:
                return Finding.TAGS_CHANGED, "instag's tags are no longer in the file"
            if not _says(values, row):
                return Finding.TAGS_CHANGED, "instag's tags in the file say something else than the table"
    except FileError as error:
        return Finding.UNREADABLE, paths.one_line(str(error))
    if (status.st_size, status.st_mtime_ns) != (row.size_bytes, row.mtime_ns):
        return Finding.METADATA_CHANGED, "the file was written to since; audio and instag's tags are the same"
    return Finding.UNCHANGED, "nothing changed"


def _says(values: tags.TagValues, row: Row) -> bool:
    """Whether tags say what a row says: the machine's verdict or, once a person reviewed it, a person's label.

    A review that came after the tags is no change of the file: the next `instag tag --write-tags` writes it.
    """
    if row.review and values.source.startswith("person:"):
        newest = tags.person_source(row.reviewed_by, row.reviewed_at[:10])
        return values.source != newest or values.dominant == row.reviewed_label
    instruments = tuple(DISPLAY_NAMES[label] for label in row.instruments)
    return (
        values.dominant == row.dominant
        and values.instruments == instruments
        and values.needs_review in (row.needs_review, row.wants_review)
        and values.source == f"machine: {row.model_id} {row.model_version}"
    )
