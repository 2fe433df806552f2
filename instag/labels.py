"""The vocabulary: twelve labels, in the order of the model's outputs.

The first eleven are IRMAS's classes (Bosch et al., ISMIR 2012). `other` means that none of the eleven is heard.
`instag.identifiers` knows what catalogues call them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Label:
    """One instrument of the vocabulary.

    Attributes:
        name: The label in tables and models, e.g. `acoustic_guitar`.
        display: What a person reads, and what is written to `INSTRUMENT` tags.
        irmas_code: The three letters that IRMAS uses in folders and annotations, or None.
    """

    name: str
    display: str
    irmas_code: str | None = None


VOCABULARY: tuple[Label, ...] = (
    Label("cello", "cello", "cel"),
    Label("clarinet", "clarinet", "cla"),
    Label("flute", "flute", "flu"),
    Label("acoustic_guitar", "acoustic guitar", "gac"),
    Label("electric_guitar", "electric guitar", "gel"),
    Label("organ", "organ", "org"),
    Label("piano", "piano", "pia"),
    Label("saxophone", "saxophone", "sax"),
    Label("trumpet", "trumpet", "tru"),
    Label("violin", "violin", "vio"),
    Label("voice", "voice", "voi"),
    Label("other", "other"),
)

LABELS: tuple[str, ...] = tuple(label.name for label in VOCABULARY)
DISPLAY_NAMES: dict[str, str] = {label.name: label.display for label in VOCABULARY}
# For pages and terminals. Each has a contrast of 3 or more on white and on near-black, and people with any kind of
# colour blindness can tell any two apart. With so many colours, none of them ever stands without the label's name.
COLOURS: dict[str, str] = {
    "cello": "#875a3c",
    "clarinet": "#785ac3",
    "flute": "#0096ff",
    "acoustic_guitar": "#4ba500",
    "electric_guitar": "#d20000",
    "organ": "#9600f0",
    "piano": "#2d6996",
    "saxophone": "#b469d2",
    "trumpet": "#ff3c78",
    "violin": "#c30fa5",
    "voice": "#ff1eff",
    "other": "#878787",
}
OTHER = "other"
OTHER_INDEX = LABELS.index(OTHER)

IRMAS_11: tuple[str, ...] = LABELS[:11]
IRMAS_CODES: dict[str, str] = {label.irmas_code: label.name for label in VOCABULARY if label.irmas_code}
# The student report had no electric guitar of its own; it counts as `other` there.
REPORT_11: tuple[str, ...] = tuple(name for name in LABELS if name != "electric_guitar")

assert len(LABELS) == 12 and LABELS[-1] == OTHER
assert tuple(COLOURS) == LABELS
assert len(IRMAS_CODES) == len(IRMAS_11) == len(REPORT_11) == 11
