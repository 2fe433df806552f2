"""Reviewing by ear: what is saved, what the page's server answers, and to whom."""

from __future__ import annotations

import errno
import io
import os
import socket
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from instag.errors import CannotStartError, FileError
from instag.table import open_table
from instag.table.decisions import find_decisions
from instag.table.lock import locked
from instag.table.rows import AssignedBy, Row
from instag.tags.view import read_tags
from tests.support import synth
from tests.support.commands import recording, run, use_tiny_model
from tests.support.tables import analysed, failed, windows_of

testclient = pytest.importorskip("starlette.testclient")

from instag.results import Silence  # noqa: E402
from instag.review.desk import Desk, is_doubtful  # noqa: E402
from instag.review.files import Files  # noqa: E402
from instag.review.room import Room  # noqa: E402
from instag.review.server import make_app  # noqa: E402
from instag.table.timeline import Timeline  # noqa: E402

HOSTILE = "<img src=x onerror=alert(1)>.wav"
TOKEN, PORT = "secret", 4711
BASE = f"http://127.0.0.1:{PORT}"


def write_sound(path: Path, seconds: float = 9.0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, synth.tone(440, seconds), 44_100)


@pytest.fixture
def table(tmp_path):
    """A table of recordings, two of them copies; a list of rows becomes one."""
    rows = [
        analysed("a/sure.wav", "piano", 0.9),
        analysed("a/low.wav", "cello", 0.2, audio_digest="low", duration_seconds=9.0),
        analysed("b/copy.wav", "cello", 0.6, audio_digest="low", duration_seconds=9.0),
        analysed(f"b/{HOSTILE}", "flute", 0.3, duration_seconds=9.0),
        analysed(
            "b/known.wav", "organ", 0.4, assigned_by=AssignedBy.PERSON, reviewed_label="voice", reviewed_at="2026"
        ),
        failed("b/broken.wav"),
    ]
    for row in rows:
        if row.dominant:
            write_sound(tmp_path / row.path)
    opened = open_table(tmp_path / "t.csv")
    opened.extend(rows)
    opened.finish()
    return tmp_path / "t.csv"


@pytest.fixture
def room(table, tmp_path):
    timeline = Timeline(tmp_path / "w.csv")
    timeline.append("a/low.wav", windows_of(["flute", "cello", "cello"]), [Silence.NONE] * 3)
    files = Files(tmp_path)
    with closing(open_table(table)) as opened:
        for row in opened.rows():
            files.learn(row.path)
        yield Room(Desk(opened, "Anna", is_doubtful), files, timeline, "t.csv", "t.csv")
    timeline.close()


@pytest.fixture
def client(room):
    return testclient.TestClient(make_app(room, TOKEN, PORT), BASE)


def get(client, path, **more):
    return client.get(f"/{TOKEN}/{path}", **more)


def post(client, path, body, **more):
    return client.post(f"/{TOKEN}/{path}", json=body, **more)


def rows_of(table: Path) -> dict[str, Row]:
    with closing(open_table(table, read_only=True)) as opened:
        return {row.path: row for row in opened.rows()}


def test_the_least_sure_wait_first_and_copies_once(room):
    assert [[row.path for row in item.rows] for item in room.desk.items] == [
        ["a/low.wav", "b/copy.wav"],
        [f"b/{HOSTILE}"],
    ]
    assert room.desk.decided_before == 1


def test_a_decision_is_in_the_table_at_once_and_for_every_copy(client, table):
    answer = post(client, "decide", {"number": 0, "label": "violin"}).json()
    assert answer == {"decided": 1, "before": 1, "total": 2, "group": None}
    rows = rows_of(table)
    for path in ("a/low.wav", "b/copy.wav"):
        row = rows[path]
        assert (row.dominant, row.reviewed_label, row.reviewed_by) == ("cello", "violin", "Anna")
        assert row.assigned_by is AssignedBy.PERSON and row.reviewed_at.endswith("+00:00")
    assert rows["a/sure.wav"].review is None


