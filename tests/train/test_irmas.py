"""IRMAS: a tiny tree in the published layout and naming, splits, vocabularies."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile

from instag.labels import IRMAS_11, IRMAS_CODES, LABELS
from train.corpus.irmas import read_testing, read_training
from train.corpus.manifest import CorpusError, load_clip
from train.corpus.splits import fold_scores, label_index, split
from train.errors import TrainingError


def write(path, seconds=0.2):
    path.parent.mkdir(parents=True, exist_ok=True)
    audio = np.random.default_rng(len(path.name)).normal(0, 0.1, (int(44100 * seconds), 2))
    soundfile.write(path, audio, 44100, subtype="PCM_16")


@pytest.fixture
def tree(tmp_path):
    for code in IRMAS_CODES:
        for recording in range(4):
            for excerpt in (1, 2, 3):
                drums = "[nod]" if recording % 2 else "[dru]"
                prefix = f"{recording:03d}__" if recording < 2 else ""
                genre = "[cla]" if recording else "[pop_roc]"
                name = f"{prefix}[{code}]{drums if prefix else ''}{genre}{recording:04d}__{excerpt}.wav"
                write(tmp_path / "IRMAS-TrainingData" / code / name)
    for part, stem, codes in (
        (1, "(02) dont kill the whale-1", "gel\t\nvoi\t\n"),
        (1, "(02) dont kill the whale-2", "gel\t\nvoi\t\n"),
        (2, "01 - Fugue-3", "org\t\n"),
        (3, "nothing else", "pia\t\ncel\t\nvio\t\n"),
    ):
        path = tmp_path / f"IRMAS-TestingData-Part{part}" / f"Part{part}" / f"{stem}.wav"
        write(path)
        path.with_suffix(".txt").write_text(codes)
    return tmp_path


def test_training_part(tree):
    clips = read_training(tree)
    assert len(clips) == 11 * 4 * 3
    assert {clip.label for clip in clips} == set(IRMAS_11)
    assert len({clip.group for clip in clips}) == 11 * 4
    first = next(clip for clip in clips if clip.path.name == "001__[cel][nod][cla]0001__2.wav")
    assert (first.label, first.group, first.detail) == ("cello", "irmas:cel:0001", "[cel][nod][cla]")
    assert first.seconds == pytest.approx(0.2)
    assert first.licence == "CC-BY-NC-SA-3.0"


def test_testing_part(tree):
    clips = read_testing(tree)
    assert [clip.labels for clip in clips][:2] == [("electric_guitar", "voice")] * 2
    assert clips[0].group == clips[1].group == "(02) dont kill the whale"
    assert [len(clip.labels) for clip in clips] == [2, 2, 1, 3]


@pytest.mark.parametrize("scheme", ["recording", "fold:1/3", "fold:3/3"])
def test_excerpts_of_a_recording_stay_on_one_side(tree, scheme):
    clips = read_training(tree)
    train, held = split(clips, scheme, seed=1)
    assert sorted(train + held) == list(range(len(clips)))
    assert not {clips[i].group for i in train} & {clips[i].group for i in held}
    assert {clips[i].label for i in held} == set(IRMAS_11)


def test_folds_cover_every_recording_once(tree):
    clips = read_training(tree)
    held = [index for fold in (1, 2, 3) for index in split(clips, f"fold:{fold}/3", seed=1)[1]]
    assert sorted(held) == list(range(len(clips)))


def test_the_reports_split_leaks(tree):
    clips = read_training(tree)
    train, held = split(clips, "leaky", seed=1)
    assert len(held) == round(0.2 * len(clips))
    assert {clips[i].group for i in train} & {clips[i].group for i in held}


def test_whole_sources_are_held_out(tree):
    clips = [replace(clip, source="abc"[i % 3]) for i, clip in enumerate(read_training(tree))]
    train, held = split(clips, "sources:a+c", seed=1)
    assert {clips[i].source for i in held} == {"a", "c"}
    assert {clips[i].source for i in train} == {"b"}
    assert len(train) + len(held) == len(clips)


@pytest.mark.parametrize("scheme", ["random", "fold:0/3", "fold:4/3", "fold:1/1", "sources:irmas+nowhere"])
def test_a_senseless_split_is_refused(tree, scheme):
    with pytest.raises(TrainingError, match=scheme.rpartition("+")[2]):
        split(read_training(tree), scheme, seed=1)


def test_missing_folder_is_named(tree, tmp_path):
    with pytest.raises(TrainingError, match=r"nowhere.IRMAS-TrainingData: no such folder"):
        read_training(tmp_path / "nowhere")
    with pytest.raises(TrainingError, match="IRMAS-TestingData"):
        read_testing(tmp_path / "nowhere")
    for path in (tree / "IRMAS-TrainingData" / "org").iterdir():
        path.unlink()
    with pytest.raises(TrainingError, match="org: it holds no clips"):
        read_training(tree)


def test_unknown_code_is_named(tree):
    write(tree / "IRMAS-TrainingData" / "ban" / "[ban][cla]0001__1.wav")
    with pytest.raises(TrainingError, match="'ban' is not an IRMAS code"):
        read_training(tree)
    annotation = next((tree / "IRMAS-TestingData-Part2").rglob("*.txt"))
    annotation.write_text("ban\n")
    with pytest.raises(TrainingError, match=r"Fugue-3.txt: 'ban' is not an IRMAS code"):
        read_testing(tree)


def test_missing_annotation_is_named(tree):
    next((tree / "IRMAS-TestingData-Part2").rglob("*.txt")).unlink()
    with pytest.raises(TrainingError, match=r"Fugue-3.txt: the annotation cannot be read"):
        read_testing(tree)


def test_odd_name_is_named(tree):
    write(tree / "IRMAS-TrainingData" / "cel" / "cello.wav")
    with pytest.raises(TrainingError, match=r"cello.wav: the name"):
        read_training(tree)


def test_broken_clip_is_named_before_training(tree):
    path = tree / "IRMAS-TrainingData" / "cel" / "[cel][cla]0002__1.wav"
    path.write_bytes(b"RIFF....")
    with pytest.raises(TrainingError, match=r"0002__1.wav: the clip cannot be read"):
        read_training(tree)


def test_clip_that_breaks_while_decoding_is_named(tree):
    clip = read_training(tree)[0]
    clip.path.write_bytes(b"")
    with pytest.raises(CorpusError, match=clip.path.name.replace("[", r"\[").replace("]", r"\]")):
        load_clip(clip, 16000)


def test_vocabularies():
    assert label_index("electric_guitar", "report-11") == LABELS.index("other")
    assert label_index("electric_guitar", "irmas-11") == LABELS.index("electric_guitar")
    assert label_index("other", "irmas-11") is None
    scores = np.full((1, 12), 0.05)
    scores[0, LABELS.index("electric_guitar")] = 0.45
    report = fold_scores(scores, "report-11")
    assert report.shape == (1, 11)
    assert report[0, -1] == pytest.approx(0.5)
    assert report.sum() == pytest.approx(1.0)
    irmas = fold_scores(scores, "irmas-11")
    assert irmas.shape == (1, 11)
    assert irmas.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(fold_scores(scores, "instag-12"), scores)
