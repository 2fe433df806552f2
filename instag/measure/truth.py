"""What people say recordings hold: a CSV file, or a folder of Audacity's label tracks or Raven's selection tables."""

from __future__ import annotations

import csv
import io
import posixpath
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from instag.errors import CannotStartError
from instag.labels import DISPLAY_NAMES, LABELS

_SUFFIXES = (".selections.txt", ".txt")  # of Raven's and Audacity's files, behind the recording's own name


@dataclass(frozen=True)
class Truth:
    """What people say.

    Attributes:
        labels: For each path, its labels; the dominant one first where the source tells.
        unknown: How many recordings have each word that is no label.
    """

    labels: dict[str, tuple[str, ...]]
    unknown: dict[str, int]


def as_label(word: str) -> str | None:
    """The label that a word means, whatever its case and whether its parts are joined by `_`, `-` or a space."""
    return _WORDS.get(re.sub(r"[\s_-]+", " ", word.strip().lower()))


def normal_path(path: str) -> str:
    r"""The form in which paths are compared: as written, without `./`, and with `/` for `\`."""
    return posixpath.normpath(path.strip().replace("\\", "/"))


def read_truth(source: Path) -> Truth:
    """Reads a CSV file with the columns `path` and `label`, or a folder of label files.

    In the CSV file, several labels are joined by `;`. In a folder, `a/b.wav.txt` (Audacity) or `a/b.wav.selections.txt`
    (Raven) holds the labels of `a/b.wav`; the label with the longest time counts as the dominant one.

    Args:
        source: The file or the folder.

    Raises:
        CannotStartError: It cannot be read, or holds no labels.
    """
    try:
        words = _from_folder(source) if source.is_dir() else _from_csv(source)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise CannotStartError(f"{source}: cannot be read ({reason}).", "Check the file's name and encoding.") from None
    known: dict[str, tuple[str, ...]] = {}
    unknown: Counter[str] = Counter()
    for path, said in words.items():
        labels = tuple(dict.fromkeys(label for word in said if (label := as_label(word))))
        unknown.update({word.strip() for word in said if as_label(word) is None})
        if labels:
            known[path] = labels
    if not known:
        names = ", ".join(LABELS)
        raise CannotStartError(f"{source}: holds no label that instag knows.", f"Use these: {names}.")
    return Truth(known, dict(unknown.most_common()))


def _from_csv(file: Path) -> dict[str, list[str]]:
    text = file.read_text(encoding="utf-8-sig")
    first = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter="\t" if "\t" in first else ",")
    columns = {(name or "").strip().lower(): name for name in reader.fieldnames or ()}
    if not {"path", "label"} <= columns.keys():
        raise CannotStartError(
            f"{file}: its first line has no columns path and label.",
            "Give it the header path,label, with several labels of one recording joined by a semicolon.",
        )
    words: dict[str, list[str]] = {}
    for row in reader:
        path, said = row[columns["path"]] or "", row[columns["label"]] or ""
        words.setdefault(normal_path(path), []).extend(word for word in said.split(";") if word.strip())
    return words


def _from_folder(folder: Path) -> dict[str, list[str]]:
    words = {}
    for file in sorted(folder.rglob("*.txt")):
        suffix = next(suffix for suffix in _SUFFIXES if file.name.endswith(suffix))
        name = file.relative_to(folder).as_posix().removesuffix(suffix)
        seconds: Counter[str] = Counter()
        for start, end, word in _spans(file.read_text(encoding="utf-8-sig")):
            seconds[word] += max(end - start, 0.0)  # type: ignore[assignment]
        words[normal_path(name)] = [word for word, _ in seconds.most_common()]
    return words


def _spans(text: str) -> list[tuple[float, float, str]]:
    lines = list(csv.reader(io.StringIO(text, newline=""), delimiter="\t"))
    header = [name.strip().lower() for name in lines[0]] if lines else []
    is_raven = "begin time (s)" in header
    places = [header.index("begin time (s)"), header.index("end time (s)")] if is_raven else [0, 1]
    # Raven has no column for labels of its own: people call it by one of these names.
    named = [n for n in ("instrument", "annotation", "label", "species") if n in header]
    where = header.index(named[0]) if named else 2
    spans = []
    for line in lines[1:] if is_raven else lines:
        try:
            start, end, word = float(line[places[0]]), float(line[places[1]]), line[where]
        except (ValueError, IndexError):  # Audacity's second line of a label with frequencies, or an empty line
            continue
        # What `instag export` wrote after the label: who gave it, and how sure it was.
        spans.append((start, end, word.partition(" (")[0]))
    return spans


_WORDS = {re.sub(r"[\s_-]+", " ", word.lower()): label for label in LABELS for word in (label, DISPLAY_NAMES[label])}
