import csv

from benchmarks.judge import log_look
from tests.support.tinymodel import tiny_card


def test_each_look_is_a_whole_line_with_what_was_seen(tmp_path):
    log = tmp_path / "looks.csv"
    log.write_text("date,model_id,version,part,right,other_kept,lost_to_other\n", encoding="utf-8")
    for right in (0.5, 0.75):
        log_look(log, tiny_card(), {"right": right, "other_kept": 1.0, "lost_to_other": 0.25})
    assert b"\r" not in log.read_bytes()
    with log.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["part"], row["right"], row["lost_to_other"]) for row in rows] == [
        ("report", "0.500", "0.250"),
        ("report", "0.750", "0.250"),
    ]
