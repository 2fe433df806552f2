"""Sizes of onnxruntime's two builds, side by side: `python -m benchmarks.install_sizes [VERSION]`.

Downloads the wheel of each for this machine with pip, and prints its size and what it unpacks to, in MB.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path


def sizes_of(wheel: Path) -> tuple[float, float]:
    """Size of a wheel and of what is in it, in MB."""
    with zipfile.ZipFile(wheel) as archive:
        return wheel.stat().st_size / 1e6, sum(entry.file_size for entry in archive.infolist()) / 1e6


def main() -> None:
    """Downloads and prints."""
    version = f"=={sys.argv[1]}" if len(sys.argv) > 1 else ""
    print("| package | download, MB | installed, MB |\n|---|---|---|")
    for name in ("onnxruntime", "onnxruntime-gpu"):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
            subprocess.run([*command, name + version], check=True)
            (wheel,) = Path(folder).glob("*.whl")
            download, installed = sizes_of(wheel)
        package, number = wheel.name.split("-")[:2]
        print(f"| {package.replace('_', '-')} {number} | {download:.0f} | {installed:.0f} |")


if __name__ == "__main__":
    main()
