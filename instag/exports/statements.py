"""What a row says of a recording, one statement for each instrument, for the exports that catalogues read."""

from __future__ import annotations

from dataclasses import dataclass

from instag.labels import DISPLAY_NAMES, LABELS
from instag.paths import one_line
from instag.table.rows import Row


@dataclass(frozen=True)
class Statement:
    """An instrument of a recording, and who says so.

    Attributes:
        label: One of the labels, or a label that a person gave.
        dominant: Whether it is the recording's dominant instrument.
        confidence: 0..1; None where a person gave the label.
        by_person: Whether a person says so.
        agent: Who says so, in words: the program with its version and the model, or the person.
        at: When, ISO 8601 in UTC; "" where the table does not tell.
        machine_said: What the machine says where a person's word takes its place; "" elsewhere.
    """

    label: str
    dominant: bool
    confidence: float | None
    by_person: bool
    agent: str
    at: str
    machine_said: str = ""

    @property
    def note(self) -> str:
        """The statement in one line."""
        role = "dominant instrument" if self.dominant else "also heard"
        sure = "" if self.confidence is None else f", confidence {self.confidence:.3f}"
        said = f"; {self.machine_said}" if self.machine_said else ""
        who = "a person" if self.by_person else "machine-generated"
        return f"{role}: {DISPLAY_NAMES.get(self.label, self.label)}{sure} ({who}: {self.agent}){said}"


def machine(row: Row) -> str:
    """The program and the model that analysed a recording, e.g. `instag 2.0.0, model instag 2.0.0`."""
    program = f"instag {row.instag_version}".strip()
    return one_line(f"{program}, model {row.model_id} {row.model_version}".strip())


def machine_said(row: Row) -> str:
    """The machine's own first choice, how sure it was, and who it is; "" where it has none."""
    if not row.dominant:
        return ""
    sure = "" if row.confidence is None else f", confidence {row.confidence:.3f}"
    name = DISPLAY_NAMES.get(row.dominant, row.dominant)
    return f"the machine said: {name}{sure} ({machine(row)})"


def statements(row: Row) -> list[Statement]:
    """The instruments of a recording, the dominant one first.

    A person's label takes the place of the machine's, and what else the machine heard stays the machine's word.

    Args:
        row: An analysed or reviewed recording.
    """
    said: list[Statement] = []
    if row.reviewed_label:
        person = one_line(row.reviewed_by) or "not named"
        said.append(Statement(row.reviewed_label, True, None, True, person, row.reviewed_at, machine_said(row)))
    elif row.dominant:
        accepted = f", {one_line(row.reviewed_by)}" if row.is_accepted else ""
        said.append(Statement(row.dominant, True, row.confidence, False, machine(row) + accepted, row.analysed_at))
    presences = dict(zip(LABELS, row.presences, strict=False))
    said.extend(
        Statement(label, False, presences.get(label), False, machine(row), row.analysed_at)
        for label in row.instruments
        # A person who names another instrument overrules the machine's first choice, wherever it stands.
        if label not in (row.label, row.dominant)
    )
    return said
