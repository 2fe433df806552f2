"""Numbers that several stages agree on. What belongs to a model (rate, window, thresholds) is in its card instead."""

from __future__ import annotations

# Every window is brought to this RMS level before a model hears it, so that scores do not depend on how loud a transfer
# is. Part of the model contract: training levels its windows by the same function.
WINDOW_LEVEL_DBFS = -20.0

# Decoded blocks: about a second of CD audio, so that memory does not depend on the length of a file.
BLOCK_FRAMES = 1 << 16

# What remains after the last whole window gets a window of its own unless it is shorter: codecs and resamplers round.
LEAST_TAIL_SECONDS = 0.1

# What a decoder may be asked to mix down and resample.
MAX_CHANNELS = 64
MIN_SAMPLE_RATE = 1_000
MAX_SAMPLE_RATE = 768_000

# Extensions that are walked in folders (a file that is named on the command line is always tried).
AUDIO_EXTENSIONS: frozenset[str] = frozenset(
    {
        "wav",
        "wave",
        "bwf",
        "rf64",
        "w64",
        "aif",
        "aiff",
        "aifc",
        "au",
        "snd",
        "caf",
        "flac",
        "oga",
        "mka",
        "mkv",
        "webm",
        "ogv",
        "mov",
        "dsf",
        "dff",
        "tak",
        "ac3",
        "eac3",
        "dts",
        "mpc",
        "tta",
        "3gp",
        "m4b",
        "ape",
        "wv",
        "mp4",
        "m4a",
        "wma",
        "asf",
        "mp2",
        "m4v",
        "ogg",
        "opus",
        "spx",
        "avi",
        "m2ts",
        "mpeg",
        "mpg",
        "vob",
        "flv",
        "amr",
        "ra",
        "rm",
        "voc",
        "sph",
    }
    | {"mp2", "mp3", "m4a", "m4b", "mp4", "aac", "wma", "asf", "ape", "wv", "mpc", "tta"}
)

# Files that instag writes are never taken for input.
SIDECAR_SUFFIX = ".instag.json"
TEMPORARY_PREFIX = ".instag-"

LIMITS_NOTICE = (
    "The label is the most likely dominant instrument, and the confidence is a probability, not a guarantee. "
    "A person should listen to files marked 'needs review'. Not for surveillance or rights enforcement."
)

assert BLOCK_FRAMES > 0 and WINDOW_LEVEL_DBFS < 0
assert all(extension == extension.lower() for extension in AUDIO_EXTENSIONS)