def test_one_who_is_not_sure_decides_nothing_but_is_not_asked_again(client, table):
    post(client, "decide", {"number": 1, "label": ""})
    row = rows_of(table)[f"b/{HOSTILE}"]
    assert row.review is not None and row.review.label == "" and row.label == "flute" and row.wants_review
    with closing(open_table(table)) as opened:
        assert [item.row.path for item in Desk(opened, "Eve", is_doubtful).items] == ["a/low.wav"]


def test_undo_goes_back_step_by_step(client, table):
    before = rows_of(table)
    post(client, "decide", {"number": 0, "label": "violin"})
    post(client, "decide", {"number": 1, "label": "flute"})
    post(client, "decide", {"number": 1, "label": "organ"})
    assert post(client, "undo", {}).json()["undone"] == [{"number": 1, "said": "flute", "heard": True}]
    assert rows_of(table)[f"b/{HOSTILE}"].reviewed_label == "flute"
    assert get(client, "item/1").json()["said"] == "flute"
    assert post(client, "undo", {}).json()["undone"][0]["number"] == 1
    answer = post(client, "undo", {}).json()
    assert answer == {
        "undone": [{"number": 0, "said": None, "heard": False}],
        "group": None,
        "decided": 0,
        "before": 1,
        "total": 2,
    }
    assert rows_of(table) == before
    assert post(client, "undo", {}).json()["undone"] == []


def test_every_decision_is_on_the_disk_before_the_answer(client, table, monkeypatch):
    synced = []
    true_fsync = os.fsync

    def fsync(number):
        true_fsync(number)
        synced.append(os.fstat(number).st_size)

    monkeypatch.setattr(os, "fsync", fsync)
    for number, label in ((0, "violin"), (1, "flute"), (0, "")):
        post(client, "decide", {"number": number, "label": label})
        assert synced.pop() == table.stat().st_size and not synced
    post(client, "undo", {})
    assert synced == [table.stat().st_size]


def test_a_decision_in_sqlite_cannot_be_taken_back_by_its_journal(tmp_path, monkeypatch):
    with closing(open_table(tmp_path / "t.sqlite")) as opened:
        opened.append(analysed("a.wav", "cello", 0.2))
        desk = Desk(opened, "Anna", is_doubtful)
        synced = []
        monkeypatch.setattr(os, "fsync", lambda number: synced.append(Path(f"/proc/self/fd/{number}").readlink()))
        desk.decide(0, "cello")
        assert synced == [tmp_path] and not (tmp_path / "t.sqlite-journal").exists()


def test_a_disk_that_takes_nothing_is_said_and_nothing_counts_as_decided(client, monkeypatch):
    def fsync(number):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fsync)
    answer = post(client, "decide", {"number": 0, "label": "violin"})
    assert answer.status_code == 507 and "cannot be written (Input/output error)" in answer.text
    assert get(client, "item/0").json()["said"] is None


def test_a_decision_that_was_cut_off_reaches_all_copies_at_the_next_start(table, room):
    room.desk.decide(0, "violin")
    with closing(open_table(table)) as opened:
        torn = next(row for row in opened.rows() if row.path == "b/copy.wav")
        undecided = replace(torn, assigned_by=AssignedBy.MACHINE, reviewed_label="", reviewed_by="", reviewed_at="")
        opened.append(undecided)
    with closing(open_table(table)) as opened:
        # The copy that was written last is gone; its digest's review is in the table.
        desk = Desk(opened, "Eve", is_doubtful)
        assert [item.row.path for item in desk.items] == [f"b/{HOSTILE}"]
    copy = rows_of(table)["b/copy.wav"]
    assert (copy.reviewed_label, copy.reviewed_by) == ("violin", "Anna")


