"""A sample for people to hear, stratified over confidence, labels and folders.

The files are cut into bands of falling confidence. Inside a band they are sorted by label and folder and cut into
blocks of nearly the same size, and one file is drawn from each block ("one unit per stratum", Cochran, Sampling
Techniques, section 5A.12): labels, and folders as far as the draws reach, appear as often as in the collection.
The draws are pseudo-random numbers that belong to the audio (permanent random numbers, Ohlsson 1995): the same table
gives the same sample, and one that has grown gives a similar one, so that less of what people decided is asked again.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from instag.table.acceptances import is_sure
from instag.table.rows import Row

# The bound can choose between the bands. With so many draws in each, blocks differ little in size, and the twelve
# labels have blocks of their own.
DRAWS_PER_BAND = 20


@dataclass(frozen=True)
class Candidate:
    """A file that can be drawn: what of its row matters.

    Attributes:
        path: As in the table.
        digest: Of its audio.
        label: The machine's.
        confidence: The machine's, 0..1.
        decided: Whether a person has heard it.
        said: The label that the person gave; "" where there is none.
    """

    path: str
    digest: str
    label: str
    confidence: float
    decided: bool
    said: str

    @property
    def is_wrong(self) -> bool:
        """Whether the person said something else than the machine; one who was not sure did not confirm it."""
        return self.decided and self.said != self.label


@dataclass(frozen=True)
class Band:
    """Files of neighbouring confidence.

    Attributes:
        least_confidence: The lowest confidence in it; every file with this much or more is in this band or one above.
        files: How many files it holds.
        largest_block: How many files the largest of its blocks holds; one file is drawn from each.
        drawn: The files that were drawn, one from each block.
    """

    least_confidence: float
    files: int
    largest_block: int
    drawn: tuple[Candidate, ...]


@dataclass(frozen=True)
class Sample:
    """What was drawn.

    Attributes:
        bands: From the highest confidence to the lowest.
    """

    bands: tuple[Band, ...]

    @property
    def drawn(self) -> tuple[Candidate, ...]:
        """All files that were drawn, from the highest confidence to the lowest."""
        return tuple(candidate for band in self.bands for candidate in band.drawn)


def candidates(rows: Iterable[Row], drawn_at: str = "") -> list[Candidate]:
    """The files that a sample is about: the model is sure of them, and nobody had heard them when it was drawn.

    What the model marks for review is for a person's ear in any case; a sample of it would only cost decisions.

    Args:
        rows: A table's rows.
        drawn_at: When the sample was drawn, ISO 8601 in UTC: later reviews are its decisions. With "", every review is.
    """
    return [
        Candidate(
            row.path,
            row.audio_digest,
            row.dominant,
            row.confidence,
            row.review is not None,
            row.review.label if row.review else "",
        )
        for row in rows
        if row.confidence is not None and is_sure(row) and (row.review is None or row.review.at >= drawn_at)
    ]


def draw_sample(rows: Iterable[Row], count: int, seed: int, drawn_at: str = "") -> Sample:
    """Draws a sample.

    Args:
        rows: A table's rows.
        count: How many files; all of them where there are fewer.
        seed: Chooses one of the possible samples.
        drawn_at: When the sample was drawn for the first time, as in `candidates`; a person's decisions since then do
            not change what is drawn.

    Returns:
        The sample; the order of the rows does not matter.
    """
    files = candidates(rows, drawn_at)
    keys = _random_keys(files, seed)
    # The place in a block and the draw come from different parts of a key, so that they are independent.
    return Sample(
        tuple(
            Band(
                min(files[index].confidence for block in blocks for index in block),
                sum(len(block) for block in blocks),
                max(len(block) for block in blocks),
                tuple(files[min(block, key=lambda index: keys[index][16:])] for block in blocks),
            )
            for blocks in cut_blocks(files, keys, count)
        )
    )


def cut_blocks(files: Sequence[Candidate], keys: Sequence[bytes], count: int) -> list[list[list[int]]]:
    """Cuts files into bands, and each band into blocks from which one file is to be drawn.

    Args:
        files: The files.
        keys: Pseudo-random bytes for each; they order files of one label and folder.
        count: How many files are drawn.

    Returns:
        For each band, from the highest confidence to the lowest, its blocks; files by their numbers.
    """
    order = sorted(range(len(files)), key=lambda index: -files[index].confidence)
    bands = []
    for begin, end, draws in cut_bands([files[index].confidence for index in order], count):
        band = sorted(
            order[begin:end],
            key=lambda index: (files[index].label, posixpath.dirname(files[index].path), keys[index][:16]),
        )
        edges = [block * len(band) // draws for block in range(draws + 1)]
        bands.append([band[first:last] for first, last in pairwise(edges)])
    return bands


def cut_bands(confidences: Sequence[float], count: int) -> list[tuple[int, int, int]]:
    """Cuts files into bands whose edges do not separate files of the same confidence.

    Args:
        confidences: From the highest to the lowest.
        count: How many files are drawn.

    Returns:
        For each band its first file, the first one behind it, and how many are drawn from it.
    """
    files = len(confidences)
    count = min(count, files)
    ends = [end for end in range(1, files + 1) if end == files or confidences[end] < confidences[end - 1]]
    bands: list[tuple[int, int, int]] = []
    begin = drawn = 0
    for end in ends:
        draws = round(count * end / files) - drawn
        rest = count - drawn - draws
        # What is left below must fill a band of its own, or it goes into this one.
        if end == files or (draws >= DRAWS_PER_BAND and rest >= DRAWS_PER_BAND):
            bands.append((begin, end, draws))
            begin, drawn = end, drawn + draws
    return [band for band in bands if band[2]]


def _random_keys(files: Sequence[Candidate], seed: int) -> list[bytes]:
    """32 pseudo-random bytes for each file: of its audio, and for copies of it also of their number."""
    copies: dict[str, int] = {}
    keys = [b""] * len(files)
    for index in sorted(range(len(files)), key=lambda index: files[index].path):
        digest = files[index].digest or files[index].path
        copies[digest] = copies.get(digest, 0) + 1
        text = f"{seed}\0{digest}\0{copies[digest]}"
        keys[index] = hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
    return keys
