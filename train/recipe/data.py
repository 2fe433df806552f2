"""The recipe's training material: the training clips of all manifests, decoded once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from train.corpus.manifest import TRAIN, AudioCache, fingerprint, read_manifest
from train.models.yamnet_body import SAMPLE_RATE


@dataclass(frozen=True)
class Data:
    """Decoded training material.

    Attributes:
        cache: The training clips of all manifests.
        fingerprint: sha256 over the training clips' rows.
    """

    cache: AudioCache
    fingerprint: str

    def indices(self, without: Sequence[str] = (), only: Sequence[str] = ()) -> list[int]:
        """Clips whose source is not among `without`, and among `only` where that names any."""
        return [
            index
            for index, clip in enumerate(self.cache.clips)
            if clip.source not in without and (not only or clip.source in only)
        ]

    def source_table(self) -> list[dict[str, Any]]:
        """For each source of labelled sound: what of it was used, under which licence."""
        table: dict[str, dict[str, Any]] = {}
        for clip in self.cache.clips:
            entry = table.setdefault(
                clip.source, {"source": clip.source, "licences": set(), "kinds": set(), "labels": set(), "clips": 0}
            )
            entry["clips"] += 1
            entry["seconds"] = round(entry.get("seconds", 0.0) + clip.seconds, 1)
            entry["licences"].add(clip.licence)
            entry["kinds"].add(clip.kind)
            entry["labels"].add(clip.label)
        return [
            {key: sorted(value) if isinstance(value, set) else value for key, value in table[name].items()}
            for name in sorted(table)
        ]


def load_data(manifests: Sequence[Path], folder: Path) -> Data:
    """Reads manifests (training clips only) and decodes them to `folder`.

    Raises:
        CorpusError: A manifest or a clip cannot be used.
    """
    clips = [clip for manifest in manifests for clip in read_manifest(manifest) if clip.split == TRAIN]
    return Data(AudioCache(clips, SAMPLE_RATE, folder), fingerprint(clips))
