"""What the server of `instag review` cannot be made to do: by raw requests, by other sites in a browser, by files."""

from __future__ import annotations

import http.server
import json
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import mutagen
import psutil
import pytest
import soundfile

from instag.paths import to_table
from instag.table import open_table
from tests.support import synth
from tests.support.browser import chromium
from tests.support.commands import run
from tests.support.reviewing import make_job, serving, visit
from tests.support.tables import analysed

pytest.importorskip("uvicorn")
Error = pytest.importorskip("playwright.sync_api").Error

SECRET = b"nobody but the archivist may read this"
SCRIPT = "<script>alert(1)</script>"
IMAGE = "<img src=x onerror=alert(1)>"
EVIL = "evil.example"


@pytest.fixture(scope="module")
def browser():
    # A name that leads to this machine, as after DNS rebinding.
    with chromium(f"--host-resolver-rules=MAP {EVIL} 127.0.0.1") as started:
        yield started


@pytest.fixture
def job(tmp_path):
    """A table of two recordings beside a file that is none of its business."""
    table = make_job(tmp_path, 2, 0.3)
    (tmp_path / "secret.txt").write_bytes(SECRET)
    return table


def ask(port: int, *lines: str, body: str = "") -> tuple[int, bytes]:
    """Sends a request as it stands, and returns the status and everything else; 0 where there is no answer."""
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n" + body).encode("utf-8", "surrogateescape"))
        connection.settimeout(5)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    return int(answer.split(b" ", 2)[1]) if answer else 0, answer


def token_of(url: str) -> str:
    return urlsplit(url).path.strip("/")


def port_of(url: str) -> int:
    return urlsplit(url).port


def test_it_listens_on_this_machine_only(job):
    with serving(job) as process:
        found = psutil.Process(process.pid).net_connections(kind="all")
        listening = {each.laddr.ip for each in found if each.status == psutil.CONN_LISTEN}
        assert listening == {"127.0.0.1"}
        assert not [each for each in found if each.type == socket.SOCK_DGRAM]
        addresses = {
            address.address
            for addresses in psutil.net_if_addrs().values()
            for address in addresses
            if address.family == socket.AF_INET
        } - {"127.0.0.1"}
        for address in addresses | {"127.0.0.2"}:
            with pytest.raises(OSError), socket.create_connection((address, port_of(process.url)), 2):
                pass


def test_each_start_has_a_token_that_nobody_can_guess(job):
    tokens = set()
    for _ in range(2):
        with serving(job) as process:
            tokens.add(token_of(process.url))
            port = port_of(process.url)
            near = token_of(process.url)[:-1]
            for path in ("/", "/queue", f"/{near}/queue", f"/{near}/", f"/x/{token_of(process.url)}/queue", "//queue"):
                status, answer = ask(port, f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Connection: close")
                assert status == 404 and b"reel" not in answer and b"instag review" not in answer, path
    assert len(tokens) == 2 and min(map(len, tokens)) >= 32


@pytest.mark.parametrize(
    "path",
    [
        "/{token}/../secret.txt",
        "/{token}/../../../../../../etc/passwd",
        "/{token}/..%2fsecret.txt",
        "/{token}/%2e%2e/secret.txt",
        "/{token}/audio/../secret.txt",
        "/{token}/audio/..%2f..%2fsecret.txt",
        "/{token}/audio/0/../../secret.txt",
        "/{token}/audio/secret.txt",
        "/{token}/audio/0%00secret.txt",
        "/{token}/audio/0;secret.txt",
        "/{token}//secret.txt",
        "/{token}/{folder}/secret.txt",
        "/{token}/..\\secret.txt",
        "/{token}/web/review.html",
        "/{token}/../desk.py",
        "/{token}/secret.txt",
        "file://{folder}/secret.txt",
        "http://127.0.0.1:{port}/{token}/../secret.txt",
    ],
)
def test_no_path_leads_to_another_file(job, path):
    with serving(job) as process:
        port = port_of(process.url)
        path = path.format(token=token_of(process.url), folder=job.parent, port=port)
        status, answer = ask(port, f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Connection: close")
    assert status in (400, 404), answer
    assert SECRET not in answer and b"root:" not in answer and b"import" not in answer


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        [""],
        [EVIL],
        [EVIL + ":{port}"],
        ["127.0.0.1"],
        ["127.0.0.1." + EVIL + ":{port}"],
        ["127.0.0.1:{port}@" + EVIL],
        ["127.0.0.1:{port}", EVIL],
        [EVIL, "127.0.0.1:{port}"],
        ["0.0.0.0:{port}"],
        ["[::1]:{port}"],
    ],
)
def test_a_foreign_name_of_this_machine_opens_nothing(job, hosts):
    with serving(job) as process:
        port = port_of(process.url)
        named = [f"Host: {host.format(port=port)}" for host in hosts]
        status, answer = ask(port, f"GET /{token_of(process.url)}/queue HTTP/1.0", *named)
        assert status in (400, 421) and b"reel" not in answer
        right = ask(port, f"GET /{token_of(process.url)}/queue HTTP/1.0", f"Host: 127.0.0.1:{port}")
    assert right[0] == 200 and b"reel" in right[1]


