"""The collector of cycles rests while a table is read, and comes back whatever happens."""

from __future__ import annotations

import gc

import pytest

from instag.memory import collector_paused


def test_the_collector_comes_back() -> None:
    assert gc.isenabled()
    with pytest.raises(KeyError), collector_paused():
        assert not gc.isenabled()
        raise KeyError
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with collector_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