@pytest.fixture
def many(tmp_path):
    """A client of 40 doubtful recordings in two folders, the last of which has two copies; and their table."""
    opened = open_table(tmp_path / "many.csv")
    for number in range(42):
        label = "cello" if number % 2 or number > 39 else "flute"
        digest = f"d{min(number, 39)}"
        path = f"{'a' if number < 20 else 'b/deep'}/{number:02}.wav"
        settings = "overlap=0 tags sidecar"
        opened.append(
            analysed(path, label, 0.1 + number / 200, audio_digest=digest, assigned_by="machine", settings=settings)
        )
    opened.finish()
    with closing(open_table(tmp_path / "many.csv")) as opened:
        room = Room(Desk(opened, "Anna", is_doubtful), Files(tmp_path), None, "many.csv", "many.csv")
        yield testclient.TestClient(make_app(room, TOKEN, PORT), BASE), tmp_path / "many.csv"


def test_a_group_is_accepted_after_its_sample_was_heard(many):
    client, table = many
    before = rows_of(table)
    group = post(client, "group", {"folder": "b", "label": "cello", "percent": 20, "count": 4}).json()
    assert (len(group["sample"]), group["rest"], group["left"]) == (4, 6, 4)
    items = get(client, "queue").json()["items"]
    assert all(items[number]["folder"] == "b/deep" and items[number]["label"] == "cello" for number in group["sample"])
    assert post(client, "accept", {}).status_code == 409
    for number in group["sample"]:
        group = post(client, "decide", {"number": number, "label": "cello"}).json()["group"]
        if group["left"]:
            assert post(client, "accept", {}).status_code == 409
    # Of four none is wrong: with a certainty of 95 % at most 52.7 % of the ten are, which is five.
    assert (group["left"], group["right"], group["most_wrong"]) == (0, 4, 5)
    answer = post(client, "accept", {}).json()
    assert (len(answer["accepted"]), answer["decided"]) == (6, 10)
    accepted = [row for row in rows_of(table).values() if row.is_accepted]
    assert {row.path for row in accepted} < {f"b/deep/{number:02}.wav" for number in range(20, 42)}
    assert {(row.assigned_by, row.label, row.reviewed_by, row.reviewed_label) for row in accepted} == {
        (AssignedBy.MACHINE, "cello", "accepted unheard in bulk by Anna: 4 of 4 heard were right", "")
    }
    assert all(row.review is None and not row.wants_review and row.settings == "overlap=0" for row in accepted)
    assert post(client, "accept", {}).status_code == 409, "once only"
    undone = post(client, "undo", {}).json()
    assert (len(undone["undone"]), undone["decided"]) == (6, 4)
    assert {path for path, row in rows_of(table).items() if row != before[path]} == {
        path for path, row in rows_of(table).items() if row.review
    }


def test_a_wrong_one_in_the_sample_is_in_the_record(many):
    client, table = many
    group = post(client, "group", {"folder": "", "label": "", "percent": 0, "count": 10}).json()
    assert (len(group["sample"]), group["rest"]) == (10, 30)
    for place, number in enumerate(group["sample"]):
        said = ("", "voice")[place] if place < 2 else get(client, f"item/{number}").json()["label"]
        group = post(client, "decide", {"number": number, "label": said}).json()["group"]
    # Clopper and Pearson: at most 50.7 % of the forty, twenty, of which two are known.
    assert (group["right"], group["most_wrong"]) == (8, 18)
    post(client, "accept", {})
    accepted = [row for row in rows_of(table).values() if row.is_accepted]
    assert {row.reviewed_by for row in accepted} == {"accepted unheard in bulk by Anna: 8 of 10 heard were right"}
    with closing(open_table(table)) as opened:
        desk = Desk(opened, "Eve", is_doubtful)
        assert (desk.items, desk.decided_before) == ([], 40)


