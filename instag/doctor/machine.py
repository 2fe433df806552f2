"""What the machine is: its processor's features and NVIDIA's driver."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from pathlib import Path

# What decides which of onnxruntime's kernels run, on x86-64 and on ARM.
_FEATURES = (
    *("sse4_1", "avx", "avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8"),
    *("asimd", "asimddp", "i8mm", "sve"),
)
_INTEGER_DOT_PRODUCTS = frozenset({"avx512_vnni", "avx_vnni", "amx_int8", "asimddp"})


def cpu_features(cpuinfo: Path = Path("/proc/cpuinfo")) -> tuple[str, ...] | None:
    """Features of the processor that matter to the model; None where the system does not list them.

    Args:
        cpuinfo: Linux's list.
    """
    try:
        text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    line = re.search(r"^(?:flags|Features)\s*:(.*)$", text, re.MULTILINE)
    present = set(line[1].split()) if line else set()
    return tuple(name for name in _FEATURES if name in present) if present else None


def cpu_notes(features: tuple[str, ...] | None) -> list[str]:
    """What the features mean for the user."""
    if features is None or platform.machine() not in ("x86_64", "AMD64", "aarch64", "arm64"):
        return []
    notes = []
    if platform.machine() in ("x86_64", "AMD64") and "avx" not in features:
        notes.append("The CPU has no AVX; onnxruntime may die on it. Use a machine with AVX.")
    if not _INTEGER_DOT_PRODUCTS & set(features):
        notes.append("The CPU has no 8-bit dot products (VNNI): an 8-bit model may give slightly other scores here.")
    return notes


def driver_version(proc: Path = Path("/proc/driver/nvidia/version")) -> str:
    """Version of NVIDIA's driver, `580.65.06`; "" where there is none.

    Args:
        proc: Where Linux's driver says it.
    """
    try:
        if found := re.search(r"\s(\d{3,}\.\d+(?:\.\d+)?)\s", proc.read_text(encoding="utf-8", errors="replace")):
            return found[1]
    except OSError:
        pass
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ""
    command = [tool, "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.match(r"\s*(\d{3,}\.\d+(?:\.\d+)?)\s", answer.stdout)
    return found[1] if found and answer.returncode == 0 else ""


def driver_needed(onnxruntime_version: str) -> int:
    """The least major version of the driver for a version of onnxruntime-gpu from PyPI.

    Those wheels are built for CUDA 13 from 1.27 on, which needs driver 580, and for CUDA 12 before, which needs 525.
    """
    numbers = [int(part) for part in re.findall(r"\d+", onnxruntime_version)[:2]]
    return 580 if numbers >= [1, 27] else 525
