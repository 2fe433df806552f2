"""Renders the examples from their scores: `python examples/render.py SOUNDFONT [FOLDER]`.

Needs the command `fluidsynth` and the packages mido and soundfile. The committed files were made with Debian's
fluid-soundfont-gm (/usr/share/sounds/sf2/FluidR3_GM.sf2).
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import mido
import numpy as np
import soundfile
import soxr
from scores import DRUMS, SCORES, Part, Score

TICKS_PER_BEAT = 480
RENDER_RATE = 44_100
RELEASE_SECONDS = 0.8
PEAK = 0.7
DRUM_CHANNEL = 9
VOLUME, PAN, EXPRESSION, REVERB, MODULATION = 7, 10, 11, 91, 1
_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def pitch(name: str) -> int:
    """The MIDI number of a note like `C#4`."""
    letter, accidental, octave = re.fullmatch(r"([A-G])([#b]?)(-?\d)", name).groups()
    return 12 * (int(octave) + 1) + _SEMITONES[letter] + {"#": 1, "b": -1, "": 0}[accidental]


def notes_of(text: str) -> Iterator[tuple[float, float, list[int]]]:
    """Yields start and length in beats, and the pitches that sound together (none in a rest)."""
    start, length = 0.0, 1.0
    for token in text.replace("|", " ").split():
        names, _, beats = token.partition("/")
        length = float(beats) if beats else length
        yield start, length, [] if names == "-" else [pitch(name) for name in names.split("+")]
        start += length


def track_of(part: Part, channel: int, seed: int) -> mido.MidiTrack:
    """A part as MIDI, played by hands that are never quite even."""
    hands = random.Random(seed)
    events: list[tuple[int, int, mido.Message]] = []

    def add(beat: float, order: int, kind: str, **values: int) -> None:
        events.append((max(0, round(beat * TICKS_PER_BEAT)), order, mido.Message(kind, channel=channel, **values)))

    if part.program != DRUMS:
        add(0, 0, "program_change", program=part.program)
    for control, value in ((VOLUME, 100), (PAN, part.pan), (EXPRESSION, 110), (REVERB, 50)):
        add(0, 0, "control_change", control=control, value=value)
    for start, length, pitches in notes_of(part.notes):
        begin = start + hands.gauss(0.02, 0.008)
        accent = 6 if start % 1 == 0 else 0
        for index, number in enumerate(pitches):
            velocity = round(min(127, max(1, part.velocity + accent + hands.gauss(0, 4))))
            add(begin + 0.01 * index, 2, "note_on", note=number, velocity=velocity)
            add(begin + length * part.legato, 1, "note_off", note=number)
        if part.swells and length >= 1:
            for step in range(12):
                share = step / 11
                add(
                    begin + share * length,
                    0,
                    "control_change",
                    control=EXPRESSION,
                    value=round(88 + 34 * np.sin(np.pi * share)),
                )
                add(begin + share * length, 0, "control_change", control=MODULATION, value=round(50 * share))
            add(begin + length, 0, "control_change", control=EXPRESSION, value=110)
            add(begin + length, 0, "control_change", control=MODULATION, value=0)

    track, now = mido.MidiTrack(), 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        track.append(message.copy(time=tick - now))
        now = tick
    return track


def midi_of(score: Score) -> mido.MidiFile:
    """A score as a MIDI file."""
    song = mido.MidiFile(ticks_per_beat=TICKS_PER_BEAT)
    song.tracks.append(mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(score.beats_per_minute))]))
    for index, part in enumerate(score.parts):
        song.tracks.append(track_of(part, DRUM_CHANNEL if part.program == DRUMS else index, seed=index))
    return song


def play(score: Score, soundfont: Path) -> np.ndarray:
    """(frames, 2) float32 at RENDER_RATE."""
    with tempfile.TemporaryDirectory() as folder:
        midi, wav = Path(folder) / "song.mid", Path(folder) / "song.wav"
        midi_of(score).save(midi)
        command = ["fluidsynth", "-niq", "-r", str(RENDER_RATE), "-g", "0.5", "-F", str(wav), str(soundfont), str(midi)]
        subprocess.run(command, check=True, capture_output=True)
        sound, _ = soundfile.read(wav, dtype="float32", always_2d=True)
    beats = max(start + length for part in score.parts for start, length, _ in notes_of(part.notes))
    sound = sound[: round((beats * 60 / score.beats_per_minute + RELEASE_SECONDS) * RENDER_RATE)]
    fade = np.linspace(1, 0, round(RELEASE_SECONDS * RENDER_RATE), dtype=np.float32) ** 2
    sound[-len(fade) :] *= fade[:, None]
    return sound * (PEAK / np.abs(sound).max())


def main() -> None:
    """Renders every score."""
    soundfont = Path(sys.argv[1])
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent
    for score in SCORES:
        sound = play(score, soundfont)
        if score.sample_rate != RENDER_RATE:
            sound = soxr.resample(sound.mean(axis=1), RENDER_RATE, score.sample_rate)
        path = folder / f"{score.name}.{score.file_format}"
        quality = {"mp3": 0.85, "ogg": 0.8}.get(score.file_format)
        soundfile.write(path, sound, score.sample_rate, compression_level=quality)
        print(f"{path.name}: {score.title}, {len(sound) / score.sample_rate:.1f} s, {path.stat().st_size // 1024} kB")


if __name__ == "__main__":
    main()