ATTACK = """<!DOCTYPE html><title>evil</title><body><script>
const base = "BASE", tried = {}, json = { "Content-Type": "application/json" };
const body = JSON.stringify({ number: 0, label: "organ" });
const attempt = (name, make) => make().then((found) => { tried[name] = found; }, () => { tried[name] = "refused"; });
const loaded = (made, attribute) => new Promise((good, bad) => {
  made.onload = made.onloadeddata = () => good("loaded"); made.onerror = bad; made[attribute[0]] = attribute[1];
  document.body.append(made);
});
const form = document.createElement("form");
Object.assign(form, { method: "post", action: base + "decide", target: "hidden", enctype: "text/plain" });
form.innerHTML = '<input name=\\'{"number":0,"label":"organ","x":"\\' value=\\'"}\\'>';
const frame = Object.assign(document.createElement("iframe"), { name: "hidden" });
document.body.append(frame, form);
(async () => {
  await attempt("read", async () => (await fetch(base + "queue")).text());
  await attempt("read with cookies", async () => (await fetch(base + "queue", { credentials: "include" })).text());
  await attempt("decide", async () => (await fetch(base + "decide", { method: "POST", headers: json, body })).text());
  const blind = { method: "POST", mode: "no-cors" };
  await attempt("decide blindly", async () => (await fetch(base + "decide", { ...blind, body })).type);
  await attempt("undo blindly", async () => (await fetch(base + "undo", { ...blind, body: "{}" })).type);
  const text = new Blob([body], { type: "text/plain" });
  await attempt("beacon", async () => String(navigator.sendBeacon(base + "decide", text)));
  await attempt("script", () => loaded(document.createElement("script"), ["src", base + "review.js"]));
  await attempt("sound", () => loaded(document.createElement("audio"), ["src", base + "audio/0"]));
  form.submit();
  await new Promise((done) => setTimeout(done, 500));
  frame.src = base;
  await new Promise((done) => setTimeout(done, 500));
  document.title = JSON.stringify(tried);
})();
</script>"""


@contextmanager
def another_site(base: str):
    """A site on another port of this machine, whose page attacks the review as if it had found out its token."""

    class Evil(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(ATTACK.replace("BASE", base).encode())

        def log_message(self, *words):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Evil) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.mark.parametrize("name", ["127.0.0.1", EVIL])
def test_another_site_that_knows_the_token_can_neither_read_nor_decide(job, browser, name):
    before = job.read_bytes()
    with serving(job) as process, another_site(process.url) as port:
        context = browser.new_context()
        tab = context.new_page()
        tab.goto(f"http://{name}:{port}/")
        for _ in range(100):
            if tab.title().startswith("{"):
                break
            tab.wait_for_timeout(100)
        tried = json.loads(tab.title())
        assert not [frame for frame in tab.frames if frame.locator("#progress").count()], "it shows in no frame"
        context.close()
        assert job.read_bytes() == before, tried
    # What is sent without looking at the answer tells the site nothing; the table is as it was.
    assert {tried.pop(blind) for blind in ("decide blindly", "undo blindly", "beacon")} <= {"opaque", "true", "refused"}
    assert len(tried) == 5 and set(tried.values()) == {"refused"}, tried


def test_a_name_that_was_made_to_lead_here_shows_no_page(job, browser):
    with serving(job) as process:
        context = browser.new_context()
        tab = context.new_page()
        answer = tab.goto(process.url.replace("127.0.0.1", EVIL))
        assert answer.status == 421 and "under its own address only" in tab.content()
        assert "reel" not in tab.content()
        context.close()


