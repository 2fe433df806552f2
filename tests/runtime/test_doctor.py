"""`instag doctor`: a sound machine passes, and each kind of trouble has its sentence and its exit code."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import instag
from instag.doctor import examine, machine, packages
from instag.errors import CannotStartError
from instag.model.fixture import fixture_path, make_fixture, read_fixture, sound
from instag.model.session import Device, find_model, open_model, shipped_models
from tests.support.commands import run, use_tiny_model


@pytest.fixture
def model(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny model with its fixture, which commands use."""
    path = Path(shutil.copy(tiny_model, tmp_path / "tiny.onnx"))
    use_tiny_model(monkeypatch, path)
    fixture_path(path).write_text(make_fixture(open_model(path, Device.CPU), path).to_json(), encoding="utf-8")
    return path


def put_first(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Lets Python find the packages of a folder before all others."""
    monkeypatch.setenv("PYTHONPATH", f"{folder}:{Path(instag.__file__).parents[1]}")


def install(folder: Path, name: str, version: str, more: str = "") -> None:
    """Writes the metadata of an installed package."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{more}", encoding="utf-8")


@pytest.mark.parametrize("name", shipped_models())
def test_a_shipped_model_has_the_fixture_of_its_own_file(name: str) -> None:
    fixture = read_fixture(find_model(name))
    assert fixture is not None
    assert len(fixture.sounds) >= 12
    assert len(np.unique(np.argmax(fixture.dominant, axis=1))) >= 2


def test_a_sound_machine_passes(model: Path) -> None:
    done = run("doctor")
    assert done.returncode == 0, done.stderr
    assert "0 labels differ" in done.stdout
    assert done.stdout.endswith("All is well.\n")


def test_json_says_the_same(model: Path, tmp_path: Path) -> None:
    done = run("doctor", "--json", "--table", str(tmp_path / "t.csv"))
    report = json.loads(done.stdout)
    assert done.returncode == 0
    assert report["errors"] == []
    assert report["devices"]["cpu"]["labels_differ"] == 0
    assert report["devices"]["cpu"]["largest_difference"] < 1e-4
    assert str(tmp_path / "t.csv") in report["file_systems"]


def test_other_labels_than_the_fixtures_end_with_exit_3(model: Path) -> None:
    fixture = read_fixture(model)
    assert fixture is not None
    turned = tuple(tuple(reversed(row)) for row in fixture.dominant)
    fixture_path(model).write_text(replace(fixture, dominant=turned).to_json(), encoding="utf-8")
    done = run("doctor")
    assert done.returncode == 3
    assert "windows get another label" in done.stdout
    assert done.stdout.endswith("Not all is well.\n")


def test_a_model_without_a_fixture_is_started_and_noted(model: Path) -> None:
    fixture_path(model).unlink()
    done = run("doctor")
    assert done.returncode == 0
    assert "has no fixture beside it" in done.stdout


