"""More sound with none of the eleven: bands rendered from General MIDI, noises, and folders of sound effects.

The corpus has few recordings of drums, brass, string sections, synthesisers and noise playing together, and what the
model takes for `other` is decided by those. Nothing that this writes is part of the repository.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import mido
import numpy as np
import soundfile
from numpy.random import Generator
from tqdm import tqdm

from instag.labels import OTHER
from instag.results import Samples
from train.corpus.manifest import TRAIN, write_manifest

RATE = 24_000
CLIP_SECONDS = 12.0
TICKS = 480
# General MIDI programs that are none of the eleven. Left out on purpose: electric pianos, harpsichord and clavinet (too
# near to piano), fiddle, muted trumpet, piccolo, choirs, solo strings, guitar harmonics.
BASS = (32, 33, 34, 35, 36, 37, 38, 39)
PADS = (48, 49, 50, 51, 61, 62, 63, 88, 89, 90, 92, 93, 94, 95, 21, 23)
LEADS = (57, 58, 60, 68, 69, 70, 74, 75, 77, 79, 80, 81, 82, 83, 84, 86, 87, 22, 46, 47, 104, 105, 106, 107, 109, 111)
MALLETS = (8, 9, 10, 11, 12, 13, 14, 15, 108, 112, 114)
EFFECTS = (96, 97, 98, 99, 100, 101, 102, 103, 118, 119, 122, 126, 127)
SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 3, 5, 7, 9, 10), (0, 3, 5, 7, 10))


def band(rng: Generator) -> tuple[mido.MidiFile, str]:
    """A few bars in one key for some of these: drums, bass, pads, leads, mallets. Returns the song and what plays."""
    tempo = rng.uniform(60, 180)
    beats = int(CLIP_SECONDS * tempo / 60) + 1
    key, scale = int(rng.integers(0, 12)), SCALES[int(rng.integers(len(SCALES)))]
    chords = [int(rng.integers(0, len(scale))) for _ in range(beats // 4 + 1)]
    layers = [name for name, share in PLAYERS.items() if rng.random() < share] or ["pad"]
    song = mido.MidiFile(ticks_per_beat=TICKS)
    song.tracks.append(mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tempo))]))
    for channel, layer in enumerate(layers):
        channel = 9 if layer == "drums" else channel
        notes = _drums(rng, beats) if layer == "drums" else _line(rng, layer, beats, key, scale, chords)
        song.tracks.append(_track(rng, layer, channel, notes))
    return song, "+".join(layers)


PLAYERS = {"drums": 0.55, "bass": 0.5, "pad": 0.5, "lead": 0.45, "mallet": 0.2, "effect": 0.12}
_PROGRAMS = {"bass": BASS, "pad": PADS, "lead": LEADS, "mallet": MALLETS, "effect": EFFECTS}


def _line(
    rng: Generator, layer: str, beats: int, key: int, scale: tuple[int, ...], chords: list[int]
) -> list[tuple[float, float, int]]:
    """(start beat, length in beats, note) of one pitched layer."""
    octave = {"bass": 2, "pad": 4, "lead": 5, "mallet": 5, "effect": 4}[layer] + int(rng.integers(-1, 1))

    def pitch(degree: int) -> int:
        return 12 * (octave + 1 + degree // len(scale)) + key + scale[degree % len(scale)]

    notes = []
    if layer in ("pad", "effect"):
        for bar, degree in enumerate(chords):
            notes += [(bar * 4.0, rng.uniform(3.0, 4.2), pitch(degree + step)) for step in (0, 2, 4)]
        return notes
    at, degree = 0.0, 0
    step = float(rng.choice([0.25, 0.5, 0.5, 1.0]))
    while at < beats:
        home = chords[min(int(at // 4), len(chords) - 1)]
        degree = home + int(rng.choice([0, 0, 2, 4])) if layer == "bass" else degree + int(rng.integers(-2, 3))
        degree = int(np.clip(degree, -4, 2 * len(scale)))
        length = step * float(rng.choice([1, 1, 1, 2, 3]))
        if rng.random() < 0.85:
            notes.append((at, length * rng.uniform(0.5, 1.0), pitch(degree)))
        at += length
    return notes


def _drums(rng: Generator, beats: int) -> list[tuple[float, float, int]]:
    """A pattern of one bar, repeated with changes."""
    kit = {36: 0.35, 38: 0.2, 42: 0.6, 46: 0.1, 49: 0.03, 45: 0.06, 50: 0.05, 51: 0.15, 39: 0.05, 54: 0.08, 62: 0.06}
    pattern = {note: rng.random(16) < share * rng.uniform(0, 1.6) for note, share in kit.items()}
    pattern[36][0] |= rng.random() < 0.8
    pattern[38][[4, 12]] |= rng.random() < 0.7
    return [
        (at / 4, 0.2, note)
        for at in range(beats * 4)
        for note, hits in pattern.items()
        if hits[at % 16] ^ (rng.random() < 0.03)
    ]


def _track(rng: Generator, layer: str, channel: int, notes: list[tuple[float, float, int]]) -> mido.MidiTrack:
    """Notes as a track with a program and a volume, a little off in time and loudness, as people play."""
    program = int(rng.choice([0, 8, 16, 24, 25, 32, 40])) if layer == "drums" else int(rng.choice(_PROGRAMS[layer]))
    track = mido.MidiTrack([mido.Message("program_change", channel=channel, program=program)])
    track.append(mido.Message("control_change", channel=channel, control=7, value=int(rng.integers(60, 127))))
    events = []
    for start, length, note in notes:
        begin = max(0, round((start + rng.normal(0, 0.01)) * TICKS))
        velocity = int(np.clip(rng.normal(90, 15), 20, 127))
        note = int(np.clip(note, 12, 108))
        events.append((begin, 1, mido.Message("note_on", channel=channel, note=note, velocity=velocity)))
        events.append((begin + max(10, round(length * TICKS)), 0, mido.Message("note_off", channel=channel, note=note)))
    now = 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        track.append(message.copy(time=tick - now))
        now = tick
    return track


def render(song: mido.MidiFile, soundfont: Path) -> Samples:
    """Plays a song through fluidsynth: (samples,) float32 mono at 24 kHz."""
    with tempfile.TemporaryDirectory() as folder:
        midi, wav = Path(folder) / "song.mid", Path(folder) / "song.wav"
        song.save(midi)
        command = ["fluidsynth", "-ni", "-q", "-r", str(RATE), "-g", "0.4", "-F", str(wav), str(soundfont), str(midi)]
        subprocess.run(command, check=True, capture_output=True)
        samples, _ = soundfile.read(wav, dtype="float32", always_2d=True)
    mono = samples.mean(axis=1)[: int(CLIP_SECONDS * RATE)]
    return mono / np.float32(max(float(np.abs(mono).max()), 1e-4)) * np.float32(0.7)


def noise(rng: Generator, kind: str) -> Samples:
    """(samples,) float32 of one of `NOISES`."""
    count = int(6.0 * RATE)
    time = np.arange(count) / RATE
    white = rng.standard_normal(count)
    if kind == "hiss":
        spectrum = np.fft.rfft(white) * np.maximum(np.arange(count // 2 + 1), 20.0) ** -rng.uniform(0.0, 1.0)
        signal = np.fft.irfft(spectrum, count)
    elif kind == "hum":
        base = rng.choice([50.0, 60.0, 100.0])
        signal = sum(np.sin(2 * np.pi * base * k * time) * rng.uniform() / k for k in range(1, 12)) + 0.02 * white
    elif kind == "applause":
        signal = np.zeros(count)
        for at in rng.integers(0, count - 2000, int(rng.integers(150, 3000))):
            clap = rng.standard_normal(600) * np.exp(-np.arange(600) / rng.uniform(40, 160))
            signal[at : at + 600] += clap * rng.uniform(0.2, 1.0)
    elif kind == "crackle":
        signal = np.zeros(count)
        signal[rng.integers(0, count, int(rng.integers(20, 400)))] = rng.standard_normal() * 3
        signal = np.convolve(signal, np.exp(-np.arange(20) / 3), "same") + rng.uniform(0.01, 0.2) * white
    elif kind == "tones":
        signal = np.zeros(count)
        for _ in range(int(rng.integers(1, 4))):
            sweep = rng.uniform(100, 3000) * 2 ** (rng.uniform(-1, 1) * time / 6)
            phase = 2 * np.pi * np.cumsum(sweep) / RATE
            signal += np.sign(np.sin(phase)) * rng.uniform() if rng.random() < 0.4 else np.sin(phase)
    else:
        rate = rng.uniform(0.5, 12)
        signal = white * np.clip(np.sin(2 * np.pi * rate * time + rng.uniform(0, 6)), 0, 1) ** rng.uniform(0.5, 8)
    return (0.5 * signal / np.abs(signal).max()).astype(np.float32)


NOISES = ("hiss", "hum", "applause", "crackle", "tones", "pulsed")


def _write(folder: Path, name: str, samples: Samples, detail: str, source: str, group: str, licence: str) -> list[str]:
    (folder / "audio").mkdir(parents=True, exist_ok=True)
    soundfile.write(folder / "audio" / name, samples, RATE, subtype="PCM_16")
    seconds = f"{len(samples) / RATE:.2f}"
    return [f"audio/{name}", OTHER, detail, source, "clip", group, TRAIN, seconds, licence, ""]


def make_negatives(folder: Path, soundfonts: list[Path], sounds: list[tuple[str, Path]], bands: int, seed: int) -> Path:
    """Renders everything below `folder` and returns its manifest."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in tqdm(range(bands), desc="rendering", disable=None):
        song, detail = band(rng)
        soundfont = soundfonts[number % len(soundfonts)]
        source = f"rendered_{soundfont.stem.lower()}"
        rows.append(_write(folder, f"band{number:04}.flac", render(song, soundfont), detail, source, source, "CC0-1.0"))
    for number in range(bands // 3):
        kind = NOISES[number % len(NOISES)]
        name = f"noise{number:04}.flac"
        rows.append(_write(folder, name, noise(rng, kind), kind, "synthetic_noise", f"noise:{kind}", "CC0-1.0"))
    for source, place in sounds:
        files = sorted(path for path in place.rglob("*") if path.suffix.lower() in (".ogg", ".wav", ".flac"))
        for path in files:
            seconds = soundfile.info(path).duration
            if seconds >= 0.3:
                group = f"{source}:{path.stem.rstrip('0123456789-_')}"
                # A copy beside the manifest, so that both can be moved together.
                copy = Path("sounds") / source / path.relative_to(place)
                (folder / copy).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, folder / copy)
                row = [copy.as_posix(), OTHER, path.stem, source, "clip", group, TRAIN, f"{seconds:.2f}", "", ""]
                rows.append(row)
    manifest = folder / "manifest.csv"
    write_manifest(manifest, rows)
    return manifest
