"""Real containers, written by real libraries, with the metadata that archives keep in them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import mutagen
import numpy as np
import soundfile
from mutagen.apev2 import APEv2
from mutagen.asf import ASF
from mutagen.flac import FLAC, CueSheet, CueSheetTrack, CueSheetTrackIndex, Picture, SeekPoint, SeekTable
from mutagen.id3 import APIC, COMM, ID3, PRIV, RVAD, TALB, TIT2, TSIZ, TXXX, TYER
from mutagen.mp4 import MP4, MP4Cover, MP4FreeForm
from mutagen.ogg import OggPage

RATE = 44_100
ID3V1 = b"TAG" + b"Old title".ljust(30, b"\0") + b"\0" * 94 + b"\x0c"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 12


def tone(seconds: float = 1.0, channels: int = 2) -> np.ndarray:
    """A chord with a little noise: (frames, channels) float32."""
    rng = np.random.default_rng(7)
    t = np.arange(int(seconds * RATE)) / RATE
    chord = sum(np.sin(2 * np.pi * f * t) for f in (220.0, 277.2, 329.6)) / 4
    return np.stack([chord + 0.01 * rng.standard_normal(len(t)) for _ in range(channels)], 1).astype(np.float32)


def _soundfile(container: str, subtype: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        rate = 48_000 if subtype == "OPUS" else RATE
        soundfile.write(path, tone(), rate, format=container, subtype=subtype)

    return make


def _av(container: str, codec: str, sample_format: str, **options: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        import av

        samples = tone()
        with av.open(str(path), "w", format=container, options=options) as out:
            stream = out.add_stream(codec, rate=RATE, layout="stereo", format=sample_format)
            encoder = stream.codec_context
            encoder.bit_rate = 128_000
            resampler = av.AudioResampler(format=sample_format, layout="stereo", rate=RATE)
            fifo = av.AudioFifo()
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T), format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
            for part in resampler.resample(frame):
                fifo.write(part)
            for part in iter(lambda: fifo.read(encoder.frame_size or 1024), None):
                out.mux(stream.encode(part))
            rest = fifo.read(partial=True)
            if rest is not None:
                out.mux(stream.encode(rest))
            out.mux(stream.encode(None))

    return make


def chunk(name: bytes, body: bytes, order: str = "<") -> bytes:
    """A RIFF or AIFF chunk, padded."""
    return struct.pack(order + "4sI", name, len(body)) + body + b"\0" * (len(body) & 1)


def with_chunks(path: Path, before: bytes, after: bytes) -> None:
    """Puts chunks before and after those of a WAV file."""
    data = path.read_bytes()
    content = data[8:12] + before + data[12:] + b"\0" * (len(data) & 1) + after
    path.write_bytes(data[:4] + struct.pack("<I", len(content)) + content)


def _bwf(path: Path) -> None:
    soundfile.write(path, tone(), RATE, format="WAV", subtype="PCM_24")
    description = b"Reel 7, side A".ljust(256, b"\0") + b"An archive".ljust(32, b"\0") + b"\0" * 314
    before = chunk(b"bext", description + b"A=PCM,F=44100,W=24,M=stereo,T=Studer A807\r\n")
    after = chunk(b"iXML", b'<?xml version="1.0"?><BWFXML><NOTE>one&#x0a;two</NOTE></BWFXML>')
    after += chunk(b"cart", b"0101" + b"Title".ljust(64, b"\0") + b"\0" * 1980)
    after += chunk(b"LIST", b"INFO" + chunk(b"INAM", b"Side A\0") + chunk(b"IART", b"Somebody\0"))
    after += chunk(b"odd!", b"123")
    with_chunks(path, before, after)


def _wav_id3(path: Path) -> None:
    _bwf(path)
    wave = mutagen.File(path)
    wave.add_tags()
    wave.tags.add(TIT2(encoding=3, text="Reel 7"))
    wave.save(v2_version=3)
    with_chunks(path, b"", chunk(b"last", b"after the tags"))


def _id3_frames() -> ID3:
    tag = ID3()
    tag.add(TIT2(encoding=1, text="Étude"))
    tag.add(TALB(encoding=0, text="An album"))
    tag.add(COMM(encoding=1, lang="deu", desc="", text="Notiz"))
    tag.add(TXXX(encoding=0, desc="Composer's instrument", text="viola"))
    tag.add(APIC(encoding=0, mime="image/png", type=3, desc="cover", data=PNG))
    tag.add(PRIV(owner="somebody", data=b"\0\1\2\xff\xfb"))
    return tag


def _mp3(version: int | None, **extras: bool) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        soundfile.write(path, tone(), RATE, format="MP3")
        if version in (3, 4):
            tag = _id3_frames()
            if version == 3:
                tag.add(TYER(encoding=0, text="1999"))
                tag.add(TSIZ(encoding=0, text="12345"))
                tag.add(RVAD(adjustments=[1, 2]))
            tag.unknown_frames.append(b"XYZW\0\0\0\x05\0\0hello")
            tag._unknown_v2_version = version
            tag.save(path, v2_version=version, v23_sep=None)
        if version == 2:
            path.write_bytes(id3v22() + path.read_bytes())
        if extras.get("ape"):
            save_ape(path, {"Title": "In APE", "Instrument": "theirs"})
        if extras.get("v1"):
            path.write_bytes(path.read_bytes() + ID3V1)

    return make


def save_ape(path: Path, items: dict[str, str | bytes]) -> None:
    """Writes an APEv2 tag."""
    tag = APEv2()
    for key, value in items.items():
        tag[key] = value
    tag.save(path)


def id3v22() -> bytes:
    """An ID3v2.2 tag, which no library writes any more, with padding."""
    frames = b"".join(
        name + len(body).to_bytes(3) + body
        for name, body in (
            (b"TT2", b"\0A title"),
            (b"PIC", b"\0PNG\x03\0" + PNG),
            (b"XQZ", b"unknown"),
        )
    )
    size = len(frames) + 64
    return b"ID3\x02\0\0" + bytes((size >> s) & 0x7F for s in (21, 14, 7, 0)) + frames + b"\0" * 64


def _mp3_unsynchronised(path: Path) -> None:
    soundfile.write(path, tone(), RATE, format="MP3")
    body = b"\0image/png\0\x03\0" + b"\xff\xfb\xff\0\xff\xe0\xff"
    frame = b"APIC" + len(body).to_bytes(4) + b"\0\0" + body
    coded = (
        frame.replace(b"\xff\0", b"\xff\0\0").replace(b"\xff\xfb", b"\xff\0\xfb").replace(b"\xff\xe0", b"\xff\0\xe0")
    )
    coded = coded + b"\0"
    path.write_bytes(b"ID3\x03\0\x80" + len(coded).to_bytes(4) + coded + path.read_bytes())


def _flac_full(path: Path) -> None:
    soundfile.write(path, tone(), RATE, format="FLAC")
    flac = FLAC(path)
    if flac.tags is None:
        flac.add_tags()
    flac["title"] = ["Étude", "Study"]
    flac["instrumentation"] = "viola"
    picture = Picture()
    picture.data, picture.mime, picture.type = PNG, "image/png", 3
    flac.add_picture(picture)
    flac.metadata_blocks.append(cue_sheet())
    seek_table = SeekTable(b"")
    seek_table.seekpoints = [SeekPoint(0, 0, 4096), SeekPoint(4096, 10_000, 4096)]
    flac.metadata_blocks.append(seek_table)
    flac.save(padding=lambda info: 4000)


def cue_sheet() -> CueSheet:
    """A cue sheet with one track and the lead-out."""
    sheet = CueSheet(b"\0" * 396)
    sheet.media_catalog_number, sheet.lead_in_samples, sheet.compact_disc = b"1234567890123", 88_200, True
    first = CueSheetTrack(1, 0, b"ABCDE1234567")
    first.indexes.append(CueSheetTrackIndex(1, 0))
    sheet.tracks[:] = [first, CueSheetTrack(170, RATE)]
    return sheet


def _flac_bare(path: Path) -> None:
    """Only STREAMINFO before the frames."""
    soundfile.write(path, tone(), RATE, format="FLAC")
    flac = FLAC(path)
    data = path.read_bytes()
    frames = data[4 + sum(4 + len(block.write()) for block in flac.metadata_blocks) :]
    path.write_bytes(b"fLaC\x80\0\0\x22" + flac.info.write() + frames)


def _flac_id3(path: Path) -> None:
    _flac_full(path)
    holder = path.with_suffix(".id3")
    _id3_frames().save(holder)
    path.write_bytes(holder.read_bytes() + path.read_bytes())
    holder.unlink()


def _ogg_tagged(subtype: str, many: bool = False) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        rate = 48_000 if subtype == "OPUS" else RATE
        soundfile.write(path, tone(), rate, format="OGG", subtype=subtype)
        file = mutagen.File(path)
        file["title"] = ["Étude"]
        if many:
            file["lyrics"] = "la " * 60_000
        file.save()

    return make


def _speex(path: Path) -> None:
    """The header packets and page layout of Speex, with packets of noise: no encoder for it is at hand."""
    header = b"Speex   " + b"1.2".ljust(20, b"\0") + struct.pack("<13i", 1, 80, RATE, 0, 4, 1, -1, 320, 0, 1, 0, 0, 0)
    comment = struct.pack("<I", 5) + b"maker" + struct.pack("<I", 1) + struct.pack("<I", 7) + b"title=x"
    noise = np.random.default_rng(1).bytes(2000)
    packets = [[header], [comment], [noise[i : i + 40] for i in range(0, 2000, 40)]]
    data = b""
    for number, inside in enumerate(packets):
        page = OggPage()
        page.packets, page.serial, page.sequence = inside, 99, number
        page.first, page.last = number == 0, number == 2
        page.position = 320 * 50 if number == 2 else 0
        data += page.write()
    path.write_bytes(data)


def _musepack(path: Path) -> None:
    """A header of Musepack 7, with noise for frames: no encoder for it is at hand."""
    header = b"MP+\x07" + struct.pack("<II", 50, 0) + bytes(20)
    path.write_bytes(header + np.random.default_rng(2).bytes(3000))


def _monkey(path: Path) -> None:
    """A header of Monkey's Audio, with noise for frames: no encoder for it is at hand."""
    header = b"MAC " + struct.pack("<H", 3990) + bytes(50) + struct.pack("<IIIHHI", 73728, 500, 2, 16, 2, RATE)
    path.write_bytes(header + np.random.default_rng(2).bytes(3000))


