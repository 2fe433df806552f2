"""MARC 21 bibliographic records, as ISO 2709 and as MARCXML; both are written by pymarc.

Each instrument has a field 382 (medium of performance) and, where its code is confirmed, a field 048, and a field 883
(metadata provenance) that says who made them; `$8` links the three. First indicator 1 of 382: a partial medium, since a
recording may hold more. Source: Library of Congress, MARC 21 Format for Bibliographic Data, fields 048, 382 and 883.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from instag.errors import CannotStartError
from instag.exports.statements import Statement, statements
from instag.exports.xml import legal
from instag.identifiers import identifiers
from instag.labels import DISPLAY_NAMES
from instag.table.rows import Row

if TYPE_CHECKING:
    from pymarc import Field, Record

# Leader 00-23: a new record of a musical sound recording, one item, in Unicode, of which nobody described the rest.
_LEADER = "00000njm a22000003u 4500"


def to_bytes(recordings: Sequence[tuple[str, Row]], organisation: str = "", address: str = "") -> bytes:
    """Records in ISO 2709, one after another.

    Args:
        recordings: The path of each recording and its row.
        organisation: The code of the agency that answers for the records, for 883 `$q`.
        address: Of a page that describes how the labels were made, for 883 `$u`.

    Raises:
        CannotStartError: pymarc is not installed.
    """
    return b"".join(record.as_marc() for record in _records(recordings, organisation, address))


def to_xml(recordings: Sequence[tuple[str, Row]], organisation: str = "", address: str = "") -> bytes:
    """Records as one MARCXML collection, in UTF-8; arguments and errors as for `to_bytes`."""
    records = _records(recordings, organisation, address)
    from pymarc import XMLWriter

    document = io.BytesIO()
    writer = XMLWriter(document)
    for record in records:
        writer.write(record)
    writer.close(close_fh=False)
    return document.getvalue()


def _records(recordings: Sequence[tuple[str, Row]], organisation: str, address: str) -> list[Record]:
    try:
        from pymarc import Field, Indicators, Record, Subfield
    except ImportError:
        raise CannotStartError(
            "MARC needs the package pymarc.", "Install it with: pip install 'instag[marc]'"
        ) from None
    records = []
    for path, row in recordings:
        record = Record(leader=_LEADER, force_utf8=True)
        record.add_ordered_field(
            Field("245", Indicators("0", "0"), subfields=[Subfield("a", _one_line(path.rpartition("/")[2]))]),
            Field("856", Indicators(" ", " "), subfields=[Subfield("f", _one_line(path))]),
        )
        for number, statement in enumerate(statements(row), 1):
            record.add_ordered_field(*_fields(statement, number, organisation, address))
        records.append(record)
    return records


def _fields(statement: Statement, number: int, organisation: str, address: str) -> list[Field]:
    from pymarc import Field, Indicators, Subfield

    def field(tag: str, first: str, *values: tuple[str, str], second: str = " ") -> Field:
        link = Subfield("8", f"{number}\\p")
        return Field(tag, Indicators(first, second), subfields=[link, *(Subfield(c, legal(v)) for c, v in values if v)])

    known = identifiers(statement.label)
    fields = []
    if "lcmpt" in known:
        term = known["lcmpt"]
        fields.append(field("382", "1", ("a", term.term), ("0", term.uri), ("2", "lcmpt")))
    elif statement.label != "other":  # a term of no thesaurus has no $2
        fields.append(field("382", "1", ("a", DISPLAY_NAMES.get(statement.label, statement.label))))
    if "marc048" in known:
        # The second indicator 7: $2 names the list.
        fields.append(field("048", " ", ("a", known["marc048"].code), ("2", "marcmusperf"), second="7"))
    sure = "" if statement.confidence is None else f"{statement.confidence:.3f}"
    fields.append(
        field(
            "883",
            "1" if statement.by_person else "0",
            ("a", _process(statement)),
            ("c", sure),
            ("d", statement.at[:10].replace("-", "")),
            ("q", organisation),
            ("u", address),
        )
    )
    return fields


def _one_line(name: str) -> str:
    """A name as MARC can hold it: it has no line breaks and no tabs."""
    return " ".join(legal(name).splitlines()).replace("\t", " ")


def _process(statement: Statement) -> str:
    if not statement.by_person:
        return statement.agent
    return "; ".join(part for part in (f"reviewed by {statement.agent}", statement.machine_said) if part)
