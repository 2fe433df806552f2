"""The scores of the examples: tunes in the public domain, and a few of the project's own.

Notation: `C4/1.5` is a note of one and a half beats, `E2+G4/1` a chord, `-/2` a rest. A length holds until another one
is given. Bar lines (`|`) are for the eye.
"""

from __future__ import annotations

from dataclasses import dataclass

# General MIDI programs, counted from 0.
PIANO, ORGAN, GUITAR, OVERDRIVEN, BASS = 0, 19, 24, 29, 33
VIOLIN, CELLO, TRUMPET, SAXOPHONE, CLARINET, FLUTE = 40, 42, 56, 65, 71, 73
DRUMS = -1


@dataclass(frozen=True)
class Part:
    """One player.

    Attributes:
        program: General MIDI program, or DRUMS.
        notes: What is played, in the notation above.
        velocity: How loud, 1..127.
        legato: Share of its length that a note sounds.
        swells: Whether long notes grow and fade, and get vibrato, as bows and breath make them.
        pan: Where the player sits, 0 (left) to 127 (right).
    """

    program: int
    notes: str
    velocity: int = 84
    legato: float = 0.95
    swells: bool = False
    pan: int = 64


@dataclass(frozen=True)
class Score:
    """One example.

    Attributes:
        name: Of the file, without extension.
        title: What is played.
        beats_per_minute: The tempo.
        parts: Who plays.
        file_format: Extension of the file.
        sample_rate: Of the file, in Hz.
    """

    name: str
    title: str
    beats_per_minute: float
    parts: tuple[Part, ...]
    file_format: str = "mp3"
    sample_rate: int = 44_100


def _bach_bars(*chords: str) -> str:
    """The figure of the C major prelude: each chord of five notes, broken upwards, twice."""
    bars = []
    for chord in chords:
        a, b, c, d, e = chord.split()
        bars.append(f"{a}/.25 {b} {c} {d} {e} {c} {d} {e} " * 2)
    return "| ".join(bars)


def _romance_bar(bass: str, melody: str) -> str:
    """Triplets under a melody, as the right hand plays them."""
    first, *rest = melody.split()
    inner = "B3/.3333 G3"
    return " ".join([f"{bass}+{first}/.3334 {inner}", *(f"{note}/.3334 {inner}" for note in rest)])


_SCARBOROUGH = "D5/2 D5/1 | A5/2 A5/1 | E5/1.5 F5/.5 E5/1 | D5/3 | -/1 A5/1 C6/1 | D6/2 C6/1"
_SCARBOROUGH_PIANO = (
    "D3/.5 A3 D4 F4 D4 A3 | D3 A3 D4 F4 D4 A3 | C3 G3 C4 E4 C4 G3 | D3 A3 D4 F4 D4 A3 | F3 A3 C4 F4 C4 A3 |"
    " D3 A3 D4 F4 D4 A3"
)

