"""A model's fixture: the scores that it gave for made-up sounds on the machine that exported it.

The sounds are computed, so that a fixture holds scores alone. `instag doctor` computes both again: on a machine that
works, every window keeps its label.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from instag.errors import CannotStartError
from instag.model.session import Model
from instag.results import Samples, Scores

SCHEMA = 1
SOUNDS = 24
# A window whose two best labels are closer than this could change its label by rounding alone.
LEAST_LEAD = 0.02


@dataclass(frozen=True)
class Fixture:
    """Scores that a model must give again.

    Attributes:
        model_sha256: Digest of the ONNX file that gave them.
        labels: Order of the columns.
        sounds: Numbers of the sounds, see `sound`.
        dominant: For each sound, the scores of the output `dominant`.
        present: For each sound, the scores of the output `present`.
        schema: Version of the document's form.
    """

    model_sha256: str
    labels: tuple[str, ...]
    sounds: tuple[int, ...]
    dominant: tuple[tuple[float, ...], ...]
    present: tuple[tuple[float, ...], ...]
    schema: int = SCHEMA

    def to_json(self) -> str:
        """The document as it stands beside the model."""
        return json.dumps(asdict(self), sort_keys=True) + "\n"


def fixture_path(model: Path) -> Path:
    """Where the fixture of an ONNX file is."""
    return model.with_suffix(".fixture.json")


def sound(number: int, sample_rate: int, samples: int) -> Samples:
    """A made-up sound: notes with harmonics, which ring on or die away, with some hiss.

    Args:
        number: Which one, from 0 on.
        sample_rate: In Hz.
        samples: Its length.

    Returns:
        (samples,) float32 in -1..1, in steps of 16 bits, so that another machine's sine gives the same samples.
    """
    time = np.arange(samples) / sample_rate
    decay, step = (0.0, 1.5, 6.0)[number % 3], (1, 3, 4, 7)[number // 3 % 4]
    total = np.zeros(samples)
    for note in range(1 + number % 4):
        pitch = 55.0 * 2 ** ((7 * number % 48 + step * note) / 12)
        since = time - note * time[-1] / 6
        envelope = np.where(since >= 0, np.exp(-decay * np.maximum(since, 0)), 0)
        vibrato = 0.004 * (number % 2) * np.sin(2 * np.pi * 5.5 * time)
        for harmonic in range(1, 2 + (5 * number) % 13):
            if pitch * harmonic < sample_rate / 2:
                wave = np.sin(2 * np.pi * pitch * harmonic * (since + vibrato / 50))
                total += envelope * wave / harmonic ** (0.6 + number % 5 / 4)
    hiss = np.random.PCG64(number).random_raw(samples) / 2.0**64 - 0.5
    total = 0.4 * total / np.abs(total).max() + (0.001, 0.02, 0.2)[number // 8 % 3] * hiss
    rounded: Samples = (np.round(total * 32767) / 32768).astype(np.float32)
    return rounded


def sounds(numbers: tuple[int, ...], sample_rate: int, samples: int) -> Samples:
    """(numbers, samples) float32: several sounds."""
    return np.stack([sound(number, sample_rate, samples) for number in numbers])


def score_sounds(model: Model, numbers: tuple[int, ...]) -> tuple[Scores, Scores]:
    """What a model says of sounds, one window at a time: dominant and present, each (numbers, labels)."""
    audio = sounds(numbers, model.card.sample_rate, model.card.window_samples)
    pairs = [model.score(window[None]) for window in audio]
    return np.concatenate([dominant for dominant, _ in pairs]), np.concatenate([present for _, present in pairs])


def make_fixture(model: Model, file: Path) -> Fixture:
    """The fixture of a model, without sounds on which two labels lie too close together.

    Args:
        model: The model, on the CPU.
        file: Its ONNX file.
    """
    dominant, present = score_sounds(model, tuple(range(SOUNDS)))
    ranked = np.sort(dominant, axis=1)
    kept = np.flatnonzero(ranked[:, -1] - ranked[:, -2] >= LEAST_LEAD)
    return Fixture(
        model_sha256=digest_of(file),
        labels=model.card.labels,
        sounds=tuple(int(number) for number in kept),
        dominant=tuple(tuple(round(float(x), 7) for x in row) for row in dominant[kept]),
        present=tuple(tuple(round(float(x), 7) for x in row) for row in present[kept]),
    )


def read_fixture(model: Path) -> Fixture | None:
    """The fixture beside an ONNX file, or None where there is none.

    Raises:
        CannotStartError: It cannot be read, or it belongs to another file.
    """
    path = fixture_path(model)
    remedy = f"Write it again with `python -m export fixture {model.name}`, or install instag again."
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        rows = {name: tuple(tuple(map(float, row)) for row in document[name]) for name in ("dominant", "present")}
        fixture = Fixture(
            model_sha256=str(document["model_sha256"]),
            labels=tuple(map(str, document["labels"])),
            sounds=tuple(map(int, document["sounds"])),
            dominant=rows["dominant"],
            present=rows["present"],
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CannotStartError(f"{path}: the model's fixture cannot be read ({error!r}).", remedy) from None
    shape = (len(fixture.sounds), len(fixture.labels))
    same_shape = all(len(part) == shape[0] and all(len(row) == shape[1] for row in part) for part in rows.values())
    if document.get("schema") != SCHEMA or not fixture.sounds or not same_shape:
        raise CannotStartError(f"{path}: the model's fixture has a form that this instag does not read.", remedy)
    if fixture.model_sha256 != digest_of(model):
        raise CannotStartError(f"{path}: the fixture belongs to another version of the model.", remedy)
    return fixture


def digest_of(file: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
