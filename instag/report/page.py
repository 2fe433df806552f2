"""Writes the page: one HTML file with its style, its script and its data inside, and further pages for large tables."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any

from instag import __version__
from instag.constants import TEMPORARY_PREFIX
from instag.errors import CannotStartError, UsageError
from instag.identifiers import identifiers
from instag.labels import COLOURS, DISPLAY_NAMES, OTHER
from instag.report.columns import columns_of, label_names
from instag.report.strip import strip_text
from instag.report.summary import Summary
from instag.table import ResultTable, refuse_in_bag
from instag.table.rows import Row
from instag.table.spans import merge_spans
from instag.table.timeline import Timeline

# More rows than this make a browser slow, and a page too large to send.
ROWS_A_PAGE = 10_000
_SCRIPTS = ("data.js", "overview.js", "table.js", "detail.js", "main.js")
_MARK = '<meta name="generator" content="instag report">'


@dataclass(frozen=True)
class Written:
    """What `write_report` did.

    Attributes:
        files: Rows on the pages.
        pages: Pages that list files.
        damaged_rows: Rows of the table that could not be read.
        damaged_timelines: Files whose windows could not be read.
    """

    files: int
    pages: int
    damaged_rows: int
    damaged_timelines: int


class _Strips:
    """Looks strips up in a timeline, and counts the files whose windows are damaged."""

    def __init__(self, timeline: Timeline | None) -> None:
        self._timeline = timeline
        self.damaged = 0

    def __call__(self, path: str) -> str:
        if self._timeline is None:
            return ""
        try:
            return strip_text(merge_spans(self._timeline.windows(path)))
        except ValueError:
            self.damaged += 1
            return ""


def check_output(output: Path) -> None:
    """Checks that a page may be written.

    Raises:
        UsageError: The name does not end in `.html`.
        CannotStartError: A file that is no report has the name, or it would lie in the payload of a BagIt bag.
    """
    if output.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--output {output}: the name must end in .html.", "The report is a page for a web browser.")
    refuse_in_bag(output)
    if output.exists():
        try:
            is_ours = _is_report(output)
        except OSError as error:
            raise _cannot_write(output, error) from None
        if not is_ours:
            raise CannotStartError(f"{output}: is there already and is no report of instag.", "Name another file.")


def write_report(
    table: ResultTable,
    timeline: Timeline | None,
    output: Path,
    *,
    title: str,
    root: Path | None = None,
    rows_a_page: int = ROWS_A_PAGE,
) -> Written:
    """Writes the page on a table.

    A table with more rows than a page holds gets an overview, and pages in the folder `NAME_pages` beside it.

    Args:
        table: The results.
        timeline: The windows, or None: then the page has no strips.
        output: The page; `check_output` has to be content with it.
        title: What the page is about.
        root: The folder that relative paths in the table start from; the current one where it is None.
        rows_a_page: Most rows that a page lists.

    Raises:
        CannotStartError: A page cannot be written.
    """
    strips = _Strips(timeline)
    whole = Summary()
    folder = output.with_name(f"{output.stem}_pages")
    parts: list[dict[str, Any]] = []
    chunks = _chunks(table.rows(), rows_a_page)
    chunk, following = next(chunks, []), next(chunks, None)
    has_parts = following is not None
    try:
        if has_parts:
            folder.mkdir(exist_ok=True)
        while True:
            for row in chunk:
                whole.add(row)
            target = folder / f"page-{len(parts) + 1:03}.html" if has_parts else output
            if has_parts:
                check_output(target)
                back = [f"../{output.name}", len(parts) + 1]
                record = _page_record(chunk, strips, target, root) | {"title": title, "back": back}
                _write(target, record)
                parts.append({"href": [folder.name, target.name], "files": len(chunk), "first": chunk[0].path})
            if following is None:
                break
            chunk, following = following, next(chunks, None)
        if has_parts:  # pages of an earlier report on a larger table
            written = {part["href"][1] for part in parts}
            for old in folder.glob("page-*.html"):
                if old.name not in written and _is_report(old):
                    old.unlink()
        damaged = {"damaged_rows": table.damaged, "damaged_timelines": 0, "title": title}
        record = _overview_record(whole, parts, rows_a_page) if has_parts else _page_record(chunk, strips, output, root)
        _write(output, record | damaged | {"damaged_timelines": strips.damaged})
    except OSError as error:
        raise _cannot_write(output, error) from None
    return Written(whole.files, max(1, len(parts)), table.damaged, strips.damaged)


def _page_record(rows: list[Row], strips: _Strips, target: Path, root: Path | None) -> dict[str, Any]:
    summary = Summary()
    for row in rows:
        summary.add(row)
    names = label_names(rows)
    # As the browser sees it: links are followed by their names, not by what they lead to.
    page_folder = Path(os.path.abspath(target)).parent  # noqa: PTH100
    return _record(summary, names) | {"rows": columns_of(rows, names, strips, page_folder, root)}


def _overview_record(summary: Summary, parts: list[dict[str, Any]], rows_a_page: int) -> dict[str, Any]:
    return _record(summary, list(COLOURS)) | {"parts": parts, "rows_a_page": rows_a_page}


def _record(summary: Summary, names: list[str]) -> dict[str, Any]:
    return {
        "instag": __version__,
        "labels": [
            [
                name,
                DISPLAY_NAMES.get(name, name),
                COLOURS.get(name, COLOURS[OTHER]),
                [str(known) for known in identifiers(name).values()],
            ]
            for name in names
        ],
        "summary": summary.to_record(),
    }


def page_text(record: dict[str, Any]) -> str:
    """The page as HTML.

    No text of the record can become markup: it lies in the page as JSON in which `<` is escaped, and the script puts
    it in as text. The policy in the head lets no other script run and nothing be loaded but recordings beside it.

    Args:
        record: What `data.js` reads.
    """
    web = files("instag.report") / "web"
    script = "\n".join((web / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    script = f'"use strict";\n(() => {{\n{script}}})();\n'
    style = "\n" + (web / "page.css").read_text(encoding="utf-8")
    data = json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    parts = {
        "{{MARK}}": _MARK,
        "{{SCRIPT_DIGEST}}": _digest(script),
        "{{STYLE_DIGEST}}": _digest(style),
        "{{STYLE}}": style,
        "{{DATA}}": data.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"),
        "{{SCRIPT}}": script,
    }
    text = (web / "page.html").read_text(encoding="utf-8")
    # One place after the other from the front, so that nothing in the data is taken for a place.
    pieces: list[str] = []
    for place, content in parts.items():
        before, _, text = text.partition(place)
        pieces += [before, content]
    return "".join(pieces) + text


def _is_report(path: Path) -> bool:
    with path.open("rb") as file:
        return _MARK.encode() in file.read(1024)


def _digest(text: str) -> str:
    """As a Content Security Policy names what may run."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _write(target: Path, record: dict[str, Any]) -> None:
    """Puts the page in its place when it is whole."""
    temporary = target.with_name(f"{TEMPORARY_PREFIX}{target.name}.tmp")
    try:
        temporary.write_text(page_text(record), encoding="utf-8", newline="\n")
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _chunks(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    source = iter(rows)
    while chunk := list(islice(source, size)):
        yield chunk


def _cannot_write(output: Path, error: OSError) -> CannotStartError:
    return CannotStartError(f"{output}: cannot be written ({error.strerror}).", "Name a file in another folder.")
