"""What makes a change of names on a disk last."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def synchronise_folder(folder: Path) -> None:
    """Waits until a new name in a folder is on the disk, where the system can (Windows and some networks cannot).

    A failure is no fault of the file: after a power cut it is the old one or the new one, both whole.
    """
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
