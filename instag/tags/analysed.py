"""The file as the analysis saw it, so that tags are written into that file and no other."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from instag.errors import ErrorCode, TagError


@dataclass(frozen=True)
class AnalysedFile:
    """The file as it was when it was analysed.

    Attributes:
        inode: Its inode.
        size_bytes: Its size.
        mtime_ns: Its modification time.
        audio_digest: Its digest, as `instag.containers.digest.audio_digest` gives it.
    """

    inode: int
    size_bytes: int
    mtime_ns: int
    audio_digest: str

    def stored_digest(self) -> str:
        """The digest over the audio as it is stored; "" where the digest is the MD5 of a FLAC file's samples."""
        return self.audio_digest if self.audio_digest.startswith("sha256-") else ""

    def check(self, path: Path, now: os.stat_result) -> None:
        """Checks that the file is still the one that was analysed.

        Raises:
            TagError: It was changed since.
        """
        if (now.st_ino, now.st_size, now.st_mtime_ns) != (self.inode, self.size_bytes, self.mtime_ns):
            raise TagError(
                ErrorCode.CHANGED_DURING_RUN,
                f"{path}: was changed by another program after it was analysed; its tags were not written.",
                "Run the same command again when nothing else writes to it.",
            )
