"""The recordings in examples/ through the model that ships: README's first command, in short."""

import re
from pathlib import Path

import numpy as np
import pytest

import instag
from instag.audio import open_audio
from instag.labels import LABELS
from instag.model.session import shipped_models

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path for path in (ROOT / "examples").glob("*.*") if path.suffix in {".flac", ".mp3", ".ogg", ".wav"})
SOLOS = [path for path in EXAMPLES if path.stem in LABELS]
pytestmark = pytest.mark.skipif(not EXAMPLES, reason="needs the project's checkout")
needs_model = pytest.mark.skipif("instag" not in shipped_models(), reason="no model is shipped in this tree")


@pytest.fixture(scope="module")
def shipped():
    return instag.load_model("instag", device="cpu")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_they_are_whole_and_neither_silent_nor_clipped(path):
    with open_audio(path, 16_000) as stream:
        samples = np.concatenate(list(stream.blocks()))
    assert stream.warning == "" and 6 <= stream.decoded_seconds <= 13
    assert 0.3 < np.abs(samples).max() < 1


def test_all_solos_asked_for_are_there():
    wanted = set(LABELS) - {"voice", "other"}
    assert {path.stem for path in SOLOS} == wanted


@needs_model
@pytest.mark.parametrize("path", SOLOS, ids=lambda path: path.name)
def test_the_shipped_model_names_the_solos(path, shipped):
    assert shipped.analyse(path).verdict.dominant == path.stem


@needs_model
def test_the_shipped_model_hears_who_leads(shipped):
    duet = shipped.analyse(ROOT / "examples/duet_violin_piano.ogg")
    assert duet.verdict.dominant == "violin"
    relay = shipped.analyse(ROOT / "examples/relay.mp3")
    players = [LABELS[index] for index in relay.windows.scores.argmax(axis=1)]
    assert players[:4] == ["flute", "cello", "trumpet", "piano"]


@needs_model
def test_readmes_python_runs(capsys, monkeypatch):
    readme = ROOT / "README.md"
    if not readme.exists():
        pytest.skip("needs the project's checkout")
    (code,) = re.findall(r"```python\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(ROOT)
    exec(code, {})
    assert capsys.readouterr().out.split()[0] in LABELS
