"""Tags in files: read, written and removed again without touching anything else.

What other people wrote is copied as bytes. What was written is read back by mutagen, the audio is digested before and
after, and only then does the copy take the place of the file.
"""

from __future__ import annotations

from instag.results import TagOutcome
from instag.tags.analysed import AnalysedFile
from instag.tags.change import check_writable, remove_tags, write_tags
from instag.tags.fields import TagValues, machine_source, person_source
from instag.tags.safe_write import remove_leftovers, temporary_path
from instag.tags.view import is_tagged, read_all_tags, read_instruments_of_others, read_tags

__all__ = [
    "AnalysedFile",
    "TagOutcome",
    "TagValues",
    "check_writable",
    "is_tagged",
    "machine_source",
    "person_source",
    "read_all_tags",
    "read_instruments_of_others",
    "read_tags",
    "remove_leftovers",
    "remove_tags",
    "temporary_path",
    "write_tags",
]
