"""The vocabulary: twelve labels, in the order of the model's outputs.

The first eleven are IRMAS's classes (Bosch et al., ISMIR 2012). `other` means that none of the eleven is heard.
Identifiers are MusicBrainz instrument ids, Wikidata items and AudioSet ontology ids.
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
        musicbrainz_id: MusicBrainz instrument id (a UUID), or None.
        wikidata_id: Wikidata item, or None.
        audioset_id: Machine id in the AudioSet ontology, or None.
    """

    name: str
    display: str
    irmas_code: str | None = None
    musicbrainz_id: str | None = None
    wikidata_id: str | None = None
    audioset_id: str | None = None


VOCABULARY: tuple[Label, ...] = (
    Label("cello", "cello", "cel", "0db03a60-1142-4b25-ab1b-72027d0dc357", "Q8371", "/m/01xqw"),
    Label("clarinet", "clarinet", "cla", "08028095-6dae-4fe0-9f34-284fde19f29b", "Q8343", "/m/01wy6"),
    Label("flute", "flute", "flu", "540280f1-d6cf-46bf-968b-695e99e216d7", "Q11405", "/m/0l14j_"),
    Label(
        "acoustic_guitar",
        "acoustic guitar",
        "gac",
        "00beaf8e-a781-431c-8130-7c2871696b7d",
        "Q31561",
        "/m/042v_gx",
    ),
    Label(
        "electric_guitar",
        "electric guitar",
        "gel",
        "7ee8ebf5-3aed-4fc8-8004-49f4a8c45a87",
        "Q78987",
        "/m/02sgy",
    ),
    Label("organ", "organ", "org", "55a37f4f-39a4-45a7-851d-586569985519", "Q1444", "/m/013y1f"),
    Label("piano", "piano", "pia", "b3eac5f9-7859-4416-ac39-7154e2e8d348", "Q5994", "/m/05r5c"),
    Label("saxophone", "saxophone", "sax", "a9ed16cd-b8cb-4256-9c41-93f5f0458c49", "Q9798", "/m/06ncr"),
    Label("trumpet", "trumpet", "tru", "1c8f9780-2f16-4891-b66d-bb7aa0820dbd", "Q8338", "/m/07gql"),
    Label("violin", "violin", "vio", "089f123c-0f7d-4105-a64e-49de81ca8fa4", "Q8355", "/m/07y_7"),
    Label("voice", "voice", "voi", audioset_id="/m/015lz1"),
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
