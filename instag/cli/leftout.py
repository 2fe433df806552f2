"""What a walk through folders leaves out, so that nobody takes it for heard."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from instag.paths import for_terminal

if TYPE_CHECKING:
    from instag.run.observer import Observer


class LeftOut:
    """Counts the files that are left out for their extensions, and names each of them where asked to."""

    def __init__(self, observer: Observer, *, each: bool) -> None:
        """Tells an observer; `each` names every file."""
        self._observer = observer
        self._each = each
        self._extensions: Counter[str] = Counter()

    def __call__(self, path: Path) -> None:
        """Takes note of one file."""
        self._extensions[path.suffix.lower() or "no extension"] += 1
        if self._each:
            self._observer.note(f"{for_terminal(path)}: left out, it has no extension of audio")

    def sum_up(self) -> None:
        """Tells how many there were, the most frequent extension first."""
        if self._extensions:
            kinds = ", ".join(f"{number} {for_terminal(name)}" for name, number in self._extensions.most_common())
            self._observer.note(f"Left out because of their extensions: {kinds}. Name a file to have it tried.")
