"""How mixtures are made: the settings of a mixer, and the kinds of recordings that it treats differently."""

from __future__ import annotations

from dataclasses import dataclass, field

from train.sound.degrade import DegradeSettings

NOTE, BACKING, SONG = "note", "backing", "song"


@dataclass(frozen=True)
class MixSettings:
    """How mixtures are made.

    Attributes:
        window_seconds: Length of a mixture.
        other_share: Share of mixtures with none of the eleven.
        silent_share: Share of near-silent mixtures (noise under everything), labelled `other`.
        companion_counts: Probabilities of 0, 1, 2... further instruments of the eleven.
        companion_db: Range of their level against the dominant source.
        band_share: Share of mixtures of the eleven that have sources of `other` in them.
        band_count: Most sources of `other` in one mixture.
        band_db: Range of their level against the dominant source.
        rhythm_share: Share of the bands that are made of drums and basses only.
        backing_share: Share of the bands that are a backing track instead of single sources.
        backing_db: Range of a backing track's level; lower, because it may hold guitars of its own.
        chord_share: Share of note sequences with chords, for instruments that play them.
        whole_note_share: Share of note sequences that are whole notes as they were recorded, to the end of their decay.
        speed_semitones: Widest change of speed (and pitch) of a source.
        kind_weights: How often a kind of recording is drawn against others of its label.
        source_weights: The same for sources; both multiply.
        degrade: The room and the carrier.
    """

    window_seconds: float = 3.0
    other_share: float = 0.2
    silent_share: float = 0.01
    companion_counts: tuple[float, ...] = (0.4, 0.3, 0.2, 0.1)
    companion_db: tuple[float, float] = (-18.0, -2.0)
    band_share: float = 0.55
    band_count: int = 3
    band_db: tuple[float, float] = (-15.0, 6.0)
    rhythm_share: float = 0.6
    backing_share: float = 0.2
    backing_db: tuple[float, float] = (-15.0, -1.0)
    chord_share: float = 0.5
    whole_note_share: float = 0.0
    speed_semitones: float = 2.0
    kind_weights: dict[str, float] = field(
        default_factory=lambda: {
            "note": 1.0,
            "phrase": 3.0,
            "clip": 4.0,
            "phrase/mix": 2.0,
            "stem": 3.0,
            "backing": 1.0,
        }
    )
    source_weights: dict[str, float] = field(default_factory=dict)
    degrade: DegradeSettings = field(default_factory=DegradeSettings)