def test_names_tags_and_labels_are_text_wherever_they_stand(tmp_path, browser):
    folder = tmp_path / f"{IMAGE}"
    folder.mkdir()
    soundfile.write(folder / "tagged.flac", synth.tone(440, 1, 8000), 8000)
    tagged = mutagen.File(folder / "tagged.flac")
    tagged.update({"TITLE": SCRIPT, "ARTIST": IMAGE, "INSTRUMENT": f"\u202e{SCRIPT}"})
    tagged.save()
    (folder / "page.html").write_text(f"<!DOCTYPE html>{SCRIPT}{IMAGE}")
    (folder / "drawing.svg").write_text(f'<svg xmlns="http://www.w3.org/2000/svg">{SCRIPT}</svg>')
    (folder / "page.wav").write_text(f"<!DOCTYPE html>{SCRIPT}{IMAGE}")
    table = open_table(tmp_path / f"{IMAGE}.csv")
    for place, name in enumerate(("tagged.flac", "page.html", "drawing.svg", "page.wav")):
        label = IMAGE if place == 1 else "flute"
        row = analysed(f"{IMAGE}/{name}", "flute", 0.1 + place / 10, duration_seconds=1.0, audio_digest=f"d{place}")
        table.append(row if label == "flute" else type(row)(**{**vars(row), "dominant": label}))
    for copy in (1, 2):
        path = f"{SCRIPT.replace('/', '')}{copy}.wav"
        table.append(analysed(path, "organ", 0.9, audio_digest="d0", duration_seconds=1.0))
    table.finish()
    allowed = ("Failed to load resource: the server responded with a status of 422",)
    with (
        serving(tmp_path / f"{IMAGE}.csv", "--by", SCRIPT) as process,
        visit(browser, process.url, allowed=allowed) as tab,
    ):
        assert tab.locator("#title").text_content() == f"{IMAGE}.csv" and tab.title().startswith(IMAGE)
        assert SCRIPT in tab.locator("#count").text_content()
        assert tab.locator("#place").text_content() == IMAGE
        assert SCRIPT.replace("/", "") in tab.locator("#copies").text_content()
        assert IMAGE in tab.locator("#folder").text_content()
        tab.keyboard.press("b")
        tab.locator("#bulk-start").wait_for()
        assert IMAGE in tab.locator("#bulk-folder").text_content()
        tab.keyboard.press("Escape")
        tab.keyboard.press("s")
        tab.get_by_role("heading", name="page.html").wait_for()
        assert tab.locator("#machine").text_content() == f"{IMAGE}, 20 % sure"
        assert tab.locator("main img, main script, header img").count() == 0
        # Asked for by its own address, a page among the recordings is a download, not a page.
        for number, kind in ((1, "application/octet-stream"), (2, "application/octet-stream"), (3, "audio/wav")):
            answer = tab.request.get(f"{process.url}audio/{number}")
            assert answer.headers["content-type"] == kind and answer.headers["x-content-type-options"] == "nosniff"
        other = tab.context.new_page()
        dialogs = []
        other.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        with other.expect_download(), suppress(Error):  # Playwright takes a download for a page that failed
            other.goto(f"{process.url}audio/1")
        other.goto(f"{process.url}audio/3")
        other.wait_for_timeout(300)
        assert other.locator("script, img").count() == 0 and not dialogs


def test_what_got_into_the_page_nevertheless_would_not_run(job, browser):
    allowed = (
        "Executing inline event handler violates",
        "Executing inline script violates",
        "Refused to",
        "Loading the",
    )
    with serving(job) as process, visit(browser, process.url, allowed=allowed) as tab:
        tab.evaluate(
            """(async () => {
            document.body.insertAdjacentHTML("beforeend", "<img src='data:,x' onerror='window.owned = 1'>");
            document.body.append(Object.assign(document.createElement("script"), { textContent: "window.owned = 2" }));
            const far = new Image(); far.src = "http://127.0.0.1:9/x.png";
            await new Promise((done) => setTimeout(done, 300));
            })()"""
        )
        assert tab.evaluate("window.owned === undefined")


def test_a_name_cannot_drive_the_terminal(tmp_path):
    table = open_table(tmp_path / "t.csv")
    path = to_table(f"a/\x1b[2J\x1b]0;owned\x07{IMAGE}\u202e\r\n.wav")
    table.append(analysed(path, "flute", 0.2))
    table.finish()
    done = run("review", str(tmp_path / "t.csv"), "--terminal", "--by", "Anna", input="q\n")
    assert done.returncode == 0, done.stderr
    assert not [sign for sign in "\x1b\x07\r\u202e" if sign in done.stdout] and IMAGE in done.stdout


def test_the_server_ends_with_its_terminal_and_nothing_listens_any_more(job):
    with serving(job) as process:
        port = port_of(process.url)
        process.send_signal(2)
        assert process.wait(20) == 0
        with pytest.raises(OSError), socket.create_connection(("127.0.0.1", port), 2):
            pass


def test_an_interrupt_that_comes_before_the_server_begins_is_not_lost():
    program = """
import signal
from instag.review.server import Listener
before, listener = signal.getsignal(signal.SIGINT), Listener(0)
listener.heed_interrupts()
signal.raise_signal(signal.SIGINT)
listener.serve(None)  # would never return
assert signal.getsignal(signal.SIGINT) is before
"""
    # In a process of its own: the browser's library has a loop running in this one.
    done = subprocess.run([sys.executable, "-c", program], timeout=60, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
