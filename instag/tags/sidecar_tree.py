"""Where sidecars lie: beside each file, or in a mirrored tree for masters that are read-only or in a bag."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instag import paths
from instag.constants import SIDECAR_SUFFIX
from instag.errors import ErrorCode, TagError


@dataclass(frozen=True)
class SidecarTree:
    """A folder of sidecars with the same tree of folders as the recordings.

    Attributes:
        folder: Where the tree starts; made if it is not there.
        root: The folder of recordings that it mirrors. `<root>/a/b.wav` gets `<folder>/a/b.wav.instag.json`.
    """

    folder: Path
    root: Path

    def path_for(self, path: Path) -> Path:
        """Where the sidecar of a file lies.

        Raises:
            TagError: The file is not below the root.
        """
        top = Path(os.path.realpath(self.root))
        real = Path(os.path.realpath(path.parent), path.name)
        if not real.is_relative_to(top):
            raise TagError(
                ErrorCode.SIDECAR_WRITE_FAILED,
                f"{paths.for_terminal(path)}: is not in {paths.for_terminal(self.root)}, so it has no place in the "
                "folder of sidecars.",
                "Use --root to name a folder that holds all recordings.",
            )
        return self.folder / real.relative_to(top).with_name(real.name + SIDECAR_SUFFIX)

    def other_owner(self, path: Path, document: Mapping[str, Any]) -> Path | None:
        """The other recording that a sidecar in the place of `path` is about; None where it is about this one.

        Two trees that were mirrored into one folder may claim one place. A recording that is no longer where the
        sidecar says has moved, and its sidecar belongs to the file that has its place now.
        """
        recorded = document.get("path")
        if not isinstance(recorded, str):
            return None
        name = Path(paths.from_table(recorded))
        found = [place for place in (name, self.root / name) if place.exists()]
        if not found or any(place.samefile(path) for place in found if path.exists()):
            return None
        return found[0]


def sidecar_path(path: Path, tree: SidecarTree | None = None) -> Path:
    """Where the sidecar of a file lies: `NAME.EXT.instag.json` beside it, or in the mirrored tree.

    Raises:
        TagError: The file has no place in the tree.
    """
    return tree.path_for(path) if tree else path.with_name(path.name + SIDECAR_SUFFIX)


def common_root(inputs: Sequence[Path]) -> Path:
    """The folder that holds all inputs: what a mirrored tree mirrors unless the user names another one.

    Args:
        inputs: Files and folders as they were given, at least one.
    """
    folders = [path if path.is_dir() else path.parent for path in inputs]
    return Path(os.path.commonpath([os.path.realpath(folder) for folder in folders]))