SCORES: tuple[Score, ...] = (
    Score(
        "cello",
        "Bach, prelude of the first cello suite",
        72,
        (
            Part(
                CELLO,
                "G2/.25 D3 B3 A3 B3 D3 B3 D3 G2 D3 B3 A3 B3 D3 B3 D3 |"
                " G2 E3 C4 B3 C4 E3 C4 E3 G2 E3 C4 B3 C4 E3 C4 E3 | G2/2",
                legato=1.05,
            ),
        ),
        file_format="flac",
        sample_rate=16_000,
    ),
    Score(
        "clarinet",
        "a tune of the project's own",
        96,
        (
            Part(
                CLARINET,
                "D4/1.5 F4/.5 A4/1 | Bb4/.5 A4 G4 F4 E4/1 | F4/1.5 G4/.5 A4/1 | D5/2 C5/.5 Bb4 | A4/.5 G4 F4 E4 D4/2",
                velocity=76,
                swells=True,
            ),
        ),
    ),
    Score(
        "flute",
        "Grieg, Morning Mood",
        76,
        (
            Part(
                FLUTE,
                "B5/.5 G#5 F#5 E5 F#5 G#5 | B5 G#5 F#5 E5 F#5/.25 G#5 F#5/.5 G#5 |"
                " B5 G#5 B5 C#6 G#5 C#6 | B5 G#5 F#5 E5/1.5",
                velocity=80,
                swells=True,
            ),
        ),
        file_format="ogg",
    ),
    Score(
        "acoustic_guitar",
        "the anonymous Romance",
        92,
        (
            Part(
                GUITAR,
                " ".join(
                    [
                        _romance_bar("E2", "B4 B4 B4"),
                        _romance_bar("E2", "B4 A4 G4"),
                        _romance_bar("E2", "G4 F#4 E4"),
                        _romance_bar("E2", "E4 G4 B4"),
                        "E2+B3+G4+E5/3",
                    ]
                ),
                legato=1.6,
            ),
        ),
    ),
    Score(
        "electric_guitar",
        "a riff of the project's own, over bass and drums",
        112,
        (
            Part(
                OVERDRIVEN,
                "A3/.5 C4 D4/1 A3/.5 C4 Eb4/.25 D4/.75 | A3/.5 C4 D4/1 C4/.5 A3/1.5 |"
                " D4/.5 F4 G4/1 E4/.5 D4 C4/1 | A4/1.5 G4/.5 E4 D4 A3/1",
                velocity=112,
            ),
            Part(
                BASS, "A1/.5 A1 A1 A1 A1 A1 G1 G1 " * 2 + "D2 D2 D2 D2 C2 C2 C2 C2 A1 A1 A1 A1 A1 A1 A1 A1", velocity=74
            ),
            Part(DRUMS, "C2+F#2/.5 F#2 D2+F#2 F#2 C2+F#2 C2+F#2 D2+F#2 F#2 " * 4, velocity=70),
        ),
    ),
    Score(
        "organ",
        "Old Hundredth",
        80,
        (
            Part(
                ORGAN,
                "G2+D4+B3+G4/2 G2+D4+B3+G4/1 D3+D4+A3+F#4 E3+B3+G3+E4 |"
                " B2+B3+F#3+D4 E3+B3+G3+G4 D3+D4+F#3+A4 G2+D4+G3+B4/2.5",
                legato=1.0,
            ),
        ),
        file_format="ogg",
    ),
    Score(
        "piano",
        "Bach, prelude in C major of the Well-Tempered Clavier",
        84,
        (
            Part(
                PIANO,
                _bach_bars("C4 E4 G4 C5 E5", "C4 D4 A4 D5 F5") + "| B3/.25 D4 G4 D5 F5 G4 D5 F5 | C3+C4+E4+G4+C5/2",
                velocity=70,
                legato=1.4,
            ),
        ),
        file_format="wav",
        sample_rate=16_000,
    ),
    Score(
        "saxophone",
        "a blues of the project's own",
        100,
        (
            Part(
                SAXOPHONE,
                "-/.67 G4/.33 Bb4/.67 C5/.33 | Eb5/1 C5/.67 Bb4/.33 C5/1.5 G4/.5 | F4/.67 Gb4/.33 G4/.67 Bb4/.33 C5/2 |"
                " Eb5/.67 F5/.33 Gb5/.67 F5/.33 Eb5/.67 C5/.33 Bb4/1 | G4/.67 F4/.33 Eb4/1 C4/1.5",
                velocity=98,
                swells=True,
            ),
        ),
    ),
    Score(
        "trumpet",
        "a march of the project's own",
        104,
        (
            Part(
                TRUMPET,
                "D4/.75 D4/.25 D4/1 F#4/.75 A4/.25 D5/1.5 A4/.5 | B4/.75 A4/.25 G4/.5 F#4 E4/1 A4/1 |"
                " D5/.75 D5/.25 E5/.5 F#5 E5/1 C#5/.5 A4 | D5/3",
                velocity=104,
                legato=0.9,
            ),
        ),
    ),
    Score(
        "violin",
        "Vivaldi, Spring",
        100,
        (
            Part(
                VIOLIN,
                "E5/.5 | G#5 G#5 G#5 F#5/.25 E5 B5/1.5 B5/.25 A5 | G#5/.5 G#5 G#5 F#5/.25 E5 B5/1.5 B5/.25 A5 |"
                " G#5/.5 A5/.25 B5 A5/.5 G#5 F#5/1",
                velocity=92,
                swells=True,
            ),
        ),
        file_format="ogg",
    ),
    Score(
        "duet_violin_piano",
        "Scarborough Fair",
        112,
        (
            Part(VIOLIN, _SCARBOROUGH, velocity=100, swells=True, pan=44),
            Part(PIANO, _SCARBOROUGH_PIANO, velocity=58, legato=1.2, pan=84),
        ),
        file_format="ogg",
    ),
    Score(
        "relay",
        "a tune of the project's own, handed from player to player",
        80,
        (
            Part(FLUTE, "D5/.5 F5 A5/1 G5/.5 F5 E5/1", velocity=84, swells=True),
            Part(CELLO, "-/4 D3/.5 F3 A3/1 G3/.5 F3 E3/1", velocity=92, swells=True),
            Part(TRUMPET, "-/8 D4/.5 F4 A4/1 G4/.5 F4 E4/1", velocity=96),
            Part(PIANO, "-/12 D3+D4/.5 F4 A2+A4/1 C3+G4/.5 F4 A2+E4/1", velocity=84),
        ),
    ),
)
