"""What the labels are called in the languages in which instag shows them. Files and tables keep the English names."""

from __future__ import annotations

from collections.abc import Mapping

from instag.labels import DISPLAY_NAMES, LABELS

_WORDS = {
    "de": "Cello, Klarinette, Flöte, Akustikgitarre, E-Gitarre, Orgel, Klavier, Saxophon, Trompete, Violine, Gesang, "
    "anderes",
    "fr": "violoncelle, clarinette, flûte, guitare acoustique, guitare électrique, orgue, piano, saxophone, trompette, "
    "violon, voix, autre",
    "it": "violoncello, clarinetto, flauto, chitarra acustica, chitarra elettrica, organo, pianoforte, sassofono, "
    "tromba, violino, voce, altro",
    "es": "violonchelo, clarinete, flauta, guitarra acústica, guitarra eléctrica, órgano, piano, saxofón, trompeta, "
    "violín, voz, otro",
}

Names = Mapping[str, str]
# By language code (ISO 639-1), what each label is called.
NAMES: Mapping[str, Names] = {
    "en": DISPLAY_NAMES,
    **{code: dict(zip(LABELS, words.split(", "), strict=True)) for code, words in _WORDS.items()},
}
