"""The recordings in examples/ through the model that ships: README's first command, in short."""

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

import instag
from instag.audio import open_audio
from instag.labels import LABELS, OTHER
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


def write(path, samples, subtype="PCM_24"):
    soundfile.write(path, samples, 16_000, subtype=subtype)
    return path


def decoded(name):
    with open_audio(ROOT / "examples" / name, 16_000) as stream:
        return np.concatenate(list(stream.blocks()))


def hiss(seconds, level_dbfs, seed=1):
    return np.random.default_rng(seed).normal(0, 10 ** (level_dbfs / 20), seconds * 16_000)


@needs_model
def test_the_list_of_a_solo_does_not_grow_with_its_length(tmp_path, shipped):
    """Case 05: the same organ for ten seconds and for five minutes, each round a little different."""
    random = np.random.default_rng(5)
    organ = decoded("organ.ogg")
    parts = []
    while sum(map(len, parts)) < 300 * 16_000:
        detuned = soxr.resample(organ, 16_000, int(16_000 * 2 ** (random.uniform(-2, 2) / 12)))
        parts.append(detuned * 10 ** (random.uniform(-6, 0) / 20) + random.normal(0, 1e-3, len(detuned)))
    short = shipped.analyse(write(tmp_path / "short.wav", organ)).verdict
    long = shipped.analyse(write(tmp_path / "long.wav", np.concatenate(parts)[: 300 * 16_000])).verdict
    assert short.instruments == long.instruments == ("organ",)


@needs_model
@pytest.mark.parametrize("sound", ["hum", "hiss", "quiet hiss", "DC"])
def test_hum_hiss_and_dc_are_no_instrument(sound, tmp_path, shipped):
    """Case 06."""
    time = np.arange(7 * 16_000) / 16_000
    samples = {
        "hum": 0.02 * np.sin(2 * np.pi * 50 * time),
        "hiss": hiss(7, -40),
        "quiet hiss": hiss(7, -60),
        "DC": np.full(len(time), 0.3),
    }[sound]
    verdict = shipped.analyse(write(tmp_path / "x.wav", samples)).verdict
    assert (verdict.dominant, verdict.instruments) == (OTHER, ())
    assert verdict.needs_review or sound != "DC"


@needs_model
def test_the_verdict_does_not_depend_on_the_level(tmp_path, shipped):
    """Case 19: clean 24-bit transfers of the same piano."""
    piano = decoded("piano.wav")[: 7 * 16_000]
    for decibels in (0, -30, -40, -50):
        verdict = shipped.analyse(write(tmp_path / "x.wav", piano * 10 ** (decibels / 20))).verdict
        assert (verdict.dominant, verdict.instruments, verdict.needs_review) == ("piano", ("piano",), False), decibels


@needs_model
def test_blank_tape_does_not_outvote_the_music(tmp_path, shipped):
    """Case 20: nine seconds of piano, then five minutes of hiss or of nothing."""
    piano = decoded("piano.wav")
    for name, rest in (("hiss", hiss(300, -45)), ("nothing", np.zeros(300 * 16_000))):
        verdict = shipped.analyse(write(tmp_path / "x.wav", np.concatenate([piano, rest]))).verdict
        assert (verdict.dominant, verdict.instruments) == ("piano", ("piano",)), name


@needs_model
def test_a_dc_offset_or_a_wild_sample_changes_nothing(tmp_path, shipped):
    piano = decoded("piano.wav")
    wild = piano.copy()
    wild[20_000] = 1e6
    for samples in (0.5 * piano + 0.4, wild):
        assert shipped.analyse(write(tmp_path / "x.wav", samples, "FLOAT")).verdict.dominant == "piano"


@needs_model
def test_seconds_of_the_relay_count_once(shipped):
    """Case 34: four instruments share the file equally; the last window must not give one of them more."""
    result = shipped.analyse(ROOT / "examples/relay.mp3")
    assert result.verdict.scores.max() < 0.3 and result.verdict.needs_review
    assert set(result.verdict.instruments) == {"flute", "cello", "trumpet", "piano"}
    # Windows across a change hear both players, so the shares may sum to a little over 1.
    shares = result.verdict.shares[[LABELS.index(name) for name in result.verdict.instruments]]
    assert (abs(shares - 0.25) < 0.08).all()


@needs_model
def test_readmes_python_runs(capsys, monkeypatch):
    readme = ROOT / "README.md"
    if not readme.exists():
        pytest.skip("needs the project's checkout")
    (code,) = re.findall(r"```python\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(ROOT)
    exec(code, {})
    assert capsys.readouterr().out.split()[0] in LABELS
