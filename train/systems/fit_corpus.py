"""One config on one corpus: decodes what is missing, fits, and writes down where the run comes from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from train.corpus.manifest import AudioCache, Clip, fingerprint
from train.models import build
from train.provenance import commit, library_versions
from train.systems.config import Config
from train.systems.fit import fit_system
from train.systems.run_folder import FitResult

ORIGIN = "origin.json"


def run_folder(config: Config, out: Path) -> Path:
    """The folder of a run of this config and seed."""
    return out / f"{config.name}-seed{config.run.seed}"


def read_origin(folder: Path) -> dict[str, Any]:
    """Commit and corpus of a run."""
    return dict(json.loads((folder / ORIGIN).read_text(encoding="utf-8")))


def open_cache(config: Config, clips: Sequence[Clip], cache_folder: Path) -> AudioCache:
    """The recordings at the rate of the config's system; decodes them where that was not done before."""
    sample_rate = build(config.system.architecture, config.system.arguments).sample_rate
    return AudioCache(clips, sample_rate, cache_folder)


def fit_on(config: Config, clips: Sequence[Clip], out: Path, cache_folder: Path) -> FitResult:
    """Fits a config, or goes on with a fit that was interrupted.

    Args:
        config: Every number of the run.
        clips: What to learn from.
        out: Folder of the runs.
        cache_folder: Folder of decoded recordings.
    """
    cache = open_cache(config, clips, cache_folder)
    folder = run_folder(config, out)
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / ORIGIN).exists():
        origin = {
            "commit": commit(),
            "corpus": fingerprint(clips)[:16],
            "clips": len(clips),
            "libraries": library_versions(),
        }
        (folder / ORIGIN).write_text(json.dumps(origin), encoding="utf-8")
    return fit_system(config, cache, folder)
