from benchmarks import heard
from benchmarks.heard import Outcome, table


def test_silence_about_missing_sound_is_what_counts():
    assert Outcome("wav", 9.8, 10, "").is_silently_missing
    assert not Outcome("wav", 9.8, 10, "truncated").is_silently_missing
    assert not Outcome("wav", 9.95, 10, "").is_silently_missing
    assert Outcome("wav", 11, 10, "").share == 1


def test_the_table_has_a_line_a_kind_and_one_for_all():
    lines = table([Outcome("wav", 5, 10, ""), Outcome("flac", 10, 10, "truncated")]).splitlines()
    assert lines[2:] == [
        "| flac | 1 | 1.000 | 1.000 | 1 | 0 |  |",
        "| wav | 1 | 0.500 | 0.500 | 0 | 1 |  |",
        "| **all** | 2 | 0.750 | 0.500 | 1 | 1 |  |",
    ]


def test_it_says_that_ffmpeg_is_missing(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["heard"])
    monkeypatch.setattr(heard.shutil, "which", lambda _: None)
    assert heard.main() == 2
    assert "ffmpeg on PATH" in capsys.readouterr().err


def test_what_is_no_audio_has_a_code(tmp_path):
    (tmp_path / "a").write_bytes(b"nothing")
    seconds, code, samples = heard.heard(tmp_path / "a")
    assert (seconds, code, len(samples)) == (0, "not-audio", 0)
