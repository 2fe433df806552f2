"""BagIt bags (RFC 8493): folders whose files are listed with checksums, so that a new or changed file breaks them."""

from __future__ import annotations

from pathlib import Path


def bag_around(path: Path) -> Path | None:
    """The bag that a path lies in, if any.

    Args:
        path: An absolute path with symbolic links resolved.
    """
    return next((folder for folder in path.parents if _is_bag(folder)), None)


def bag_of_payload(path: Path) -> Path | None:
    """The bag whose payload (its folder `data`) a path lies in, if any.

    A file there that no manifest lists makes the bag invalid (RFC 8493, section 3).

    Args:
        path: An absolute path with symbolic links resolved.
    """
    for folder in path.parents:
        if path.relative_to(folder).parts[0] == "data" and _is_bag(folder):
            return folder
    return None


def _is_bag(folder: Path) -> bool:
    return (folder / "bagit.txt").is_file() and (folder / "data").is_dir()
