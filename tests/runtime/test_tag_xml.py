"""`instag tag --xml`, as a characterisation command runs it."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from tests.support.commands import recording, run, use_tiny_model

N = {"n": "http://www.pbcore.org/PBCore/PBCoreNamespace.html"}


@pytest.fixture
def file(tmp_path, monkeypatch, tiny_model):
    use_tiny_model(monkeypatch, tiny_model)
    monkeypatch.chdir(tmp_path)
    return str(recording(tmp_path / "a & b.wav", "cello"))


def test_stdout_is_one_document(file):
    ended = run("tag", "--xml", file)
    assert ended.returncode == 0, ended.stderr
    (document,) = ElementTree.fromstring(ended.stdout).findall("n:pbcoreDescriptionDocument", N)
    assert document.findtext("n:pbcoreIdentifier", "", N).endswith("a & b.wav")
    assert "machine-generated" in document.find("n:pbcoreSubject", N).get("annotation")


def test_a_broken_file_has_no_document(tmp_path, file):
    (tmp_path / "bad.wav").write_bytes(b"RIFF")
    ended = run("tag", "--xml", "bad.wav")
    assert ended.returncode == 1 and ended.stdout == "" and "bad.wav" in ended.stderr


@pytest.mark.parametrize("more", [["."], ["-o", "t.csv"], ["--events"]])
def test_what_it_cannot_go_with(file, more):
    ended = run("tag", "--xml", file, *more)
    assert ended.returncode == 2 and "--xml" in ended.stderr
