"""Which files a job is about: the first stage."""

from __future__ import annotations

import fnmatch
import os
import re
import stat
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from instag.constants import AUDIO_EXTENSIONS, SIDECAR_SUFFIX
from instag.errors import FileError
from instag.paths import unreachable


@dataclass(frozen=True)
class Unreached:
    """A path that was named, or a folder that was met, and that cannot be entered.

    Attributes:
        path: As it was named or met.
        error: Why.
    """

    path: Path
    error: FileError


@dataclass(frozen=True)
class _Entry:
    """One name in a folder."""

    name: str
    is_folder: bool
    is_link: bool


def discover(
    paths: Sequence[Path],
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    left_out: Callable[[Path], None] = lambda path: None,
) -> Iterator[Path | Unreached]:
    """Yields the recordings among the paths, each once, as they are found.

    Folders are walked to any depth, names in the order of their bytes, files and folders together, so that the same
    tree gives the same order everywhere. Symbolic links are followed; a folder is entered once, however many links and
    arguments lead to it, and a file that is met again by another link or argument is left out. (Hard links are names
    of equal right: each is yielded.)

    In folders, these are left out: names that start with a dot (instag's temporary files do), sidecars, and files whose
    extension is not one of `AUDIO_EXTENSIONS`, in upper or lower case. Files that are named themselves are always
    yielded, whatever they are called.

    Globs know `*` (anything, `/` too), `?` and `[seq]`, ignore case, and are compared with the name and with the
    `/`-separated path below the folder that was named. A folder that an `exclude` glob matches is not entered.

    Args:
        paths: Files and folders.
        include: Where given, only files in folders that one of these globs matches.
        exclude: Files and folders in folders that one of these globs matches are left out; stronger than `include`.
        left_out: Called with each file in a folder that is left out for its extension alone, as it is found.
    """
    is_included = _matcher(include) if include else lambda name, relative: True
    is_excluded = _matcher(exclude)
    seen = _Seen()
    for path in map(_without_detours, paths):
        try:
            status = path.stat()
        except (OSError, ValueError) as error:
            yield Unreached(path, unreachable(path, error))
            continue
        if stat.S_ISDIR(status.st_mode):
            yield from _walk(path, seen, is_included, is_excluded, left_out)
        elif seen.is_new_file(path):
            yield path


def _without_detours(path: Path) -> Path:
    """A path without `..`, so that one file has one name, where that leads to the same place (links may prevent it)."""
    if ".." not in path.parts:
        return path
    plain = os.path.normpath(path)
    return Path(plain) if os.path.realpath(plain) == os.path.realpath(path) else path


class _Seen:
    """Remembers what was met, by the folder's identity and the name in it, so that no file needs a stat of its own."""

    def __init__(self) -> None:
        self._names: dict[tuple[int, int], set[str]] = {}
        self._entered: set[tuple[int, int]] = set()

    def enter(self, folder: Path) -> tuple[int, int] | None:
        """The folder's identity at the first visit, None at any other."""
        status = folder.stat()
        identity = (status.st_dev, status.st_ino)
        if identity in self._entered:
            return None
        self._entered.add(identity)
        return identity

    def is_new_name(self, folder: tuple[int, int], name: str) -> bool:
        """Whether this name of this folder is met for the first time."""
        names = self._names.setdefault(folder, set())
        if name in names:
            return False
        names.add(name)
        return True

    def is_new_file(self, path: Path) -> bool:
        """The same for a path that may lead over links. A link to nowhere is new: opening it will tell."""
        target = Path(os.path.realpath(path))
        try:
            status = target.parent.stat()
        except OSError:
            return True
        return self.is_new_name((status.st_dev, status.st_ino), target.name)


Matcher = Callable[[str, str], bool]


def _walk(
    root: Path, seen: _Seen, is_included: Matcher, is_excluded: Matcher, left_out: Callable[[Path], None]
) -> Iterator[Path | Unreached]:
    # A stack instead of recursion: trees may be deeper than Python's stack.
    stack: list[tuple[Path, str, tuple[int, int], Iterator[_Entry]]] = []

    def enter(folder: Path, relative: str) -> Unreached | None:
        try:
            identity = seen.enter(folder)
            if identity is not None:
                stack.append((folder, relative, identity, iter(_entries(folder))))
        except OSError as error:
            return Unreached(folder, unreachable(folder, error))
        return None

    if (refused := enter(root, "")) is not None:
        yield refused
    while stack:
        folder, prefix, identity, entries = stack[-1]
        entry = next(entries, None)
        if entry is None:
            stack.pop()
            continue
        path, relative = folder / entry.name, prefix + entry.name
        if is_excluded(entry.name, relative):
            continue
        if entry.is_folder:
            if (refused := enter(path, relative + "/")) is not None:
                yield refused
        elif is_included(entry.name, relative):
            if not _is_recording(entry.name):
                left_out(path)
                continue
            is_new = seen.is_new_file(path) if entry.is_link else seen.is_new_name(identity, entry.name)
            if is_new:
                yield path


def _entries(folder: Path) -> list[_Entry]:
    """The folders and files in a folder, in the order of the names' bytes, without hidden ones and sidecars."""
    with os.scandir(folder) as listing:
        entries = []
        for item in listing:
            if item.name.startswith(".") or item.name.endswith(SIDECAR_SUFFIX):
                continue
            try:
                is_folder = item.is_dir()
            except OSError:
                # Links in a circle, say: if it is called like a recording, opening it will tell.
                is_folder = False
            entries.append(_Entry(item.name, is_folder, item.is_symlink()))
    entries.sort(key=lambda entry: os.fsencode(entry.name))
    return entries


def _is_recording(name: str) -> bool:
    _, dot, extension = name.rpartition(".")
    return bool(dot) and extension.lower() in AUDIO_EXTENSIONS


def _matcher(globs: Sequence[str]) -> Matcher:
    if not globs:
        return lambda name, relative: False
    pattern = re.compile("|".join(fnmatch.translate(_composed(glob)) for glob in globs), re.IGNORECASE)
    return lambda name, relative: bool(pattern.match(_composed(name)) or pattern.match(_composed(relative)))


def _composed(text: str) -> str:
    # macOS spells é as e and an accent: a glob typed elsewhere shall match all the same.
    return unicodedata.normalize("NFC", text)
