"""The benchmark of the job beside its floor: what it divides by what, and that its floor is the whole sound."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from benchmarks.figures import passages, put
from benchmarks.floors import YAMNET, Results, candidates, decode, figures_of, obstacles_of, rows_of, timed
from benchmarks.install_sizes import sizes_of
from benchmarks.stages import PREDICTED_MS, STAGES, stages, tried_lines
from benchmarks.targets import TARGETS, Cost, Target, planning, target_lines
from instag.model.session import find_model, open_model
from tests.support import synth


def test_the_floor_decodes_and_resamples_the_whole_file(tmp_path: Path) -> None:
    path = synth.write(tmp_path / "a.wav", synth.tone(seconds=2.0))
    assert decode(path, 16_000) == pytest.approx(32_000, abs=2)


def costs(seconds: dict[str, tuple[float, ...]]) -> dict[str, list[Cost]]:
    return {who: [Cost(one, 100.0, 60.0, 2 * one - 0.5) for one in took] for who, took in seconds.items()}


RUNS = costs({"floor at 1 Hz": (1, 2), "`instag`": (2, 2), "floor at 2 Hz": (2, 2), "`small`": (3, 3), YAMNET: (8, 8)})
ONE_FILE = dict.fromkeys(PREDICTED_MS, (1.0, 5.0, 60.0, 40.0, 1.0, 50.0, 1.0, 1.0, 200.0))


def test_the_figures_of_targets_are_ratios_of_the_same_turn() -> None:
    figures = figures_of("MP3", 2, RUNS)
    assert figures["MP3: job ÷ floor"] == [2.0, 1.0] and figures["MP3: `small` ÷ its floor"] == [1.5, 1.5]
    assert figures["MP3: YAMNet loop ÷ job"] == [4.0, 4.0] and figures["MP3: largest process, MB"] == [60.0, 60.0]
    assert not {target.name for target in TARGETS} & figures_of("MP3", 1, RUNS).keys()


def test_a_target_is_met_or_what_stands_in_the_way_is_said() -> None:
    assert Target("a", 1.6).line([1.5, 1.4, 9.0], "x") == "| a | ≤ 1.6 | 1.50 | 1.40 to 9.00 | yes |"
    assert Target("a", 2, " s", is_least=True).line([1.5], "x") == "| a | ≥ 2 s | 1.50 s | one run | **no**: x |"
    obstacles = obstacles_of(ONE_FILE, {"`small`": 0.5, "YAMNet in LiteRT, 3.1 patches": 2.0})
    assert obstacles["MP3: YAMNet loop ÷ job"].endswith("without any network would be 2.20 × as fast")
    assert obstacles["WAV: job ÷ floor"].endswith(
        "alone it is 1.55, and in a job that runs already 2.00: the rest is the start"
    )
    assert obstacles["MP3: `small` ÷ its floor"].endswith("with that alone it is 1.30; the rest is the start")
    lines = target_lines({"MP3: job ÷ floor": [1.7]}, obstacles)
    assert len(lines) == 3 and lines[2].startswith(
        "| MP3: job ÷ floor | ≤ 1.6 | 1.70 | one run | **no**: beside 100.0 ms"
    )


def test_the_page_and_the_documents_quote_what_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = Results(
        "",
        (2, 2, 2),
        figures_of("MP3", 2, RUNS),
        rows_of("MP3", 2, 2, RUNS),
        ONE_FILE,
        {"`instag`": 1.5, "`small`": 0.5},
    )
    results.figures |= {"long file, hours": [10.0], "long file, × real time": [400.0], "long file, MB": [154.0]}
    results.figures |= {"10 minutes, × real time": [300.0], "10 minutes, MB": [148.0]}
    results.megabytes = {"MP3": 3.0, "WAV": 32.0}
    monkeypatch.setattr("os.getloadavg", lambda: (2.0, 2.0, 2.0))
    results.loads = [0.1]
    results.keep(tmp_path / "SPEED.md")
    page = (tmp_path / "SPEED.md").read_text(encoding="utf-8")
    card = open_model(find_model("instag")).card
    assert f"with {card.model_id} {card.version} and " in page
    assert "| MP3: job ÷ floor | ≤ 1.6 | 1.50 | 1.00 to 2.00 | yes |" in page and "148 MB. One of 10 hours" in page
    assert all(line in page for line in tried_lines())
    quoted = passages(json.loads((tmp_path / "SPEED.json").read_text(encoding="utf-8")))
    assert quoted["speed"].startswith(
        "it analysed 3-minute MP3 files at 180 times real time on two cores (median of 2 ru"
    )
    busy = passages(json.loads((tmp_path / "SPEED.json").read_text(encoding="utf-8")) | {"loads": [0.1, 5.0]})
    assert "on two cores, on a machine that other programs used too (median" in busy["speed"]
    assert quoted["memory"].startswith("148 MB") and "154 MB with one of 10 hours" in quoted["memory"]
    assert "0.20 s = 23 days of one core, or 9 hours of 64" in quoted["ten million"]
    assert "960 MB a second of 133 kbit/s" in quoted["storage"]


def test_a_passage_goes_into_its_place_and_nowhere_else() -> None:
    text = "- a: <!-- figure speed -->\n  old\n  old <!-- end of figure -->\nb <!-- end of figure -->\n"
    new = "- a: <!-- figure speed -->\n  new 1 <!-- end of figure -->\nb <!-- end of figure -->\n"
    assert put(text, "speed", "new 1") == new and put(text, "memory", "new 1") == text


def test_a_run_is_divided_by_the_floor_above_it_of_the_same_turn() -> None:
    rows = rows_of("MP3", 16, 2, costs({"floor at 1 Hz": (1, 2), "a": (2, 6), "floor at 2 Hz": (2, 2), "b": (3, 3)}))
    assert rows[1] == "| MP3 | 2 | a | 4.00 | 2.0 | 2.50 (2.00 to 3.00) | 2.81 | 100 |"
    assert rows[3] == "| MP3 | 2 | b | 3.00 | 2.7 | 1.50 (1.50 to 1.50) | 1.57 | 100 |"


def test_the_floor_runs_as_a_process_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "songs").mkdir()
    synth.write(tmp_path / "songs/a.wav", synth.tone())
    words = candidates(tmp_path / "songs", tmp_path / "t.csv", 1, None)
    cost = timed(next(iter(words.values())))
    assert cost.seconds > 0 and cost.tree_mb >= cost.largest_mb > 1
    assert cost.cpu_seconds > 0.05
    with pytest.raises(SystemExit, match="ended with 3"):
        timed(["-c", "raise SystemExit(3)"])


def test_each_stage_of_a_file_takes_time_and_has_a_prediction(tmp_path: Path) -> None:
    measured = stages(synth.write(tmp_path / "a.wav", synth.tone(seconds=4.0)))
    assert len(measured) == len(STAGES) and all(len(ms) == len(STAGES) for ms in PREDICTED_MS.values())
    by_stage = dict(zip(STAGES, measured, strict=True))
    assert by_stage["whole file"] > by_stage["front end and network"] > by_stage["aggregate"] > 0


def test_a_resume_finds_nothing_to_do_and_a_walk_everything(tmp_path: Path) -> None:
    figures = planning(tmp_path, 30, 20)
    assert figures["resume over finished rows, files"] == [30] and figures["walk and plan, files"] == [20]
    assert figures["walk and plan, memory"][0] > 10 and figures["resume over finished rows"][0] >= 0


def test_sizes_of_a_wheel(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.whl", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", bytes(3_000_000))
    download, installed = sizes_of(tmp_path / "a.whl")
    assert installed == 3.0 and 0 < download < 0.1
