"""Errors of training that a user reads."""

from __future__ import annotations

from instag.errors import InstagError


class TrainingError(InstagError):
    """A corpus, a configuration or a checkpoint cannot be used; the message names it."""