def _mp3_with_junk(path: Path) -> None:
    """A stream that was cut out of a broadcast."""
    soundfile.write(path, tone(), RATE, format="MP3")
    path.write_bytes(bytes(100) + np.random.default_rng(2).bytes(333) + path.read_bytes())


def _m4a_full(make: Callable[[Path], None]) -> Callable[[Path], None]:
    def made(path: Path) -> None:
        make(path)
        mp4 = MP4(path)
        mp4["\xa9nam"] = "Étude"
        mp4["covr"] = [MP4Cover(PNG, MP4Cover.FORMAT_PNG)]
        mp4["trkn"] = [(3, 9)]
        mp4["----:com.apple.iTunes:MOOD"] = [MP4FreeForm(b"calm"), MP4FreeForm(b"slow")]
        mp4.save()

    return made


def _wma_full(path: Path) -> None:
    _av("asf", "wmav2", "fltp")(path)
    asf = ASF(path)
    asf["Title"] = "Étude"
    asf["WM/Genre"] = ["one", "two"]
    asf["WM/Picture"] = PNG
    asf.save()


def _ape_tagged(make: Callable[[Path], None], v1: bool = False) -> Callable[[Path], None]:
    def made(path: Path) -> None:
        make(path)
        save_ape(path, {"Title": "Étude", "Cover Art (front)": PNG})
        if v1:
            path.write_bytes(path.read_bytes() + ID3V1)

    return made


