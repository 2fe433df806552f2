"""What the recipe learns from: the manifests' training clips, decoded once, and unlabelled music."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import soundfile

from instag.constants import AUDIO_EXTENSIONS
from instag.labels import OTHER
from train.corpus.manifest import TRAIN, AudioCache, Clip, CorpusError, fingerprint, read_manifest
from train.models.yamnet_body import SAMPLE_RATE


@dataclass(frozen=True)
class Data:
    """Decoded training material.

    Attributes:
        cache: The training clips of all manifests.
        music: Unlabelled music, or None.
        fingerprint: sha256 over the training clips' rows.
    """

    cache: AudioCache
    music: AudioCache | None
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

    def music_table(self) -> list[dict[str, Any]]:
        """The folders of unlabelled music, with recordings and seconds."""
        clips = self.music.clips if self.music else ()
        return [
            {
                "source": name,
                "clips": sum(clip.source == name for clip in clips),
                "seconds": round(sum(clip.seconds for clip in clips if clip.source == name), 1),
            }
            for name in sorted({clip.source for clip in clips})
        ]


def load_data(manifests: Sequence[Path], music_folders: Mapping[str, Path], folder: Path) -> Data:
    """Reads manifests (training clips only) and music folders (by name), and decodes both to `folder`.

    Raises:
        CorpusError: A manifest, a clip or a folder cannot be used.
    """
    clips = [clip for manifest in manifests for clip in read_manifest(manifest) if clip.split == TRAIN]
    root = manifests[0].parent
    cache = AudioCache(clips, SAMPLE_RATE, folder, root)
    music = [clip for name, place in sorted(music_folders.items()) for clip in _music_clips(name, place)]
    music_cache = AudioCache(music, SAMPLE_RATE, folder, Path("/")) if music else None
    return Data(cache, music_cache, fingerprint(clips, root))


def _music_clips(name: str, place: Path) -> list[Clip]:
    """Every readable recording of 10 s or more below a folder, as an unlabelled clip."""
    found = []
    for path in sorted(place.rglob("*")):
        if path.suffix[1:].lower() not in AUDIO_EXTENSIONS or not path.is_file():
            continue
        try:
            seconds = soundfile.info(path).duration
        except soundfile.SoundFileError as error:
            raise CorpusError(f"{path}: the music cannot be read ({error}).") from error
        if seconds >= 10.0:
            found.append(Clip(path, OTHER, "unlabelled", name, "music", path.stem, TRAIN, seconds, ""))
    if not found:
        raise CorpusError(f"{place}: there is no music in this folder.")
    return found
