"""What catalogues call the labels: in the file, in JSON Lines, in sidecars and in what people see."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from instag.identifiers import identifiers
from instag.labels import LABELS
from instag.table import open_table
from instag.table.rows import AssignedBy, Row, Status, with_identifiers
from tests.support.commands import recording, run, use_tiny_model

FORMS = {
    "musicbrainz": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "wikidata": r"Q[1-9]\d*",
    "audioset": r"/m/[0-9a-z_]+",
    "mimo": r"\d{4}",
    "iaml": r"[a-z]{3}",
    "marc048": r"[a-z]{2}",
    "lcmpt": r"(mp\d{10})?",
}


@pytest.mark.parametrize("label", LABELS)
def test_every_identifier_has_the_form_of_its_scheme(label: str) -> None:
    for scheme, found in identifiers(label).items():
        assert re.fullmatch(FORMS[scheme], found.code), found
        assert found.code or found.term
        assert found.uri == "" or found.uri.endswith(found.code)


def test_no_two_labels_share_a_code_unless_its_term_is_wider_than_both() -> None:
    seen: dict[tuple[str, str], str] = {}
    for label in LABELS:
        for scheme, found in identifiers(label).items():
            if found.code and found.term not in ("guitar",):
                assert (scheme, found.code) not in seen, (label, seen)
                seen[scheme, found.code] = label
    assert identifiers("acoustic_guitar")["marc048"] == identifiers("electric_guitar")["marc048"]
    assert "iaml" not in identifiers("electric_guitar")


def test_a_code_that_is_not_confirmed_is_absent() -> None:
    assert identifiers("clarinet")["lcmpt"].to_document() == {"term": "clarinet"}
    assert identifiers("cello")["lcmpt"].to_document() == {
        "code": "mp2013015120",
        "term": "cello",
        "uri": "http://id.loc.gov/authorities/performanceMediums/mp2013015120",
    }
    assert identifiers("other") == identifiers("no such label") == {}


def test_json_lines_carry_the_identifiers_of_all_labels_and_read_back(tmp_path: Path) -> None:
    row = Row(
        "a.wav",
        Status.ANALYSED,
        dominant="cello",
        instruments=("cello", "piano"),
        assigned_by=AssignedBy.PERSON,
        reviewed_label="violin",
        reviewed_by="Anna",
        reviewed_at="2026-01-02T03:04:05+00:00",
    )
    path = tmp_path / "table.jsonl"
    table = open_table(path)
    table.append(row)
    table.finish()
    document = json.loads(path.read_text("utf-8"))
    assert list(document["identifiers"]) == ["violin", "cello", "piano"]
    assert document["identifiers"]["piano"]["iaml"] == {
        "code": "kpf",
        "uri": "http://iflastandards.info/ns/unimarc/terms/mop/kpf",
    }
    again = open_table(path, read_only=True)
    assert list(again.rows()) == [row]
    again.close()
    assert with_identifiers(Row("b.wav", Status.FAILED).to_record())["identifiers"] == {}


def test_sidecars_and_show_name_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_model: Path) -> None:
    use_tiny_model(monkeypatch, tiny_model)
    file = recording(tmp_path / "a.wav", "acoustic_guitar")
    assert run("tag", str(file), "--sidecar", "-q").returncode == 0
    sidecar = json.loads((tmp_path / "a.wav.instag.json").read_text("utf-8"))
    assert sidecar["assigned_by"] == "machine"
    assert sidecar["identifiers"]["acoustic_guitar"]["iaml"]["term"] == "guitar"
    assert "In catalogues, acoustic guitar is: MusicBrainz 00beaf8e" in (shown := run("show", str(file)).stdout)
    assert "MARC 048 tb (guitar)" in shown
