"""Starts a model on one device and prints what came of it, as JSON: `python -m instag.model.probe DEVICE MODEL`.

`instag doctor` runs it in a process of its own, since onnxruntime may take its process along on a CPU or a driver that
it was not built for.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from instag.errors import InstagError


def probe(device: str, file: Path) -> dict[str, Any]:
    """What one device does with a model.

    Args:
        device: `cpu` or `cuda`.
        file: The ONNX file.

    Returns:
        `version`, `build` and `available` of onnxruntime; `device` on which the model ran; and, where the model has a
        fixture, `windows`, `largest_difference`, `labels_differ` and `mean_seconds` of one window. Where the device
        cannot be had: `error`.
    """
    try:
        import onnxruntime as ort

        found: dict[str, Any] = {"version": ort.__version__, "available": ort.get_available_providers()}
        found["build"] = ort.get_build_info()
    except Exception as error:  # a library that is missing or half overwritten fails in many ways
        return {"error": f"onnxruntime cannot be imported ({type(error).__name__}: {error})"}
    from instag.model.session import Device, open_model

    try:
        model = open_model(file, Device(device))
        return found | {"device": str(model.device)} | _compare(model, file)
    except InstagError as error:
        return found | {"error": str(error)}


def _compare(model: Any, file: Path) -> dict[str, Any]:
    """Holds a model against its fixture."""
    import time

    import numpy as np

    from instag.model.fixture import read_fixture, score_sounds

    fixture = read_fixture(file)
    if fixture is None:
        return {}
    started = time.perf_counter()
    dominant, present = score_sounds(model, fixture.sounds)
    seconds = time.perf_counter() - started
    kept = np.array(fixture.dominant)
    differences = np.abs(dominant - kept).max(), np.abs(present - np.array(fixture.present)).max()
    return {
        "windows": len(kept),
        "largest_difference": float(max(differences)),
        "labels_differ": int((dominant.argmax(axis=1) != kept.argmax(axis=1)).sum()),
        "mean_seconds": seconds / len(kept),
    }


if __name__ == "__main__":
    print(json.dumps(probe(sys.argv[1], Path(sys.argv[2]))))
