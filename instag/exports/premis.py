"""PREMIS 3 for Archivematica's `metadata/premis.xml`: what was done to each file, and who or what did it.

Sources: PREMIS Data Dictionary 3.0 and its schema (Library of Congress), whose order of elements this module keeps;
event types from id.loc.gov/vocabulary/preservation/eventType. Archivematica finds a file by `originalName`, the path
below the transfer, and takes only events that name an object and an agent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import NAMESPACE_URL, uuid5
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from instag.exports import xml
from instag.exports.statements import machine, machine_said, statements
from instag.paths import one_line
from instag.results import TagOutcome
from instag.table.rows import Row, Status

PREFIX = "objects/"

_NAMESPACE = "http://www.loc.gov/premis/v3"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_EVENT_TYPES = "http://id.loc.gov/vocabulary/preservation/eventType"
_TYPES = {"metadata extraction": "mee", "metadata modification": "mem", "message digest calculation": "mes"}


def to_bytes(recordings: Sequence[tuple[str, Row]]) -> bytes:
    """The document, in UTF-8. The same rows give the same bytes, identifiers too.

    Args:
        recordings: The path of each recording, `objects/` in front where Archivematica reads it, and its row. Failed
            recordings have their events too; those that were never analysed have none.
    """
    for prefix, namespace in (("premis", _NAMESPACE), ("xsi", _XSI)):
        ElementTree.register_namespace(prefix, namespace)
    root = Element(
        _q("premis"), {"version": "3.0", f"{{{_XSI}}}schemaLocation": f"{_NAMESPACE} {_NAMESPACE}/premis.xsd"}
    )
    told = [(path, row) for path, row in recordings if row.analysed_at]
    agents: dict[str, Element] = {}
    events = [event for path, row in told for event in _events(path, row, agents)]
    root.extend([_object(path, row) for path, row in told])
    root.extend(events)
    root.extend(agents.values())
    return xml.to_bytes(root)


def _object(path: str, row: Row) -> Element:
    element = Element(_q("object"), {f"{{{_XSI}}}type": "premis:file"})
    _identifier(element, "object", path)
    about = SubElement(element, _q("objectCharacteristics"))
    if row.size_bytes is not None:
        _text(about, "size", str(row.size_bytes))
    form = SubElement(about, _q("format"))
    _text(SubElement(form, _q("formatDesignation")), "formatName", path.rpartition(".")[2].upper())
    _text(form, "formatNote", "from the name of the file")
    _text(element, "originalName", path)
    return element


def _events(path: str, row: Row, agents: dict[str, Element]) -> Iterator[Element]:
    software = machine(row)
    program = f'program="instag"; version="{row.instag_version}"; model="{row.model_id} {row.model_version}"'
    model = f"model {row.model_id} {row.model_version}"
    agents.setdefault(software, _agent(software, "software", row.instag_version, model))
    failed = row.status is Status.FAILED
    said = statements(row)
    notes = [statement.note for statement in said if not statement.by_person]
    if row.reviewed_label and row.dominant:
        notes.insert(0, machine_said(row))
    if row.needs_review:
        notes.append("a person should listen")
    yield _event(
        path,
        "metadata extraction",
        row.analysed_at,
        f"{program}; dominant instrument",
        row.error_code if failed else "success",
        [one_line(row.error)] if failed and row.error else notes,
        software,
    )
    if row.audio_digest:
        digest = f"digest of the audio without its tags: {row.audio_digest}"
        yield _event(path, "message digest calculation", row.analysed_at, program, "success", [digest], software)
    if row.tags_written is TagOutcome.WRITTEN:
        yield _event(path, "metadata modification", row.analysed_at, f"{program}; tags", "success", [], software)
    for person in said[:1]:
        if person.by_person:
            agents.setdefault(person.agent, _agent(person.agent, "person"))
            detail = "a person reviewed the dominant instrument"
            when = person.at or row.analysed_at
            yield _event(path, "metadata modification", when, detail, "success", [person.note], person.agent)


def _event(path: str, kind: str, when: str, detail: str, outcome: str, notes: Sequence[str], agent: str) -> Element:
    event = Element(_q("event"))
    _identifier(event, "event", f"{path} {kind} {when} {agent}")
    uri = f"{_EVENT_TYPES}/{_TYPES[kind]}"
    attributes = {"authority": "eventType", "authorityURI": _EVENT_TYPES, "valueURI": uri}
    SubElement(event, _q("eventType"), attributes).text = kind
    _text(event, "eventDateTime", when)
    _text(SubElement(event, _q("eventDetailInformation")), "eventDetail", detail)
    result = SubElement(event, _q("eventOutcomeInformation"))
    _text(result, "eventOutcome", outcome)
    for note in notes:
        _text(SubElement(result, _q("eventOutcomeDetail")), "eventOutcomeDetailNote", note)
    _identifier(event, "linkingAgent", agent, kind="agent")
    _identifier(event, "linkingObject", path, kind="object")
    return event


def _agent(name: str, kind: str, version: str = "", note: str = "") -> Element:
    agent = Element(_q("agent"))
    _identifier(agent, "agent", name)
    _text(agent, "agentName", "instag" if kind == "software" else name)
    _text(agent, "agentType", kind)
    if version:
        _text(agent, "agentVersion", version)
    if note:
        _text(agent, "agentNote", note)
    return agent


def _identifier(parent: Element, role: str, name: str, kind: str = "") -> None:
    """An identifier of an object, an event or an agent: made of its name, so that it is the same in every export."""
    inside = SubElement(parent, _q(f"{role}Identifier"))
    _text(inside, f"{role}IdentifierType", "UUID")
    _text(inside, f"{role}IdentifierValue", str(uuid5(NAMESPACE_URL, f"instag {kind or role} {name}")))


def _text(parent: Element, name: str, text: str) -> None:
    SubElement(parent, _q(name)).text = text


def _q(name: str) -> str:
    return f"{{{_NAMESPACE}}}{name}"
