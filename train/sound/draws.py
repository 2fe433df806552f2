"""Which clips a mixture is made of: drawn by kind and source first, so that no large collection drowns the rest."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.random import Generator

from instag.labels import OTHER
from train.corpus.manifest import Clip
from train.sound.mix_settings import BACKING, MixSettings

# What drums and basses are called in the manifests.
RHYTHM = re.compile(
    r"drum|hi_hat|perc|(double_|^)bass$|^(bd|sn|tabla|loop|ride|crash|cymbal|kick|snare|tom|hat|bongo|conga|tambourine)"
)


def is_rhythm(clip: Clip) -> bool:
    """Whether a clip is of drums or a bass."""
    return clip.label == OTHER and clip.kind != BACKING and bool(RHYTHM.search(clip.detail))


class ClipDraws:
    """The clips of one label, drawn by kind and source before they are drawn one by one."""

    CHORDAL = ("acoustic_guitar", "electric_guitar", "organ", "piano", "voice")

    def __init__(self, clips: Sequence[Clip], chosen: Sequence[int], label: str, settings: MixSettings) -> None:
        self.plays_chords = label in self.CHORDAL
        members = [i for i in chosen if clips[i].label == label and clips[i].kind != BACKING]
        bins: dict[tuple[str, str], dict[str, list[int]]] = {}
        for i in members:
            groups = bins.setdefault((clips[i].kind, clips[i].source), {})
            groups.setdefault(clips[i].group, []).append(i)
        self._groups = [list(groups.values()) for groups in bins.values()]
        # A bin counts by the root of its size: many files of one session are worth less than many sessions.
        weights = np.array(
            [
                settings.kind_weights.get(kind, 1.0)
                * settings.source_weights.get(source, 1.0)
                * sum(map(len, groups.values())) ** 0.5
                for (kind, source), groups in bins.items()
            ]
        )
        self._weights = weights / weights.sum() if len(weights) else weights
        self._siblings = {i: group for groups in self._groups for group in groups for i in group}

    def __bool__(self) -> bool:
        return bool(self._groups) and bool(self._weights.any())

    def draw(self, rng: Generator) -> int:
        """A clip's index."""
        groups = self._groups[int(rng.choice(len(self._groups), p=self._weights))]
        sizes = np.sqrt([len(group) for group in groups])
        group = groups[int(rng.choice(len(groups), p=sizes / sizes.sum()))]
        return int(rng.choice(group))

    def siblings(self, index: int) -> list[int]:
        """The clips of the same source, kind and group."""
        return self._siblings[index]
