from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from train.corpus.manifest import (
    AudioCache,
    Clip,
    CorpusError,
    fingerprint,
    grouped_split,
    leave_one_source_out,
    load_clip,
    read_manifest,
)

HEADER = "path,label,detail,source,kind,group,split,seconds,licence\n"


def write_manifest(folder: Path, *rows: str) -> Path:
    path = folder / "manifest.csv"
    path.write_text(HEADER + "\n".join(rows) + "\n")
    return path


def clip(name: str, label: str, source: str, group: str) -> Clip:
    return Clip(Path("/corpus") / name, label, "", source, "note", group, "train", 1.0, "CC0")


def test_a_manifest_is_read(tmp_path: Path) -> None:
    path = write_manifest(tmp_path, "a.wav,cello,,studio,note,studio:1,train,1.5,CC0")
    (only,) = read_manifest(path)
    assert only == Clip(tmp_path / "a.wav", "cello", "", "studio", "note", "studio:1", "train", 1.5, "CC0")


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("a.wav,kazoo,,studio,note,g,train,1,CC0", "label"),
        ("a.wav,cello,,studio,note,g,test,1,CC0", "split"),
        ("a.wav,cello,,studio,note,g,train,long,CC0", "seconds"),
        ("a.wav,cello,,studio,note,g,train,inf,CC0", "seconds"),
        (",cello,,studio,note,g,train,1,CC0", "path"),
    ],
)
def test_a_senseless_row_is_named_by_file_line_and_field(tmp_path: Path, row: str, field: str) -> None:
    path = write_manifest(tmp_path, "a.wav,cello,,studio,note,g,train,1,CC0", row)
    with pytest.raises(CorpusError, match=rf"manifest\.csv: line 3: field '{field}'"):
        read_manifest(path)


def test_a_missing_column_and_a_missing_file_are_named(tmp_path: Path) -> None:
    path = tmp_path / "manifest.csv"
    with pytest.raises(CorpusError, match=r"manifest\.csv"):
        read_manifest(path)
    path.write_text("path,label\na.wav,cello\n")
    with pytest.raises(CorpusError, match="column 'source'"):
        read_manifest(path)


def test_a_clip_is_decoded_to_mono_at_the_wanted_rate(tmp_path: Path) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(44100) / 44100)
    soundfile.write(tmp_path / "a.wav", np.stack([tone, np.zeros_like(tone)], axis=1), 44100)
    (only,) = read_manifest(write_manifest(tmp_path, "a.wav,cello,,studio,note,g,train,1,CC0"))
    samples = load_clip(only, 16000)
    assert samples.dtype == np.float32 and samples.shape == (16000,)
    assert np.abs(samples[1000:15000]).max() == pytest.approx(0.5, abs=0.01)
    (tmp_path / "a.wav").write_bytes(b"no audio")
    with pytest.raises(CorpusError, match=r"a\.wav"):
        load_clip(only, 16000)


def test_the_cache_gives_back_what_was_decoded(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = []
    for name in "ab":
        soundfile.write(tmp_path / f"{name}.wav", rng.uniform(-1, 1, 16000), 16000, subtype="FLOAT")
        rows.append(f"{name}.wav,cello,,studio,note,g,train,1,CC0")
    clips = read_manifest(write_manifest(tmp_path, *rows))
    for _ in range(2):  # the second time from the files of the first
        cache = AudioCache(clips, 16000, tmp_path / "cache")
        for index, one in enumerate(clips):
            np.testing.assert_allclose(cache.samples(index), load_clip(one, 16000), atol=1 / 32000)
        np.testing.assert_array_equal(cache.samples(1, 15000, 5000), cache.samples(1)[15000:])


def test_the_fingerprint_ignores_order_and_place_and_sees_every_field_and_byte(tmp_path: Path) -> None:
    def clips(folder: Path, content: bytes = b"sound", group: str = "g") -> list[Clip]:
        folder.mkdir(exist_ok=True)
        for name, data in (("a", content), ("b", b"other sound")):
            (folder / name).write_bytes(data)
        return [
            replace(clip("a", "cello", "s", group), path=folder / "a"),
            replace(clip("b", "violin", "s", "h"), path=folder / "b"),
        ]

    here = clips(tmp_path / "here")
    same = fingerprint(here)
    assert fingerprint(here[::-1]) == same
    assert fingerprint(clips(tmp_path / "elsewhere")) == same
    assert fingerprint(clips(tmp_path / "regrouped", group="other")) != same
    assert fingerprint(clips(tmp_path / "changed", content=b"noise")) != same
    with pytest.raises(CorpusError, match="cannot be read"):
        fingerprint([replace(here[0], path=tmp_path / "absent")])


def test_no_group_stands_on_both_sides() -> None:
    clips = [
        clip(f"{i}", label, f"s{i % 3}", f"{label if i % 5 else 'shared'}:{i % 7}")
        for i in range(300)
        for label in ("cello", "flute", "other")
    ]
    kept, held = grouped_split(clips, 0.3, seed=1)
    assert sorted(kept + held) == list(range(len(clips)))
    assert not {clips[i].group for i in kept} & {clips[i].group for i in held}
    assert {clips[i].label for i in kept} == {clips[i].label for i in held} == {"cello", "flute", "other"}


def test_sources_that_share_recordings_are_held_out_together() -> None:
    clips = [
        clip("a", "cello", "fluidr3", "g"),
        clip("b", "cello", "msgeneral", "h"),
        clip("c", "cello", "philharmonia", "i"),
    ]
    folds = {family: (kept, held) for family, kept, held in leave_one_source_out(clips)}
    assert folds == {"fluidr3+msgeneral": ([2], [0, 1]), "philharmonia": ([0, 1], [2])}
