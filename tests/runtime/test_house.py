"""The import contracts in pyproject.toml fail when somebody breaks them."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytest.importorskip("importlinter")
pytestmark = pytest.mark.skipif(not (ROOT / "instag").is_dir(), reason="needs the project's checkout")

# One forbidden import for each contract: the module that gets it, the line, and how the linter names it.
BREACHES = {
    "The packages: benchmarks > export > train > instag": (
        "train/corpus/splits.py",
        "import export.card",
        "train.corpus.splits -> export.card",
    ),
    "The rooms of instag": (
        "instag/audio/mono.py",
        "import instag.tags.fields",
        "instag.audio.mono -> instag.tags.fields",
    ),
    "Tables are read and written without opening a recording or a model": (
        "instag/table/rows.py",
        "import instag.model.card",
        "instag.table.rows -> instag.model.card",
    ),
    "Containers, digests and tags work without decoding or a model": (
        "instag/tags/vorbis.py",
        "import instag.audio.mono",
        "instag.tags.vorbis -> instag.audio.mono",
    ),
    "Only instag.audio imports soundfile, soxr and av": (
        "instag/discover.py",
        "def late():\n    import soundfile",
        "instag.discover -> soundfile",
    ),
    "Only instag.model imports onnxruntime": (
        "instag/windows.py",
        "import onnxruntime",
        "instag.windows -> onnxruntime",
    ),
    "Only instag.tags imports mutagen": (
        "instag/containers/flac.py",
        "import mutagen",
        "instag.containers.flac -> mutagen",
    ),
    "Only instag.exports imports pymarc": ("instag/verify.py", "import pymarc", "instag.verify -> pymarc"),
    "Only instag.table imports sqlite3 and filelock": (
        "instag/verify.py",
        "import sqlite3",
        "instag.verify -> sqlite3",
    ),
    "Only instag.run imports pebble, psutil, multiprocessing, dask and distributed": (
        "instag/paths.py",
        "import multiprocessing",
        "instag.paths -> multiprocessing",
    ),
    "Only instag.cli imports typer, rich and tqdm": ("instag/run/job.py", "import tqdm", "instag.run.job -> tqdm"),
    "Only instag.report imports matplotlib": (
        "instag/verify.py",
        "import matplotlib",
        "instag.verify -> matplotlib",
    ),
    "Only instag.review imports starlette and uvicorn": (
        "instag/verify.py",
        "import uvicorn",
        "instag.verify -> uvicorn",
    ),
    "instag is offline: it imports nothing that opens a connection": (
        "instag/constants.py",
        "import urllib.request",
        "instag.constants -> urllib",
    ),
    "instag ships without what training needs": ("instag/labels.py", "import torch", "instag.labels -> torch"),
}


def test_every_contract_fails_when_it_is_broken(tmp_path: Path) -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    assert [contract["name"] for contract in config["contracts"]] == list(BREACHES)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in config["root_packages"]:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=lambda folder, names: {*strays(folder, names)})
    for module, line, _ in BREACHES.values():
        with (tmp_path / module).open("a", encoding="utf-8") as source:
            source.write(f"\n{line}\n")
    linter = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()", "--no-cache"]
    result = subprocess.run(linter, cwd=tmp_path, capture_output=True, encoding="utf-8", check=False)
    assert result.returncode != 0
    for name, (_, _, breach) in BREACHES.items():
        assert f"{name} BROKEN" in result.stdout
        assert re.search(rf"{re.escape(breach)} \(l\.\d+\)", result.stdout), breach


def strays(folder: str, names: list[str]) -> list[str]:
    """The files in a folder that are not source text."""
    return [name for name in names if not name.endswith(".py") and not (Path(folder) / name).is_dir()]
