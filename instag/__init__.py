"""instag names the instrument that dominates each recording of an archive: offline, in batch, without PyTorch.

    >>> import instag
    >>> model = instag.load_model("instag")
    >>> result = model.analyse("song.mp3")
    >>> result.verdict.dominant, result.verdict.confidence
    ('piano', 0.97)

The names in `__all__` are stable. They are imported when they are first used, so that `import instag` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from instag.analyse import Analyser, load_model
    from instag.errors import FileError, InstagError
    from instag.labels import LABELS
    from instag.results import FileResult, Verdict, WindowScores

__version__ = "0.1.0"
__all__ = [
    "LABELS",
    "Analyser",
    "FileError",
    "FileResult",
    "InstagError",
    "Verdict",
    "WindowScores",
    "__version__",
    "load_model",
]

_HOMES = {
    "LABELS": "instag.labels",
    "Analyser": "instag.analyse",
    "FileError": "instag.errors",
    "FileResult": "instag.results",
    "InstagError": "instag.errors",
    "Verdict": "instag.results",
    "WindowScores": "instag.results",
    "load_model": "instag.analyse",
}


def __getattr__(name: str) -> Any:
    """Imports a public name from its home when it is first asked for (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'instag' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
