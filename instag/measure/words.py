"""The words for instruments that people write, as labels of the vocabulary.

The words are in synonyms.csv: common English, German, French, Italian and Spanish names, put together by hand for this
project and copied from no other list. A word may stand for two labels ("guitar"). Instruments outside the eleven have
the label `other`.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from instag.labels import DISPLAY_NAMES, LABELS, OTHER

_BETWEEN = re.compile(r"[;,/|&+]|\band\b|\bund\b|\bet\b", re.IGNORECASE)


@dataclass(frozen=True)
class Named:
    """What somebody wrote of a recording.

    Attributes:
        labels: The labels that the words stand for, each once, in the order in which they were written. `other` is
            left out where one of the eleven is named too, since it means that none of them is heard.
        unknown: The words that stand for no label.
    """

    labels: tuple[str, ...]
    unknown: tuple[str, ...]


def read_words(text: str) -> Named:
    """Reads words between `;`, `,`, `/`, `|`, `&`, `+` or "and" (also "und", "et").

    Capitals do not matter, nor whether parts of a word are joined by `_`, `-` or a space.
    """
    labels: list[str] = []
    unknown: list[str] = []
    for word in filter(None, (part.strip() for part in _BETWEEN.split(text))):
        found = synonyms().get(_plain(word), ())
        labels.extend(found)
        if not found:
            unknown.append(word)
    return Named(without_other(labels), tuple(unknown))


def without_other(labels: Iterable[str]) -> tuple[str, ...]:
    """The labels, each once, without `other` where there is another label."""
    each = tuple(dict.fromkeys(labels))
    return tuple(label for label in each if label != OTHER) or each


@lru_cache(maxsize=1)
def synonyms() -> dict[str, tuple[str, ...]]:
    """The labels that each word stands for, by the word in small letters; labels and display names included."""
    words: dict[str, tuple[str, ...]] = {}
    pairs = [(label, name) for label in LABELS for name in (label, DISPLAY_NAMES[label])]
    text = (files("instag.measure") / "synonyms.csv").read_text(encoding="utf-8")
    pairs += [(row["label"], row["word"]) for row in csv.DictReader(text.splitlines())]
    for label, word in pairs:
        words[_plain(word)] = tuple(dict.fromkeys((*words.get(_plain(word), ()), label)))
    return words


def _plain(word: str) -> str:
    return re.sub(r"[\s_-]+", " ", unicodedata.normalize("NFC", word).casefold().strip())
