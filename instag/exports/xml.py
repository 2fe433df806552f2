"""The last step of every XML export."""

from __future__ import annotations

import re
from xml.etree import ElementTree

# XML 1.0, section 2.2: what a document may hold at all.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def legal(text: str) -> str:
    """The text with U+FFFD for each character that XML cannot hold, such as a control character in a file's name."""
    return _FORBIDDEN.sub("\ufffd", text)


def to_bytes(root: ElementTree.Element) -> bytes:
    """An indented document in UTF-8, of legal characters only."""
    for element in root.iter():
        element.text = element.text and legal(element.text)
        for name, value in element.attrib.items():
            element.set(name, legal(value))
    ElementTree.indent(root)
    document: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"
