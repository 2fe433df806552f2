"""Where a figure comes from: the commit, the versions of the libraries, the code that mixes."""

from __future__ import annotations

import hashlib
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

# The libraries that can change a weight or a sample.
_LIBRARIES = ("audiomentations", "numpy", "onnx", "scikit-learn", "scipy", "soundfile", "soxr", "torch")


def commit() -> str:
    """Short hash of the checked-out commit, with `+` where files differ from it; "unknown" outside a checkout."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(Path(__file__).parent), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "--", ".") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def library_versions() -> dict[str, str]:
    """The versions of the libraries that can change a weight; "absent" for one that is not installed."""
    return {name: _version(name) for name in _LIBRARIES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def mixing_version() -> str:
    """A digest of the code that makes mixtures: sound that older code mixed is never taken for today's."""
    return _code_version("sound/*.py")


def fitting_version() -> str:
    """A digest of the code of the recipes' fits and of the networks: what older code fitted is not read back."""
    return _code_version("recipe/fit.py", "recipe/ear_fit.py", "models/*.py")


def _code_version(*patterns: str) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for pattern in patterns for path in Path(__file__).parent.glob(pattern)):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
