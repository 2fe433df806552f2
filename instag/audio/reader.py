"""What the two decoders have in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from instag.results import AudioInfo, Samples


class DecodingStoppedError(Exception):
    """A decoder cannot go on; what came before it is good. `str()` of it is the reason in plain words, or ""."""


class Reader(Protocol):
    """A decoder at work on one file.

    Attributes:
        info: What the container says.
        other_streams: How many more recordings lie beside this one in the container.
        stream_share: How much of the container's sound this recording is, 0..1, where there are several.
        damage: A sentence on what the decoder passed over so far, or "".
    """

    info: AudioInfo
    other_streams: int
    stream_share: float

    @property
    def damage(self) -> str:
        """See above."""
        ...

    def blocks(self) -> Iterator[Samples]:
        """Yields (frames, channels) float32, full scale at 1; good until the next one is asked for.

        Raises:
            DecodingStoppedError: Damage that the decoder cannot pass.
        """
        ...

    def close(self) -> None:
        """Lets go of the decoder; the file stays open."""
        ...
