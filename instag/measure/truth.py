"""What people say recordings hold: a CSV file, or a folder of Audacity's label tracks or Raven's selection tables."""

from __future__ import annotations

import csv
import io
import posixpath
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from instag.errors import CannotStartError
from instag.labels import LABELS
from instag.measure.labelfiles import read_label_files
from instag.measure.words import read_words


@dataclass(frozen=True)
class Repeat:
    """A line that names a recording once more.

    Attributes:
        path: The recording, in the form in which paths are compared.
        place: The file and both lines, in words.
    """

    path: str
    place: str


@dataclass(frozen=True)
class Truth:
    """What people say.

    Attributes:
        labels: For each path, its labels; the dominant one first where the source tells.
        unknown: How many recordings have each word that is no label.
        repeats: Lines of a CSV file that name a recording again; its labels are joined.
        machines: Label files in which every label is as `instag export` wrote it. They are left out.
        may_lack_extension: Whether a recording's extension may be missing in a path, as Raven leaves it out.
    """

    labels: dict[str, tuple[str, ...]]
    unknown: dict[str, int]
    repeats: tuple[Repeat, ...] = ()
    machines: tuple[str, ...] = ()
    may_lack_extension: bool = False


@dataclass(frozen=True)
class Catalogue:
    """What a catalogue says.

    Attributes:
        written: The words for each path, as `normal_path` gives it.
        repeats: Lines that name a recording again; its words are joined.
    """

    written: dict[str, str]
    repeats: tuple[Repeat, ...]


def normal_path(path: str) -> str:
    r"""The form in which paths are compared: as written, without `./`, and with `/` for `\`."""
    return posixpath.normpath(path.strip().replace("\\", "/"))


def read_truth(source: Path) -> Truth:
    """Reads a CSV file with the columns `path` and `label`, or a folder of label files.

    In the CSV file, several labels are joined by `;`. In a folder, `a/b.wav.txt` (Audacity) or `a/b.wav.selections.txt`
    or `a/b.Table.1.selections.txt` (Raven) holds the labels of `a/b.wav`; the label with the longest time counts as
    the dominant one.

    Args:
        source: The file or the folder.

    Raises:
        CannotStartError: It cannot be read, or holds no labels that a person gave.
    """
    is_folder = source.is_dir()
    machines: tuple[str, ...] = ()
    repeats: tuple[Repeat, ...] = ()
    try:
        if is_folder:
            labelled = read_label_files(source)
            words, machines = labelled.words, labelled.machines
        else:
            words, repeats = _from_csv(source, ("label",))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(source, error) from None
    known: dict[str, tuple[str, ...]] = {}
    unknown: Counter[str] = Counter()
    for path, said in words.items():
        named = read_words(";".join(said))
        unknown.update(set(named.unknown))
        if named.labels:
            known[normal_path(path)] = named.labels
    if not known and machines:
        raise CannotStartError(
            f"{source}: every label in it is as `instag export` wrote it, for example in {machines[0]}.",
            "Correct them by ear, and delete the note `machine: …` where you did.",
        )
    if not known:
        names = ", ".join(LABELS)
        raise CannotStartError(f"{source}: holds no label that instag knows.", f"Use these: {names}.")
    return Truth(known, dict(unknown.most_common()), repeats, machines, may_lack_extension=is_folder)


def read_catalogue(file: Path) -> Catalogue:
    """What a CSV file with the columns `path` and `label`, `labels`, `instrument` or `instruments` says of each path.

    Raises:
        CannotStartError: It cannot be read, or says nothing.
    """
    try:
        words, repeats = _from_csv(file, ("label", "labels", "instrument", "instruments"))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(file, error) from None
    written = {path: "; ".join(word.strip() for word in said) for path, said in words.items() if said}
    if not written:
        raise CannotStartError(f"{file}: says nothing of any recording.", "Give a file with an instrument for a path.")
    return Catalogue(written, repeats)


def _unreadable(source: Path, error: Exception) -> CannotStartError:
    reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
    return CannotStartError(f"{source}: cannot be read ({reason}).", "Check the file's name and encoding.")


def _from_csv(file: Path, names: tuple[str, ...]) -> tuple[dict[str, list[str]], tuple[Repeat, ...]]:
    text = file.read_text(encoding="utf-8-sig")
    first = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter="\t" if "\t" in first else ",")
    columns = {(name or "").strip().lower(): name for name in reader.fieldnames or ()}
    label = next((columns[name] for name in names if name in columns), None)
    if "path" not in columns or label is None:
        raise CannotStartError(
            f"{file}: its first line has no columns path and {' or '.join(names)}.",
            "Give it the header path,label, with several labels of one recording joined by a semicolon.",
        )
    words: dict[str, list[str]] = {}
    lines: dict[str, int] = {}
    repeats = []
    for row in reader:
        path, said = normal_path(row[columns["path"]] or ""), row[label] or ""
        if path in words:
            repeats.append(Repeat(path, f"{file}, line {reader.line_num}, after line {lines[path]}"))
        words.setdefault(path, []).extend(word for word in said.split(";") if word.strip())
        lines.setdefault(path, reader.line_num)
    return words, tuple(repeats)