@pytest.mark.parametrize("ending", ["os.kill(os.getpid(), signal.SIGILL)", "os._exit(7)"])
def test_the_command_survives_an_onnxruntime_that_dies(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    (tmp_path / "early").mkdir()
    (tmp_path / "early/onnxruntime.py").write_text(f"import os, signal\n{ending}\n", encoding="utf-8")
    put_first(monkeypatch, tmp_path / "early")
    done = run("doctor")
    assert done.returncode == 3
    assert "The model does not run on the CPU: onnxruntime died (" in done.stdout
    assert "Traceback" not in done.stderr


def test_an_onnxruntime_that_is_half_there_is_told(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "early").mkdir()
    (tmp_path / "early/onnxruntime.py").write_text("raise ImportError('no such symbol')\n", encoding="utf-8")
    put_first(monkeypatch, tmp_path / "early")
    done = run("doctor")
    assert done.returncode == 3
    assert "onnxruntime cannot be imported (ImportError: no such symbol)" in done.stdout


def test_two_builds_of_onnxruntime_are_an_error_with_its_remedy(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "early", "onnxruntime", "1.26.0")
    install(tmp_path / "early", "onnxruntime-gpu", "1.26.0")
    put_first(monkeypatch, tmp_path / "early")
    done = run("doctor")
    assert done.returncode == 3
    assert "onnxruntime and onnxruntime-gpu are installed together" in done.stdout
    assert "pip uninstall -y onnxruntime onnxruntime-gpu" in done.stdout


@pytest.mark.parametrize(
    ("driver", "build", "says"),
    [
        ("570.10.01", "1.28.0", "needs 580 or newer"),
        ("570.10.01", "1.26.0", "the GPU does not start"),
        ("580.65.06", "", "onnxruntime-gpu is not installed"),
    ],
)
def test_a_driver_that_does_not_fit_is_noted(
    model: Path, monkeypatch: pytest.MonkeyPatch, driver: str, build: str, says: str
) -> None:
    builds = {"onnxruntime-gpu": build} if build else {"onnxruntime": "1.28.0"}
    monkeypatch.setattr(packages, "onnxruntime_builds", lambda: builds)
    monkeypatch.setattr(machine, "driver_version", lambda: driver)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert any(says in note for note in examine(model, Path("table.csv")).notes)


@pytest.mark.parametrize(("version", "driver"), [("1.20.1", 525), ("1.26.9", 525), ("1.27.0", 580), ("2.0", 580)])
def test_the_driver_that_a_build_needs(version: str, driver: int) -> None:
    assert machine.driver_needed(version) == driver


def test_the_driver_says_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proc = tmp_path / "version"
    proc.write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  Sun Jul 27\n", encoding="utf-8")
    assert machine.driver_version(proc) == "580.65.06"
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 575.51.03\n", encoding="utf-8")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine.driver_version(tmp_path / "none") == "575.51.03"
    tool.write_text("#!/bin/sh\necho failed; exit 9\n", encoding="utf-8")
    assert machine.driver_version(tmp_path / "none") == ""
    tool.unlink()
    assert machine.driver_version(tmp_path / "none") == ""


def test_features_of_the_processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nflags\t\t: fpu sse4_1 avx avx2 fma\n", encoding="utf-8")
    assert machine.cpu_features(cpuinfo) == ("sse4_1", "avx", "avx2", "fma")
    assert machine.cpu_features(tmp_path / "none") is None
    monkeypatch.setattr(machine.platform, "machine", lambda: "x86_64")
    assert machine.cpu_notes(None) == []
    assert machine.cpu_notes(("avx", "avx_vnni")) == []
    old = machine.cpu_notes(("sse4_1",))
    assert "no AVX" in old[0] and "8-bit" in old[1]


def test_extras_are_read_from_the_packages_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requires = "Provides-Extra: far\nRequires-Dist: numpy\n" + "".join(
        f"Requires-Dist: {name}>=1 ; extra == 'far'\n" for name in ("numpy", "no-such-package-here")
    )
    install(tmp_path, "made-up", "1.0", requires)
    monkeypatch.syspath_prepend(tmp_path)
    assert packages.extras("made-up") == {"far": {"numpy": np.__version__, "no-such-package-here": None}}
    assert packages.extras("not-installed-at-all") == {}


def test_a_fixture_of_another_file_or_form_is_refused(model: Path) -> None:
    path, good = fixture_path(model), read_fixture(model)
    assert good is not None
    for bad, says in [
        ("{", "cannot be read"),
        (replace(good, schema=9).to_json(), "does not read"),
        (replace(good, dominant=good.dominant[1:]).to_json(), "does not read"),
        (replace(good, model_sha256="0").to_json(), "another version"),
    ]:
        path.write_text(bad, encoding="utf-8")
        with pytest.raises(CannotStartError, match=says):
            read_fixture(model)


def test_sounds_are_the_same_each_time_and_fit_in_16_bits() -> None:
    for number in range(24):
        once = sound(number, 16_000, 16_000)
        assert (once == sound(number, 16_000, 16_000)).all()
        assert np.abs(once).max() <= 1
        assert (once * 32768 == np.round(once * 32768)).all()