def test_the_sample_is_drawn_by_chance(many):
    client, _ = many
    whole = {"folder": "", "label": "", "percent": 0, "count": 5}
    drawn = {tuple(sorted(post(client, "group", whole).json()["sample"])) for _ in range(20)}
    assert len(drawn) > 15


@pytest.mark.parametrize(
    "change",
    [
        {"folder": None},
        {"label": "kazoo"},
        {"percent": 101},
        {"percent": 0.5},
        {"percent": True},
        {"count": 0},
        {"count": 10**6},
        {"more": 1},
    ],
)
def test_groups_that_cannot_be_meant_are_refused(many, change):
    client, _ = many
    whole = {"folder": "", "label": "", "percent": 0, "count": 5}
    assert post(client, "group", whole | change).status_code == 400
    assert post(client, "accept", {}).status_code == 409


def test_a_sample_for_accept_is_never_accepted_in_bulk(room):
    room.accepts = False
    client = testclient.TestClient(make_app(room, TOKEN, PORT), BASE)
    assert get(client, "queue").json()["accepts"] is False
    assert post(client, "group", {"folder": "", "label": "", "percent": 0, "count": 1}).status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {"number": 2, "label": "cello"},
        {"number": -1, "label": "cello"},
        {"number": True, "label": "cello"},
        {"number": 0, "label": "kazoo"},
        {"number": 0, "label": None},
        {"number": 0},
        [],
        "x",
        {"number": 0, "label": []},
    ],
)
def test_what_cannot_be_meant_changes_nothing(client, table, body):
    before = table.read_bytes()
    assert post(client, "decide", body).status_code == 400
    assert table.read_bytes() == before


def test_the_telling_seconds_and_the_timeline(client):
    item = get(client, "item/0").json()
    assert (item["start"], item["end"], item["copies"]) == (3.0, 9.0, ["b/copy.wav"])
    assert [span[:3] for span in item["spans"]] == [[0, 3, "flute"], [3, 9, "cello"]]
    assert get(client, "item/1").json()["end"] == 6.0
    assert get(client, "item/2").status_code == 404


def test_names_travel_as_text(client):
    assert get(client, "queue").headers["content-type"] == "application/json"
    assert get(client, "queue").json()["items"][1]["name"] == HOSTILE
    page = get(client, "")
    assert HOSTILE not in page.text and '<script type="module" src' in page.text


def test_sound_comes_whole_in_ranges_and_decoded(client, tmp_path):
    whole = (tmp_path / "a/low.wav").read_bytes()
    answer = get(client, "audio/0")
    assert answer.content == whole and answer.headers["content-type"] == "audio/wav"
    part = get(client, "audio/0", headers={"Range": "bytes=100-199"})
    assert part.status_code == 206 and part.content == whole[100:200]
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole)}"
    assert get(client, "audio/0", headers={"Range": f"bytes={len(whole)}-"}).status_code == 416
    samples, rate = soundfile.read(io.BytesIO(get(client, "clip/0?start=2&end=4.5").content))
    assert rate == 44_100 and len(samples) == 2.5 * rate and abs(samples).max() > 0.4
    assert get(client, "clip/0?start=20&end=22").status_code == 422
    for wrong in ("start=0&end=600", "start=3&end=2", "start=nan&end=2", "start=-1&end=2", "end=2"):
        assert get(client, f"clip/0?{wrong}").status_code == 400
    peaks = get(client, "peaks/0").json()
    assert len(peaks) == 1000 and min(peaks) > 30 and max(peaks) <= 100


