"""`instag review --terminal`: the same decisions without a page and without sound, for a terminal far away."""

from __future__ import annotations

import sys

import typer

from instag import paths
from instag.labels import DISPLAY_NAMES
from instag.review.desk import KEYS, Desk

_QUIT = "q"


def review_in_terminal(desk: Desk) -> None:
    """Asks for each recording of the queue, until all are decided, the input ends or the person stops.

    Args:
        desk: The queue; every decision is saved at once.
    """
    labels = {key: label for label, key in KEYS.items()}
    choices = ", ".join(f"{key} {DISPLAY_NAMES[label]}" for key, label in labels.items())
    typer.echo(f"Enter: the model is right. {choices}.")
    typer.echo(f"n not sure, s skip, u undo, {_QUIT} stop. Press Enter after each key.")
    waiting = list(range(len(desk.items)))
    while waiting:
        number = waiting[0]
        row = desk.items[number].row
        name = DISPLAY_NAMES.get(row.dominant, "nothing")
        copies = len(desk.items[number].rows) - 1
        more = f" ({copies} more with the same audio)" if copies else ""
        typer.echo(f"[{len(waiting)} left] {paths.for_terminal(paths.from_table(row.path))}{more}")
        typer.echo(f"  {name}, {100 * (row.confidence or 0):.0f} % sure> ", nl=False)
        line = sys.stdin.readline()
        word = line.strip().lower()
        if not line or word == _QUIT:
            typer.echo()
            return
        if word == "s":
            waiting.append(waiting.pop(0))
        elif word == "u":
            undone = desk.undo()
            if undone:
                waiting = [*undone, *(each for each in waiting if each not in undone)]
            else:
                typer.echo("  There is nothing to undo.")
        elif word == "n":
            desk.decide(waiting.pop(0), "")
        elif word in labels or (not word and row.dominant in KEYS):
            desk.decide(waiting.pop(0), labels[word] if word else row.dominant)
        else:
            typer.echo("  That is none of the keys." if word else "  The model names no instrument here.")
