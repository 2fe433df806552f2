"""PBCore 2.1: a collection with one description document for each recording (pbcore.org, schema 2.1)."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from instag.exports import xml
from instag.exports.statements import machine, statements
from instag.identifiers import identifiers
from instag.labels import DISPLAY_NAMES
from instag.table.rows import Row

_NAMESPACE = "http://www.pbcore.org/PBCore/PBCoreNamespace.html"


def to_bytes(recordings: Sequence[tuple[str, Row]]) -> bytes:
    """The document, in UTF-8.

    Args:
        recordings: The path of each recording and its row.
    """
    ElementTree.register_namespace("", _NAMESPACE)
    root = Element(_q("pbcoreCollection"))
    for path, row in recordings:
        document = SubElement(root, _q("pbcoreDescriptionDocument"))
        SubElement(document, _q("pbcoreIdentifier"), {"source": "path"}).text = path
        SubElement(document, _q("pbcoreTitle")).text = path.rpartition("/")[2]
        said = statements(row)
        for statement in said:
            known = identifiers(statement.label)
            # The first scheme with an address stands for the label; LCMPT and MIMO are instruments' own thesauri.
            named = next(
                (known[scheme] for scheme in ("lcmpt", "mimo", "wikidata") if scheme in known and known[scheme].uri),
                None,
            )
            attributes = {"subjectType": "instrument", "annotation": statement.note}
            if named:
                attributes |= {"source": named.scheme_name, "ref": named.uri}
            subject = SubElement(document, _q("pbcoreSubject"), attributes)
            subject.text = DISPLAY_NAMES.get(statement.label, statement.label)
        SubElement(document, _q("pbcoreDescription")).text = "; ".join(statement.note for statement in said)
        SubElement(document, _q("pbcoreAnnotation"), {"annotationType": "instrument tagging"}).text = machine(row)
    return xml.to_bytes(root)


def _q(name: str) -> str:
    return f"{{{_NAMESPACE}}}{name}"