def test_a_browser_is_never_told_that_a_recording_is_a_page(tmp_path, table):
    from instag.review.sound import media_type

    assert media_type(Path("x.HTML")) == "application/octet-stream"
    assert media_type(Path("x.FLAC")) == "audio/flac"


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (f"/{TOKEN}/queue", {"Host": "evil.example"}, 421),
        (f"/{TOKEN}/queue", {"Host": f"evil.example:{PORT}"}, 421),
        (f"/{TOKEN}/queue", {"Host": "127.0.0.1:1"}, 421),
        (f"/{TOKEN}/queue", {"Origin": "http://evil.example"}, 403),
        (f"/{TOKEN}/queue", {"Origin": "null"}, 403),
        (f"/{TOKEN}/queue", {"Origin": "http://127.0.0.1:1"}, 403),
        (f"/{TOKEN}/queue", {"Sec-Fetch-Site": "cross-site"}, 403),
        (f"/{TOKEN}/queue", {"Sec-Fetch-Site": "same-site"}, 403),
        ("/wrong/queue", {}, 404),
        (f"/{TOKEN}x/queue", {}, 404),
        ("/", {}, 404),
        ("/%ff%fe/queue", {}, 404),
        (f"/{TOKEN}/../../etc/passwd", {}, 404),
        (f"/{TOKEN}/%2e%2e%2f%2e%2e%2fetc%2fpasswd", {}, 404),
        (f"/{TOKEN}/audio/..%2ft.csv", {}, 404),
        (f"/{TOKEN}/audio/-1", {}, 404),
        (f"/{TOKEN}/audio/99", {}, 404),
        (f"/{TOKEN}/review.py", {}, 404),
        (f"/{TOKEN}/queue", {"Origin": BASE, "Sec-Fetch-Site": "same-origin"}, 200),
        (f"/{TOKEN}/queue", {"Host": f"localhost:{PORT}", "Origin": f"http://localhost:{PORT}"}, 200),
    ],
)
def test_who_may_ask_and_for_what(client, path, headers, status):
    answer = client.get(path, headers=headers)
    assert answer.status_code == status
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Content-Type": "text/plain"}])
def test_another_site_cannot_decide(client, table, headers):
    before = table.read_bytes()
    assert post(client, "decide", {"number": 0, "label": "cello"}, headers=headers).status_code in (403, 415)
    assert client.get(f"/{TOKEN}/decide").status_code in (404, 405)
    assert table.read_bytes() == before


def test_no_link_leads_out_of_the_tree(client, tmp_path, tmp_path_factory):
    secret = tmp_path_factory.mktemp("elsewhere") / "secret.wav"
    write_sound(secret)
    low = tmp_path / "a/low.wav"
    low.unlink()
    low.symlink_to(secret)
    for what in ("audio/0", "peaks/0", "clip/0?start=0&end=1"):
        answer = get(client, what)
        assert answer.status_code == 422 and "symbolic link" in answer.text
    low.unlink()
    low.symlink_to(tmp_path / "b/copy.wav")
    assert get(client, "audio/0").status_code == 200
    low.unlink()
    os.mkfifo(low)
    assert "not a regular file" in get(client, "audio/0").text
    low.unlink()
    assert "no such file" in get(client, "audio/0").text


def test_absolute_paths_share_their_deepest_folder(tmp_path):
    for name in ("x/a.wav", "x/y/b.wav", "z/c.wav"):
        write_sound(tmp_path / name, 0.1)
    files = Files(None)
    for name in ("x/a.wav", "x/y/b.wav"):
        files.learn(str(tmp_path / name))
    assert files.find(str(tmp_path / "x/y/b.wav")).samefile(tmp_path / "x/y/b.wav")
    (tmp_path / "x/a.wav").unlink()
    (tmp_path / "x/a.wav").symlink_to(tmp_path / "z/c.wav")
    with pytest.raises(FileError, match="symbolic link"):
        files.find(str(tmp_path / "x/a.wav"))


def test_a_port_that_is_taken_is_refused(table):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = run("review", str(table), "--root", str(table.parent), "--by", "Anna", "--port", port)
    assert result.returncode == 3 and f"--port {port}: is taken" in result.stderr


