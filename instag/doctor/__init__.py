"""What this machine can do, and whether it gives the answers that the model's maker got."""

from __future__ import annotations

import json
import platform
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from instag import __version__
from instag.doctor import machine, packages
from instag.run.filesystems import network_type

_PROBE_SECONDS = 300.0


@dataclass(frozen=True)
class Report:
    """What `instag doctor` found.

    Attributes:
        instag: Version.
        python: Version.
        system: Operating system and kind of processor.
        cpu_features: Those that matter to the model; None where the system does not list them.
        onnxruntime: Installed builds, with versions.
        driver: Version of NVIDIA's driver; "" where there is none.
        driver_needed: Least major version of it for the GPU build that is installed; 0 where that is not installed.
        devices: What `cpu` and `cuda` did, see `instag.model.probe`.
        libraries: Versions; None for what is missing.
        extras: For each extra its packages, with versions.
        file_systems: For the table and the temporary files, the type of the network file system; "" on a local one.
        errors: Trouble that keeps instag from working, or from giving the right labels.
        notes: What is worth knowing.
    """

    instag: str
    python: str
    system: str
    cpu_features: tuple[str, ...] | None
    onnxruntime: dict[str, str]
    driver: str
    driver_needed: int
    devices: dict[str, dict[str, Any]]
    libraries: dict[str, str | None]
    extras: dict[str, dict[str, str | None]]
    file_systems: dict[str, str]
    errors: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> str:
        """The report for programs."""
        return json.dumps(asdict(self), indent=1)


def examine(model: Path, table: Path) -> Report:
    """Looks at the machine, and runs the model on each device in a process of its own.

    Args:
        model: The ONNX file.
        table: Where results would be written; it need not exist.
    """
    builds = packages.onnxruntime_builds()
    gpu_version = builds.get(packages.GPU_BUILD, "")
    report = Report(
        instag=__version__,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()}, {platform.machine()}",
        cpu_features=machine.cpu_features(),
        onnxruntime=builds,
        driver=machine.driver_version(),
        driver_needed=machine.driver_needed(gpu_version) if gpu_version else 0,
        devices={device: _run_probe(device, model) for device in ("cpu", "cuda")},
        libraries=packages.libraries(),
        extras=packages.extras(),
        file_systems={
            str(table): network_type(table),
            tempfile.gettempdir(): network_type(Path(tempfile.gettempdir())),
        },
    )
    report.errors.extend(_errors(report))
    report.notes.extend(_notes(report, model))
    return report


def _run_probe(device: str, model: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "instag.model.probe", device, str(model)]
    try:
        child = subprocess.run(command, capture_output=True, timeout=_PROBE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return {"error": f"onnxruntime did not answer within {_PROBE_SECONDS:g} s"}
    if child.returncode < 0:
        return {"error": f"onnxruntime died ({signal.Signals(-child.returncode).name})", "died": True}
    try:
        answer: dict[str, Any] = json.loads(child.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        return {"error": f"onnxruntime died (exit code {child.returncode})", "died": True}
    return answer


def _errors(report: Report) -> list[str]:
    errors = []
    if len(report.onnxruntime) > 1:
        names = " and ".join(sorted(report.onnxruntime))
        keep = packages.GPU_BUILD if report.driver and packages.GPU_BUILD in report.onnxruntime else "onnxruntime"
        errors.append(
            f"{names} are installed together and overwrite each other's files. Run `pip uninstall -y "
            f"{' '.join(sorted(report.onnxruntime))}`, then `pip install {keep}`."
        )
    missing = [name for name, version in report.libraries.items() if version is None]
    if missing:
        errors.append(f"{', '.join(missing)}: not installed. Install instag again.")
    cpu = report.devices["cpu"]
    if "error" in cpu:
        errors.append(f"The model does not run on the CPU: {cpu['error']}".rstrip(".") + ".")
    for device, found in report.devices.items():
        if number := found.get("labels_differ", 0):
            errors.append(
                f"On {device}, {number} of {found['windows']} windows get another label than where the model was made. "
                "Do not mix results of this machine with others; try another version of onnxruntime."
            )
    return errors


def _notes(report: Report, model: Path) -> list[str]:
    notes = machine.cpu_notes(report.cpu_features)
    if "windows" not in report.devices["cpu"] and "error" not in report.devices["cpu"]:
        notes.append(f"{model.name} has no fixture beside it, so its scores could not be checked.")
    too_old = report.driver and report.driver_needed and int(report.driver.split(".")[0]) < report.driver_needed
    if too_old:
        notes.append(
            f"The NVIDIA driver is {report.driver}; onnxruntime-gpu {report.onnxruntime[packages.GPU_BUILD]} needs "
            f"{report.driver_needed} or newer. Update the driver, or install an older onnxruntime-gpu."
        )
    elif report.driver and not report.driver_needed:
        notes.append("There is an NVIDIA driver, but onnxruntime-gpu is not installed: the GPU is not used.")
    elif report.driver and "error" in report.devices["cuda"]:
        notes.append(f"There is an NVIDIA driver, but the GPU does not start: {report.devices['cuda']['error']}")
    for path, kind in report.file_systems.items():
        if kind:
            notes.append(f"{path}: is on a network file system ({kind}), where locks are unreliable.")
    return notes
