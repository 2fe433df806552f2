"""Requests to stop: Ctrl-C, termination, and a terminal that goes away."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_STOPPING = (signal.SIGINT, signal.SIGTERM)
# Windows knows no hang-up.
_HANG_UP: signal.Signals | None = getattr(signal, "SIGHUP", None)


@contextmanager
def stop_requests() -> Iterator[threading.Event]:
    """While inside, a request to stop sets an event, so that rows in flight can still be recorded."""
    stop = threading.Event()

    def set_stop(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    numbers = list(_STOPPING)
    # `nohup` asks that a hang-up be ignored; that stands.
    if _HANG_UP is not None and signal.getsignal(_HANG_UP) is not signal.SIG_IGN:
        numbers.append(_HANG_UP)
    before = {number: signal.signal(number, set_stop) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
