"""The Dockerfile, as far as it can be checked without Docker."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not (ROOT / "Dockerfile").is_file(), reason="needs the project's checkout")


def steps() -> list[tuple[str, str]]:
    """Instructions and what they say, continued lines joined."""
    text = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    lines = [line.split(None, 1) for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(word, rest) for word, rest in lines]


def test_every_line_is_an_instruction_and_the_last_user_has_no_rights() -> None:
    assert {word for word, _ in steps()} <= {"FROM", "COPY", "RUN", "ENV", "USER", "WORKDIR", "ENTRYPOINT"}
    last = [word for word, _ in steps()][::-1].index("FROM")
    users = [rest for word, rest in steps()[-last:] if word == "USER"]
    assert users and int(users[-1]) > 0
    assert all("slim" in rest for word, rest in steps() if word == "FROM")


def test_one_build_of_onnxruntime_is_left_and_the_image_is_checked_as_it_is_built() -> None:
    runs = " && ".join(rest for word, rest in steps() if word == "RUN")
    assert runs.index("uninstall -y onnxruntime-gpu") < runs.index("--no-cache-dir onnxruntime")
    assert runs.endswith("instag doctor")


def test_the_context_has_what_the_package_is_built_from() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").split() if line.startswith("!")}
    assert {"pyproject.toml", "instag", project["readme"], *project["license-files"]} == kept
    assert all((ROOT / name).exists() for name in kept)
