"""One process that holds the model, for all workers: a GPU is fed with windows of many files at once.

Each worker would else load the model onto the card a second time, and give it a few windows at a time, between which it
idles. Here workers decode and send windows; what has arrived while the card was busy goes through it as one batch.
"""

from __future__ import annotations

import multiprocessing
import queue
import signal
import threading
from collections import deque
from dataclasses import dataclass
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

import numpy as np

from instag.errors import CannotStartError
from instag.model.session import Device, Model, open_model
from instag.results import Samples, Scores

# Windows in one run of the model: enough for a large card, and 75 MB of sound at 32 kHz and three seconds.
MOST_WINDOWS = 256
# Loading CUDA for the first time takes long on a slow disk.
_START_SECONDS = 300.0
_END_SECONDS = 5.0
_OUTPUTS = ["dominant", "present"]


class SharedSession:
    """The process that holds the model, as the job sees it.

    Attributes:
        address: Where workers reach it, for `connect_model`.
        pid: The process.
    """

    def __init__(self, model_path: Path, device: Device) -> None:
        """Starts the process and waits until the model is loaded.

        Args:
            model_path: The ONNX file.
            device: Where it is to run.

        Raises:
            CannotStartError: The model cannot be loaded.
        """
        context = multiprocessing.get_context("spawn")
        self._pipe, its_end = context.Pipe()
        self._process = context.Process(target=_serve, args=(model_path, device, its_end), daemon=True)
        self._process.start()
        its_end.close()
        self.pid = self._process.pid
        try:
            answer = self._pipe.recv() if self._pipe.poll(_START_SECONDS) else None
        except EOFError:
            answer = None
        if not isinstance(answer, str):
            self.stop()
            raise answer or _gone()
        self.address = answer

    def stop(self) -> None:
        """Ends the process."""
        self._pipe.close()
        self._process.join(_END_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def connect_model(address: str) -> Model:
    """The model that a `SharedSession` holds; it scores like one that was opened here, for one thread at a time.

    Args:
        address: Of the shared session.

    Raises:
        CannotStartError: The process is gone.
    """
    try:
        connection = Client(address, authkey=_key())
        card, device = connection.recv()
    except (OSError, EOFError):
        raise _gone() from None
    return Model(card, device, _RemoteSession(connection))


@dataclass
class _RemoteSession:
    """Has the one method of onnxruntime's session that `Model` calls."""

    connection: Any

    def run(self, outputs: list[str], feeds: dict[str, Samples]) -> list[Scores]:
        """See `onnxruntime.InferenceSession.run`.

        Raises:
            CannotStartError: The process that holds the model is gone, or the model failed in it.
        """
        try:
            self.connection.send(feeds["audio"])
            answer = self.connection.recv()
        except (OSError, EOFError):
            raise _gone() from None
        if isinstance(answer, CannotStartError):
            raise answer
        scores: dict[str, Scores] = dict(zip(_OUTPUTS, answer, strict=True))
        return [scores[name] for name in outputs]


@dataclass(frozen=True)
class Request:
    """(windows, samples) float32 of one worker, and where the scores go."""

    audio: Samples
    connection: Connection


def _serve(model_path: Path, device: Device, pipe: Connection) -> None:
    """What the process does: loads the model, says where it can be reached, and scores until the pipe closes."""
    for name in ("SIGINT", "SIGHUP"):  # the parent alone answers these; Windows knows no hang-up
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    try:
        model = open_model(model_path, device)
    except CannotStartError as error:
        pipe.send(error)
        return
    requests: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
    listener = Listener(authkey=_key())
    threading.Thread(target=_accept, args=(listener, model, requests), daemon=True).start()
    threading.Thread(target=_wait_for_end, args=(pipe, requests), daemon=True).start()
    pipe.send(listener.address)
    waiting: deque[Request] = deque()
    while gather(requests, waiting):
        score_together(model, take_batch(waiting))


def _accept(listener: Listener, model: Model, requests: queue.SimpleQueue[Request | None]) -> None:
    while True:
        try:
            connection = listener.accept()
            connection.send((model.card, model.device))
        except Exception:
            continue
        threading.Thread(target=_receive, args=(connection, requests), daemon=True).start()


def _receive(connection: Connection, requests: queue.SimpleQueue[Request | None]) -> None:
    """Takes what one worker sends, until it ends."""
    while True:
        try:
            requests.put(Request(connection.recv(), connection))
        except (OSError, EOFError):
            return


def _wait_for_end(pipe: Connection, requests: queue.SimpleQueue[Request | None]) -> None:
    """The pipe closes when the job is done with the process, and when the job's own process dies."""
    pipe.poll(None)
    requests.put(None)


def gather(requests: queue.SimpleQueue[Request | None], waiting: deque[Request]) -> bool:
    """Moves what has arrived into the line, and waits for a first one where there is none; False at the end."""
    while not waiting or not requests.empty():
        request = requests.get()
        if request is None:
            return False
        waiting.append(request)
    return True


def take_batch(waiting: deque[Request]) -> list[Request]:
    """Takes requests off the line, the oldest first: one at least, and at most `MOST_WINDOWS` windows together."""
    batch = [waiting.popleft()]
    windows = len(batch[0].audio)
    while waiting and windows + len(waiting[0].audio) <= MOST_WINDOWS:
        batch.append(waiting.popleft())
        windows += len(batch[-1].audio)
    return batch


def score_together(model: Model, batch: list[Request]) -> None:
    """Scores the windows of several workers in one run, and sends each its own; a worker that is gone gets none."""
    answers: list[Any]
    try:
        scores, presences = model.score(np.concatenate([request.audio for request in batch]))
    except Exception as error:  # onnxruntime's exceptions have no base class but Exception
        reason = str(error).strip().splitlines()[-1:] or ["no reason given"]
        trouble = CannotStartError(
            f"The model failed on the {model.device} ({reason[0]}).",
            "Other programs may use the card's memory; try a smaller --batch-size, fewer --jobs, or --device cpu.",
        )
        answers = [trouble] * len(batch)
    else:
        ends = np.cumsum([len(request.audio) for request in batch])[:-1]
        answers = list(zip(np.split(scores, ends), np.split(presences, ends), strict=True))
    for request, answer in zip(batch, answers, strict=True):
        try:
            request.connection.send(answer)
        except OSError:
            continue


def _key() -> bytes:
    """Lets in nobody but the processes of this job."""
    return bytes(multiprocessing.current_process().authkey)


def _gone() -> CannotStartError:
    return CannotStartError(
        "The process that runs the model on the GPU has ended.",
        "See the system's log for the reason (the driver's or the kernel's); run the same command again to go on, or "
        "with --device cpu.",
    )