def _aiff_tagged(path: Path) -> None:
    soundfile.write(path, tone(), RATE, format="AIFF", subtype="PCM_16")
    aiff = mutagen.File(path)
    aiff.add_tags()
    for frame in _id3_frames().values():
        aiff.tags.add(frame)
    aiff.save(v2_version=3, v23_sep=None)


# Containers into which tags are written, by a name whose ending is the file's.
TAGGED: dict[str, Callable[[Path], None]] = {
    "plain.wav": _soundfile("WAV", "PCM_16"),
    "float.wav": _soundfile("WAV", "FLOAT"),
    "extensible.wav": _soundfile("WAVEX", "PCM_24"),
    "bwf.wav": _bwf,
    "id3.wav": _wav_id3,
    "plain.aiff": _soundfile("AIFF", "PCM_24"),
    "tagged.aif": _aiff_tagged,
    "compressed.aifc": _soundfile("AIFF", "ULAW"),
    "plain.flac": _soundfile("FLAC", "PCM_16"),
    "bare.flac": _flac_bare,
    "full.flac": _flac_full,
    "id3.flac": _flac_id3,
    "plain.ogg": _soundfile("OGG", "VORBIS"),
    "tagged.ogg": _ogg_tagged("VORBIS"),
    "lyrics.ogg": _ogg_tagged("VORBIS", many=True),
    "plain.opus": _soundfile("OGG", "OPUS"),
    "tagged.opus": _ogg_tagged("OPUS", many=True),
    "plain.spx": _speex,
    "plain.mpc": _musepack,
    "tagged.mpc": _ape_tagged(_musepack, v1=True),
    "plain.ape": _monkey,
    "tagged.ape": _ape_tagged(_monkey),
    "junk.mp3": _mp3_with_junk,
    "plain.mp3": _mp3(None),
    "v1.mp3": _mp3(None, v1=True),
    "v22.mp3": _mp3(2, v1=True),
    "v23.mp3": _mp3(3, v1=True),
    "v24.mp3": _mp3(4),
    "ape.mp3": _mp3(4, ape=True, v1=True),
    "unsynchronised.mp3": _mp3_unsynchronised,
}
# The same, made by PyAV.
TAGGED_BY_AV: dict[str, Callable[[Path], None]] = {
    "plain.m4a": _av("ipod", "aac", "fltp"),
    "full.m4a": _m4a_full(_av("ipod", "aac", "fltp", movflags="faststart")),
    "alac.m4a": _m4a_full(_av("ipod", "alac", "s16p")),
    "plain.mp4": _av("mp4", "aac", "fltp", movflags="faststart"),
    "fragmented.mp4": _av("mp4", "aac", "fltp", movflags="frag_keyframe+empty_moov+default_base_moof"),
    "plain.wma": _av("asf", "wmav2", "fltp"),
    "full.wma": _wma_full,
    "plain.wv": _av("wv", "wavpack", "s16p"),
    "tagged.wv": _ape_tagged(_av("wv", "wavpack", "s16p")),
    "ogg.oga": _av("ogg", "flac", "s16"),
    "plain.tta": _av("tta", "tta", "s16"),
    "layer2.mp2": _av("mp2", "mp2", "s16"),
}
# Containers into which none are written.
REFUSED: dict[str, Callable[[Path], None]] = {
    "plain.rf64": _soundfile("RF64", "PCM_16"),
    "plain.w64": _soundfile("W64", "PCM_16"),
    "plain.caf": _soundfile("CAF", "PCM_16"),
    "plain.au": _soundfile("AU", "PCM_16"),
}
REFUSED_BY_AV: dict[str, Callable[[Path], None]] = {"raw.aac": _av("adts", "aac", "fltp")}


def decoded(path: Path) -> np.ndarray | None:
    """The samples of a file, by whichever library reads it; None for the streams of noise."""
    if path.suffix in (".spx", ".mpc", ".ape"):
        return None
    if path.suffix in (".m4a", ".mp4", ".wma", ".wv", ".tta", ".mp2", ".oga"):
        import av

        with av.open(str(path), metadata_errors="replace") as opened:
            return np.concatenate([frame.to_ndarray() for frame in opened.decode(audio=0)], axis=1)
    return soundfile.read(path, always_2d=True)[0]
