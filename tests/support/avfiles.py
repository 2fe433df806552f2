"""Files that FFmpeg's own encoders write."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support import synth

av = pytest.importorskip("av")


def encode(path, signal, container, codec, rate=44_100, channels=2):
    """Writes a file with FFmpeg's own encoder, skipping where this build of it has none."""
    try:
        av.codec.Codec(codec, "w")
    except av.codec.codec.UnknownCodecError:
        pytest.skip(f"this FFmpeg does not write {codec}")
    with av.open(str(path), "w", format=container) as file:
        layout = "stereo" if channels == 2 else "mono"
        stream = file.add_stream(codec, rate=rate, layout=layout, bit_rate=128_000)
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(synth.spread(signal, channels).T), format="fltp", layout=stream.layout.name
        )
        frame.sample_rate = rate
        for part in av.AudioResampler(format=stream.format.name, layout=stream.layout.name, rate=rate).resample(frame):
            # Encoders take frames of one size; FFmpeg cuts them when asked in pieces.
            for piece in _pieces(part, stream.codec_context.frame_size or 4096):
                file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
    return path


def _pieces(frame, size):
    fifo = av.AudioFifo()
    fifo.write(frame)
    while (piece := fifo.read(size, partial=True)) is not None:
        yield piece
