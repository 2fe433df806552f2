"""Which packages are installed, as their metadata say it; nothing is imported."""

from __future__ import annotations

import re
from importlib import metadata

# Builds of onnxruntime that install into the same folder and overwrite each other.
_BUILDS = (
    "onnxruntime",
    "onnxruntime-directml",
    "onnxruntime-gpu",
    "onnxruntime-openvino",
    "onnxruntime-qnn",
    "onnxruntime-rocm",
    "onnxruntime-training",
)
_LIBRARIES = ("numpy", "soundfile", "soxr", "av", "mutagen", "psutil", "pebble")
GPU_BUILD = "onnxruntime-gpu"


def version_of(name: str) -> str | None:
    """Version of an installed package, or None."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def onnxruntime_builds() -> dict[str, str]:
    """The builds of onnxruntime that are installed, with their versions. There should be one."""
    found = ((name, version_of(name)) for name in _BUILDS)
    return {name: version for name, version in found if version}


def libraries() -> dict[str, str | None]:
    """Libraries that analysis needs, with their versions; None for what is missing."""
    return {name: version_of(name) for name in _LIBRARIES}


def extras(package: str = "instag") -> dict[str, dict[str, str | None]]:
    """What `pip install 'instag[EXTRA]'` adds: for each extra its packages, with None for what is missing.

    Args:
        package: The package that has the extras; nothing is known of one that is not installed.
    """
    try:
        about = metadata.metadata(package)
    except metadata.PackageNotFoundError:
        return {}
    found: dict[str, dict[str, str | None]] = {name: {} for name in about.get_all("Provides-Extra") or []}
    for line in metadata.requires(package) or []:
        name, _, marker = line.partition(";")
        wanted = re.search(r"""extra\s*==\s*["']([^"']+)["']""", marker)
        library = re.match(r"[A-Za-z0-9._-]+", name.strip())
        if wanted and library and wanted[1] in found:
            found[wanted[1]][library[0]] = version_of(library[0])
    return found
