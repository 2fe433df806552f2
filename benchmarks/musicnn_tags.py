"""musicnn's tags of windows: run by `benchmarks.peers` in an environment that has musicnn (PyPI).

    python musicnn_tags.py AUDIO.npy TAGS.npz

AUDIO holds (windows, 48000) float32 at 16 kHz; TAGS gets `tags`, (windows, 50) float32, and their `names`. The steps
are those of `musicnn.extractor`, which takes nothing but files.
"""

import sys
from pathlib import Path

import librosa
import musicnn
import numpy as np
import tensorflow as tf
from musicnn import configuration, models

MODEL = "MTT_musicnn"
FRAMES = 187
BATCH = 32


def main() -> None:
    """Command line."""
    source, target = sys.argv[1:]
    audio = np.load(source)
    mel = [
        librosa.feature.melspectrogram(
            y=window,
            sr=configuration.SR,
            hop_length=configuration.FFT_HOP,
            n_fft=configuration.FFT_SIZE,
            n_mels=configuration.N_MELS,
        ).T[:FRAMES]
        for window in audio
    ]
    # The published code rounds to half precision before the logarithm.
    patches = np.log10(10000 * np.stack(mel).astype(np.float16) + 1)
    tf.compat.v1.disable_eager_execution()
    with tf.name_scope("model"):
        place = tf.compat.v1.placeholder(tf.float32, [None, FRAMES, configuration.N_MELS])
        training = tf.compat.v1.placeholder(tf.bool)
        logits = models.define_model(place, training, MODEL, len(configuration.MTT_LABELS))[0]
        scores = tf.nn.sigmoid(logits)
    with tf.compat.v1.Session() as session:
        tf.compat.v1.train.Saver().restore(session, f"{Path(musicnn.__file__).parent / MODEL}/")
        tags = [
            session.run(scores, {place: patches[at : at + BATCH], training: False})
            for at in range(0, len(patches), BATCH)
        ]
    np.savez(target, tags=np.concatenate(tags).astype(np.float32), names=np.array(configuration.MTT_LABELS))


if __name__ == "__main__":
    main()