def test_tables_that_cannot_be_reviewed(table, tmp_path):
    result = run("review", str(tmp_path / "none.csv"), "--by", "Anna")
    assert result.returncode == 3 and "no such table" in result.stderr and not (tmp_path / "none.csv").exists()
    assert "the name is empty" in run("review", str(table), "--by", " ").stderr
    with locked(table):
        result = run("review", str(table), "--by", "Eve")
        assert result.returncode == 3 and "another job is writing it" in result.stderr
    with closing(open_table(table)) as opened:
        for row in filter(is_doubtful, list(opened.rows())):
            opened.append(replace(row, needs_review=False))
    result = run("review", str(table), "--by", "Anna")
    assert result.returncode == 0 and "nothing is left to review" in result.stdout


def review_in_terminal(table: Path, keys: str, *more: str):
    return run("review", str(table), "--terminal", "--by", "Anna", *more, input=keys)


def test_in_a_terminal_a_line_is_a_decision(table):
    result = review_in_terminal(table, "u\nx\ns\n0\nu\nv\n\n")
    assert result.returncode == 0, result.stderr
    assert "[2 left] a/low.wav (1 more with the same audio)\n  cello, 20 % sure>" in result.stdout
    assert "nothing to undo" in result.stdout and "none of the keys" in result.stdout
    assert result.stdout.endswith("2 decided, 0 left.\n")
    said = [rows_of(table)[path].reviewed_label for path in (f"b/{HOSTILE}", "a/low.wav", "b/copy.wav")]
    assert said == ["voice", "cello", "cello"]


@pytest.mark.parametrize("keys", ["n\nq\n", "n\n"])
def test_in_a_terminal_one_may_stop(table, keys):
    assert review_in_terminal(table, keys).stdout.endswith("1 decided, 1 left.\n")
    assert rows_of(table)["a/low.wav"].review is not None
    assert review_in_terminal(table, "q\n").stdout.endswith("0 decided, 1 left.\n")


def test_a_sample_is_heard_and_then_accepted(tmp_path):
    rows = [
        analysed(f"{n:03}.wav", "cello", 0.9 + n / 10_000, audio_digest=f"d{n}", assigned_by=AssignedBy.MACHINE)
        for n in range(90)
    ]
    with closing(open_table(tmp_path / "t.jsonl")) as opened:
        opened.extend(rows)
    table = str(tmp_path / "t.jsonl")
    assert "no sample was drawn" in run("accept", table).stderr
    first = review_in_terminal(tmp_path / "t.jsonl", "\n" * 40, "--sample", "60")
    assert first.stdout.endswith("40 decided, 20 left.\n")
    assert "20 of the 60 files of its sample are not decided yet" in run("accept", table).stderr
    assert review_in_terminal(tmp_path / "t.jsonl", "\n" * 20, "--sample", "60").stdout.endswith(
        "20 decided, 0 left.\n"
    )
    accepted = run("accept", table, "--error", "0.2")
    assert accepted.returncode == 0 and "30 files that nobody heard are accepted" in accepted.stdout


