"""Where weights and figures come from: the commit, the libraries, and the code that a file in the cache was made by."""

from __future__ import annotations

import ast
import hashlib
import json
import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

# Distributions whose version can change what is decoded, mixed or learned.
LIBRARIES = ("torch", "numpy", "soundfile", "soxr", "scikit-learn")


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
    """Python's version and those of `LIBRARIES`."""
    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}


def code_key(modules: Sequence[ModuleType]) -> str:
    """sha256 over what modules do: their syntax trees, without comments and docstrings.

    In the name of a file in the cache it keeps what older code made from being taken for what this code makes.
    """
    trees = []
    for module in modules:
        assert module.__file__ is not None
        tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None:
                del node.body[0]
        trees.append(ast.dump(tree))
    return hashlib.sha256("\n".join(trees).encode()).hexdigest()


def key_of(parts: Sequence[Any]) -> str:
    """A short name for what these settings, keys and versions lead to."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
