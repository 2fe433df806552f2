"""How much of every kind of file is heard, beside FFmpeg.

Makes a few hundred short files with the program ffmpeg, in every container and coding, whole and broken in the ways
that archives see; decodes each with instag and with ffmpeg, and prints a table. The aim is that no file silently
lacks more than 1 % of its sound. Of whole files the samples are compared too, not the seconds only.

Run: `python -m benchmarks.heard`
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr

from instag.audio import open_audio
from instag.errors import FileError
from instag.results import Samples

RATE = 16000
SILENT_SHARE = 0.01
_CODECS = {
    "wav": ("pcm_s16le", "pcm_s24le", "pcm_f32le", "pcm_alaw", "pcm_mulaw", "adpcm_ms", "adpcm_ima_wav", "mp3"),
    "w64": ("pcm_s16le", "pcm_s24le", "pcm_f32le"),
    "aiff": ("pcm_s16be", "pcm_s24be"),
    "au": ("pcm_s16be", "pcm_mulaw"),
    "caf": ("pcm_s16le", "pcm_s24be", "alac"),
    "flac": ("flac",),
    "mp3": ("mp3",),
    "mp2": ("mp2",),
    "ogg": ("libvorbis", "flac"),
    "opus": ("libopus",),
    "m4a": ("aac", "alac"),
    "mov": ("pcm_s16le", "aac"),
    "mka": ("flac", "libopus", "pcm_s16le"),
    "webm": ("libopus", "libvorbis"),
    "wv": ("wavpack",),
    "tta": ("tta",),
    "aac": ("aac",),
    "ac3": ("ac3",),
    "wma": ("wmav2",),
    "avi": ("pcm_s16le", "mp3"),
    "flv": ("mp3",),
    "ts": ("mp2", "aac"),
}
_SHAPES = ((16000, 1, 3), (44100, 2, 3), (48000, 2, 7), (48000, 1, 7))


@dataclass(frozen=True)
class Outcome:
    """What was heard of one file.

    Attributes:
        kind: Container and coding, or what is broken.
        heard_seconds: What instag decoded.
        other_seconds: What is there: FFmpeg's whole length, or the length written where FFmpeg hears less.
        code: The code of the row, or "".
        difference: RMS of the difference between the samples of both, of the RMS of ffmpeg's; None where they are not
            compared, because a broken file gives the two decoders different sound.
    """

    kind: str
    heard_seconds: float
    other_seconds: float
    code: str
    difference: float | None = None

    @property
    def share(self) -> float:
        """Heard by instag, of what is there; 1 at most."""
        return min(1.0, self.heard_seconds / self.other_seconds) if self.other_seconds else 1.0

    @property
    def is_silently_missing(self) -> bool:
        """More than 1 % is missing, and nothing says so."""
        return self.share < 1 - SILENT_SHARE and not self.code


def table(outcomes: list[Outcome]) -> str:
    """The outcomes as a Markdown table, one line a kind, and a line for all."""
    lines = [
        "| Kind | Files | Median heard | Least heard | With a code | Silently missing | Largest difference |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    kinds = sorted({one.kind for one in outcomes})
    lines += [_line(kind, [one for one in outcomes if one.kind == kind]) for kind in kinds]
    return "\n".join([*lines, _line("**all**", outcomes)])


def _line(name: str, outcomes: list[Outcome]) -> str:
    shares = [one.share for one in outcomes]
    coded, missing = sum(bool(one.code) for one in outcomes), sum(one.is_silently_missing for one in outcomes)
    differences = [one.difference for one in outcomes if one.difference is not None]
    largest = f"{max(differences):.4f}" if differences else ""
    numbers = f"{statistics.median(shares):.3f} | {min(shares):.3f} | {coded} | {missing} | {largest}"
    return f"| {name} | {len(outcomes)} | {numbers} |"


def heard(path: Path) -> tuple[float, str, Samples]:
    """Seconds that instag decodes, the code, and the samples at `RATE`."""
    try:
        with open_audio(path, RATE) as stream:
            samples = np.concatenate(list(stream.blocks()))
            return stream.decoded_seconds, str(stream.code.value) if stream.code else "", samples
    except FileError as error:
        return 0.0, str(error.code.value), np.empty(0, np.float32)


def heard_by_ffmpeg(ffmpeg: str, path: Path) -> Samples:
    """What the program ffmpeg decodes of the first audio stream, averaged to one channel, passing over damage."""
    command = [ffmpeg, "-v", "quiet", "-err_detect", "ignore_err", "-i", str(path), "-map", "0:a:0"]
    done = subprocess.run([*command, "-f", "f32le", "-ar", str(RATE), "-"], capture_output=True, check=False)
    probe = [ffmpeg.replace("ffmpeg", "ffprobe"), "-v", "quiet", "-select_streams", "a:0", "-show_entries"]
    channels = subprocess.run(
        [*probe, "stream=channels", "-of", "csv=p=0", str(path)], capture_output=True, text=True, check=False
    ).stdout.split()
    count = int(channels[0].strip(",")) if channels else 1
    return np.frombuffer(done.stdout, np.float32).reshape(-1, count).mean(axis=1)


def difference(mine: Samples, other: Samples) -> float:
    """RMS of the difference of what both hear, of the RMS of the second.

    Both resampled to `RATE`, each with its own filter: what is well below the filters' edge is compared.
    """
    length = min(len(mine), len(other))
    if not length:
        return 1.0
    first, second = (soxr.resample(one[:length].astype(np.float64), RATE, RATE / 2) for one in (mine, other))
    return float(np.sqrt(np.mean((first - second) ** 2) / max(1e-12, float(np.mean(second**2)))))


def _encode(ffmpeg: str, path: Path, codec: str, shape: tuple[int, int, int], *options: str) -> bool:
    rate, channels, seconds = shape
    source = f"anoisesrc=r={rate}:d={seconds}:a=0.2:c=pink:seed={seconds}"
    command = [ffmpeg, "-v", "quiet", "-y", "-f", "lavfi", "-i", source, "-ac", str(channels), "-c:a", codec, *options]
    return subprocess.run([*command, str(path)], check=False).returncode == 0 and path.stat().st_size > 0


def make_whole(ffmpeg: str, folder: Path) -> Iterator[tuple[str, Path, float]]:
    """Every container and coding that this ffmpeg writes: kind, path and seconds."""
    for extension, codecs in _CODECS.items():
        for codec in codecs:
            for number, shape in enumerate(_SHAPES):
                path = folder / f"{codec}-{number}.{extension}"
                if _encode(ffmpeg, path, codec, shape):
                    yield f"{extension}, {codec}", path, 0.0
                else:
                    path.unlink(missing_ok=True)


def make_several(ffmpeg: str, folder: Path) -> Iterator[tuple[str, Path, float]]:
    """Files with two audio streams of the same length: kind, path and the seconds of both."""
    for extension, codec in (("mka", "flac"), ("m4a", "aac"), ("mov", "pcm_s16le"), ("avi", "mp3"), ("ts", "mp2")):
        for number, (_, _, seconds) in enumerate(_SHAPES):
            one, path = folder / f"pcm_s16le-{number}.wav", folder / f"two-{number}.{extension}"
            both = ["-i", str(one), "-i", str(one), "-map", "0:a", "-map", "1:a", "-c:a", codec, str(path)]
            if subprocess.run([ffmpeg, "-v", "quiet", "-y", *both], check=False).returncode == 0:
                yield f"{extension}, two streams", path, 2.0 * seconds


# What is joined end to end, beside MP3, Ogg and FLAC.
_JOINED = (
    ("wav", "pcm_s16le"),
    ("aiff", "pcm_s16be"),
    ("m4a", "aac"),
    ("tta", "tta"),
    ("wv", "wavpack"),
    ("wma", "wmav2"),
)


# What another kind of file is put behind, and what is cut off.
_FIRSTS = (*_JOINED, ("au", "pcm_s16be"), ("caf", "pcm_s16le"), ("w64", "pcm_s16le"), ("flac", "flac"), ("mp3", "mp3"))
_FIRSTS += (("ogg", "libvorbis"), ("opus", "libopus"), ("mka", "flac"), ("avi", "mp3"), ("flv", "mp3"), ("mp2", "mp2"))
_SECONDS = (("wav", "pcm_s16le"), ("flac", "flac"), ("ogg", "libvorbis"), ("m4a", "aac"), ("mp3", "mp3"))
# No header of these says how long they should be, or it is what was cut off.
_NO_LENGTH = frozenset(("m4a", "mp2"))


def make_strangers(folder: Path) -> Iterator[tuple[str, Path, float]]:
    """Files of one kind with one of another kind behind them, and files that were cut off."""
    for number, (_, _, seconds) in enumerate(_SHAPES):
        for extension, codec in _FIRSTS:
            first = folder / f"{codec}-{number}.{extension}"
            if not first.exists():
                continue
            data = first.read_bytes()
            for other, other_codec in _SECONDS:
                second = folder / f"{other_codec}-{number}.{other}"
                if other != extension and second.exists():
                    kind = f"{extension}, another kind behind"
                    made = folder / f"{extension}-{other}-{number}.{extension}"
                    made.write_bytes(data + second.read_bytes())
                    yield kind, made, 2.0 * seconds
            if extension not in _NO_LENGTH:
                yield _put(folder, f"{extension}, cut off", number, extension, data[: len(data) * 2 // 3], seconds)


def make_broken(folder: Path) -> Iterator[tuple[str, Path, float]]:
    """Breaks copies of the whole files: kind, path and the seconds that are there (0: FFmpeg is asked)."""
    for number, (_, _, seconds) in enumerate(_SHAPES):
        for extension in ("mp3", "ogg", "opus", "flac"):
            codec = {"mp3": "mp3", "ogg": "libvorbis", "opus": "libopus", "flac": "flac"}[extension]
            whole = folder / f"{codec}-{number}.{extension}"
            if not whole.exists():
                continue
            data = whole.read_bytes()
            yield _put(folder, f"{extension}, joined", number, extension, data + data, 2.0 * seconds)
            if extension == "flac":
                count = int.from_bytes(data[18:26]) >> 36 << 36 | 8000
                few = data[:18] + count.to_bytes(8) + data[26:]
                yield _put(folder, "flac, count too small", number, extension, few, seconds)
            middle = len(data) // 2
            damaged = data[:middle] + bytes(range(256)) * 2 + data[middle + 512 :]
            yield _put(folder, f"{extension}, damage in the middle", number, extension, damaged, seconds)
            if (extension == "mp3" and (at := data.find(b"Info")) > 0) or (at := data.find(b"Xing")) > 0:
                few = data[: at + 8] + struct.pack(">I", 20) + data[at + 12 :]
                yield _put(folder, "mp3, Xing too small", number, extension, few, seconds)
        for extension, codec, name, order in (
            ("wav", "pcm_s16le", b"data", "<I"),
            ("aiff", "pcm_s16be", b"SSND", ">I"),
            ("w64", "pcm_s16le", b"data\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a", "<Q"),
            ("au", "pcm_s16be", b".snd\0\0\0", ">I"),
            ("caf", "pcm_s16le", b"data", ">q"),
        ):
            data = (folder / f"{codec}-{number}.{extension}").read_bytes()
            at = data.find(name) + (8 if extension == "au" else len(name))
            for what, size in (("0", 0), ("stale", 32000)):
                broken = data[:at] + struct.pack(order, size) + data[at + struct.calcsize(order) :]
                yield _put(folder, f"{extension}, size {what}", number, extension, broken, seconds)
        for extension, codec in _JOINED:
            data = (folder / f"{codec}-{number}.{extension}").read_bytes()
            yield _put(folder, f"{extension}, joined", number, extension, data + data, 2.0 * seconds)
        data = (folder / f"pcm_s16le-{number}.wav").read_bytes()
        yield _put(folder, "wav, junk in front", number, "wav", bytes(512) + data, seconds)
        body = data[data.find(b"data") :]
        form, sound = data[12 : data.find(b"data")], body[8:]
        wavl = b"wavl" + body + body
        head = b"RIFF" + struct.pack("<I", 12 + len(form) + len(wavl)) + b"WAVE" + form
        listed = head + b"LIST" + struct.pack("<I", len(wavl)) + wavl
        yield _put(folder, "wav, list of waves", number, "wav", listed, 2.0 * seconds)
        for magic in (b"RF64", b"BW64"):
            for what, size in (("", len(sound)), (", size 0", 0), (", size unknown", (1 << 64) - 1)):
                ds64 = struct.pack("<4sIQQQI", b"ds64", 28, size, size, 0, 0)
                long = magic + b"\xff" * 4 + b"WAVE" + ds64 + form + b"data" + b"\xff" * 4 + sound
                yield _put(folder, f"{magic.decode()}{what}", number, "wav", long, seconds)
        yield _put(folder, "wav, two data chunks", number, "wav", data + body, 2.0 * seconds)


def _put(folder: Path, kind: str, number: int, extension: str, data: bytes, seconds: float) -> tuple[str, Path, float]:
    path = folder / f"{kind.replace(', ', '-').replace(' ', '-')}-{number}.{extension}"
    path.write_bytes(data)
    return kind, path, seconds


def measure(ffmpeg: str, made: tuple[str, Path, float]) -> Outcome:
    """Decodes one file with both."""
    kind, path, seconds = made
    mine, code, samples = heard(path)
    if seconds:
        return Outcome(kind, mine, seconds, code)
    other = heard_by_ffmpeg(ffmpeg, path)
    return Outcome(kind, mine, len(other) / RATE, code, difference(samples, other))


def main() -> int:
    """Prints the table; 1 where a file silently lacks sound."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        print("benchmarks.heard needs the program ffmpeg on PATH. Install it: apt install ffmpeg", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = [
            *make_whole(ffmpeg, folder),
            *make_several(ffmpeg, folder),
            *make_broken(folder),
            *make_strangers(folder),
        ]
        with ThreadPoolExecutor(2) as pool:
            outcomes = list(pool.map(lambda one: measure(ffmpeg, one), made))
    print(table(outcomes))
    return int(any(one.is_silently_missing for one in outcomes))


if __name__ == "__main__":
    sys.exit(main())