def test_what_people_said_becomes_a_manifest_that_training_reads(table, tmp_path):
    review_in_terminal(table, "0\nn\n")
    result = run("export", str(table), "--to", "manifest", "-o", "manifest.csv", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    lines = (tmp_path / "manifest.csv").read_text().splitlines()
    assert lines[1:] == [
        "a/low.wav,violin,,review,song/mix,a,train,9,,",
        "b/known.wav,voice,,review,song/mix,b,train,30,,",
    ]
    manifest = pytest.importorskip("train.corpus.manifest")
    clips = manifest.read_manifest(tmp_path / "manifest.csv")
    assert [(clip.path, clip.label, clip.split) for clip in clips] == [
        (tmp_path / "a/low.wav", "violin", "train"),
        (tmp_path / "b/known.wav", "voice", "train"),
    ]
    (tmp_path / "sets").mkdir()
    run("export", str(table), "--to", "manifest", "-o", "sets/m.csv", cwd=tmp_path)
    assert all(clip.path.resolve().is_file() for clip in manifest.read_manifest(tmp_path / "sets/m.csv"))


def test_tags_that_were_written_before_the_review_are_written_again(tmp_path, tiny_model, monkeypatch):
    use_tiny_model(monkeypatch, tiny_model)
    monkeypatch.chdir(tmp_path)
    recording(tmp_path / "a.flac", "cello")
    tag = ("tag", "a.flac", "-o", "t.csv", "--write-tags")
    assert run(*tag).returncode == 0
    row = rows_of(tmp_path / "t.csv")["a.flac"]
    with closing(open_table(tmp_path / "t.csv")) as opened:
        opened.append(replace(row, needs_review=True))
    review_in_terminal(tmp_path / "t.csv", "0\n")
    assert run("verify", "t.csv").returncode == 0
    assert run(*tag).returncode == 0
    values = read_tags(tmp_path / "a.flac")
    assert (values.dominant, values.source[:12]) == ("violin", "person: Anna")
    again = rows_of(tmp_path / "t.csv")["a.flac"]
    assert (again.dominant, again.reviewed_label, again.reviewed_by) == ("cello", "violin", "Anna")
    before = (tmp_path / "a.flac").stat().st_mtime_ns
    assert run(*tag).returncode == 0
    assert (tmp_path / "a.flac").stat().st_mtime_ns == before
    assert run("verify", "t.csv").returncode == 0


def test_decisions_in_a_file_of_their_own_leave_the_table_as_it_is(table, tmp_path):
    before = table.read_bytes()
    result = review_in_terminal(table, "s\nv\nu\ns\n0\nq\n", "--decisions", str(tmp_path / "anna.jsonl"))
    assert result.returncode == 0, result.stderr
    apart = tmp_path / "anna.jsonl"
    join = f"They are in {apart}. `instag merge {table} {apart} -o NEW.csv` joins them with the table."
    assert result.stdout.endswith(f"1 decided, 1 left.\n{join}\n")
    assert table.read_bytes() == before
    assert set(rows_of(tmp_path / "anna.jsonl")) == {"a/low.wav", "b/copy.wav", f"b/{HOSTILE}"}
    again = review_in_terminal(table, "v\n", "--decisions", str(tmp_path / "anna.jsonl"))
    assert again.stdout.startswith("Enter: ") and "[1 left]" in again.stdout and "1 decided, 0 left." in again.stdout
    assert "nothing is left" in review_in_terminal(table, "", "--decisions", str(tmp_path / "anna.jsonl")).stdout
    joined = run("merge", "t.csv", "anna.jsonl", "-o", "joined.csv", cwd=tmp_path)
    assert joined.returncode == 0, joined.stderr
    rows = rows_of(tmp_path / "joined.csv")
    said = {path: row.reviewed_label for path, row in rows.items() if row.reviewed_label}
    assert said == {"a/low.wav": "violin", "b/copy.wav": "violin", f"b/{HOSTILE}": "voice", "b/known.wav": "voice"}
    assert {row.reviewed_by for row in rows.values()} == {"", "Anna"}
    assert {path: row for path, row in rows.items() if path not in said} == {
        path: row for path, row in rows_of(table).items() if path not in said
    }
    assert "nothing is left" in review_in_terminal(tmp_path / "joined.csv", "").stdout


def test_two_people_review_one_table_apart_and_are_joined_unless_they_disagree(table, tmp_path):
    join = ("merge", "t.csv", "anna.csv", "eve.csv", "-o", "joined.csv")
    review_in_terminal(table, "0\nv\n", "--decisions", str(tmp_path / "anna.csv"))
    eve = ("review", str(table), "--terminal", "--by", "Eve", "--decisions", str(tmp_path / "eve.csv"))
    assert "[2 left]" in run(*eve, input="3\nn\n").stdout, "what Anna said is nothing to Eve"
    refused = run(*join, cwd=tmp_path)
    assert refused.returncode == 3 and not (tmp_path / "joined.csv").exists()
    assert "a/low.wav: anna.csv says violin (Anna) and eve.csv says flute (Eve); nothing was written." in refused.stderr
    (tmp_path / "eve.csv").unlink()
    run(*eve, input="0\nn\n")
    assert run(*join, cwd=tmp_path).returncode == 0
    rows = rows_of(tmp_path / "joined.csv")
    # One who is not sure says nothing against one who is.
    assert [rows[path].reviewed_label for path in ("a/low.wav", f"b/{HOSTILE}")] == ["violin", "voice"]


def test_a_second_reviewer_is_told_how_to_review_apart(table, tmp_path):
    with locked(table):
        assert "keep your decisions apart: --decisions FILE" in review_in_terminal(table, "").stderr
        apart = ("--decisions", str(tmp_path / "eve.csv"))
        assert review_in_terminal(table, "0\nq\n", *apart).returncode == 0
    with locked(tmp_path / "eve.csv"):
        assert "another job is writing it" in review_in_terminal(table, "", *apart).stderr


def test_the_decisions_of_another_table_are_refused(table, tmp_path):
    with closing(open_table(tmp_path / "other.csv")) as other:
        other.append(analysed("elsewhere.wav", "piano", 0.9))
    before = (tmp_path / "other.csv").read_bytes()
    result = review_in_terminal(table, "0\n", "--decisions", str(tmp_path / "other.csv"))
    assert result.returncode == 3 and "holds a recording that is not in" in result.stderr
    assert (tmp_path / "other.csv").read_bytes() == before
    result = review_in_terminal(table, "0\n", "--decisions", str(table))
    assert result.returncode == 2 and "is the table itself" in result.stderr
    assert review_in_terminal(table, "q\n", "--decisions", str(tmp_path / "new.csv")).returncode == 0
    assert not (tmp_path / "new.csv").exists(), "nobody decided anything"


def test_where_the_decisions_are_kept(table, tmp_path, monkeypatch):
    beside = tmp_path / "t.decisions.csv"
    locked_away = set()
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) not in locked_away)
    assert find_decisions(table, None) is None
    locked_away.add(str(table))
    assert find_decisions(table, None) == beside
    locked_away.add(str(tmp_path))
    with pytest.raises(CannotStartError, match="neither can a file beside it"):
        find_decisions(table, None)
    assert find_decisions(table, tmp_path / "x.csv") == tmp_path / "x.csv"
    beside.touch()
    assert find_decisions(table, None) == beside
    locked_away.clear()
    assert find_decisions(table, None) == beside, "a review that was begun there goes on there"


def test_a_sample_of_a_table_that_stays_as_it_is_is_accepted_after_the_merge(tmp_path):
    with closing(open_table(tmp_path / "t.csv")) as opened:
        opened.extend(
            analysed(f"{n:03}.wav", "cello", 0.9, audio_digest=f"d{n}", assigned_by=AssignedBy.MACHINE)
            for n in range(90)
        )
    before = sorted(path.name for path in tmp_path.iterdir())
    elsewhere = tmp_path / "mine"
    elsewhere.mkdir()
    keep = ("--decisions", "mine/d.csv", "--sample", "60")
    ask = ("review", "t.csv", "--terminal", "--by", "Anna", *keep)
    assert "25 decided, 35 left." in run(*ask, input="\n" * 25, cwd=tmp_path).stdout
    assert "35 decided, 0 left." in run(*ask, input="\n" * 35, cwd=tmp_path).stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*before, "mine"])
    assert run("merge", "t.csv", "mine/d.csv", "-o", "mine/all.csv", cwd=tmp_path).returncode == 0
    accepted = run("accept", "mine/all.csv", "--error", "0.2", cwd=tmp_path)
    assert "30 files that nobody heard are accepted" in accepted.stdout, accepted.stderr
