"""The rule of what is written and what is taken back: pure, so tried on anything."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from instag.tags.edits import RawField
from instag.tags.fields import (
    INSTRUMENT,
    OWN_KEYS,
    Change,
    TagValues,
    Undo,
    collect,
    parse_undo,
    plan_remove,
    plan_write,
)

Fields = tuple[RawField, ...]

texts = st.text(min_size=1, max_size=8)
keys = st.sampled_from(["INSTRUMENT", "Instrument", "instrument", "title", "INSTRUMENTATION"])
foreign_fields = st.lists(st.builds(RawField, keys, st.tuples(texts)), max_size=4).map(tuple)
tag_values = st.builds(
    TagValues,
    instruments=st.lists(st.sampled_from(["violin", "cello", "organ"]), max_size=3, unique=True).map(tuple),
    dominant=st.sampled_from(["violin", "other"]),
    confidence=st.floats(0, 1),
    source=st.sampled_from(["m 1", "m 2"]),
    needs_review=st.booleans(),
)


def after(fields: Fields, change: Change | None) -> Fields:
    """What a container holds after a change."""
    if change is None:
        return fields
    kept = tuple(field for field in fields if field.key.upper() not in change.remove)
    return kept + tuple(RawField(key, values) for key, values in change.add)


def by_value(fields: Fields) -> list[tuple[str, str]]:
    return sorted((field.key, value) for field in fields for value in field.values or ())


@given(foreign_fields, st.lists(st.tuples(tag_values, st.booleans()), min_size=1, max_size=4))
def test_whatever_was_written_is_taken_back(foreign: Fields, writes: list[tuple[TagValues, bool]]) -> None:
    fields = foreign
    for values, overwrite in writes:
        fields = after(fields, plan_write(fields, values, ("part",), overwrite=overwrite))
    assert by_value(after(fields, plan_remove(fields))) == by_value(foreign)


@given(foreign_fields, tag_values, st.booleans())
def test_the_same_is_not_written_again(foreign: Fields, values: TagValues, overwrite: bool) -> None:
    fields = after(foreign, plan_write(foreign, values, (), overwrite=overwrite))
    assert plan_write(fields, values, (), overwrite=overwrite) is None
    assert plan_write(fields, values, (), overwrite=False) is None


@given(foreign_fields, tag_values)
def test_without_overwrite_nothing_of_others_changes(foreign: Fields, values: TagValues) -> None:
    fields = after(foreign, plan_write(foreign, values, (), overwrite=False))
    own = [f for f in fields if f.key.upper() not in OWN_KEYS]
    theirs = collect(foreign, INSTRUMENT)
    if theirs:
        assert by_value(tuple(own)) == by_value(foreign)
    else:
        assert collect(fields, INSTRUMENT) == values.instruments


@given(foreign_fields, tag_values, st.lists(texts, min_size=1, max_size=3).map(tuple))
def test_what_somebody_edited_since_is_theirs(foreign: Fields, values: TagValues, edited: tuple[str, ...]) -> None:
    fields = after(foreign, plan_write(foreign, values, (), overwrite=True))
    if edited == values.instruments:
        return
    fields = (*(f for f in fields if f.key.upper() != INSTRUMENT), RawField(INSTRUMENT, edited))
    assert collect(after(fields, plan_remove(fields)), INSTRUMENT) == edited
    again = after(fields, plan_write(fields, values, (), overwrite=False))
    assert collect(again, INSTRUMENT) == edited


@given(st.builds(Undo, st.booleans(), st.just((("Instrument", ("a", "ä")),)), st.lists(texts).map(tuple)))
def test_undo_is_read_back(undo: Undo) -> None:
    assert undo.to_text().isascii() and parse_undo(undo.to_text() + "   ") == undo


@given(st.one_of(st.text(), st.from_regex(r'\{"(wrote|replaced|created)":.*\}')))
def test_undo_of_somebody_else_counts_as_nothing_or_is_sound(text: str) -> None:
    undo = parse_undo(text)
    assert all(key.upper() == INSTRUMENT for key, _ in undo.replaced)


def test_hostile_undo_documents() -> None:
    for text in (
        "[" * 100_000,
        '{"replaced":[["INSTRUMENT"]]}',
        '{"replaced":[["TITLE","x"]]}',
        '{"wrote":5}',
        "null",
        "5",
    ):
        assert parse_undo(text) == Undo()
