"""What the tests of decoding share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from instag.audio import open_audio
from instag.errors import FileError

RATE = 16_000


def decode(path):
    """Samples and the stream after its end."""
    with open_audio(path, RATE) as stream:
        return np.concatenate([np.empty(0, np.float32), *stream.blocks()]), stream


def refusal(path):
    with pytest.raises(FileError) as caught, open_audio(path, RATE) as stream:
        for _ in stream.blocks():
            pass
    assert Path(path).name in caught.value.message and caught.value.remedy
    return caught.value.code
