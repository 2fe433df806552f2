"""Accepting many doubtful recordings at once: a group, a random part of it that is heard first, and what that tells."""

from __future__ import annotations

import random
from dataclasses import dataclass

from instag.labels import LABELS
from instag.measure.acceptance import most_share_wrong
from instag.review.desk import Desk
from instag.table.acceptances import IN_BULK
from instag.table.rows import Row

# A random choice that nobody can foresee, so that nobody can be suspected of having chosen.
_CHANCE = random.SystemRandom()


@dataclass(frozen=True)
class Choice:
    """Which recordings of the queue belong to a group.

    Attributes:
        folder: They lie in it or below it; "" stands for all folders.
        label: What the model says; "" stands for every label.
        least: The confidence that they have at least, 0..1.
    """

    folder: str
    label: str
    least: float


@dataclass(frozen=True)
class Group:
    """Recordings that may be accepted together.

    Attributes:
        sample: Those that are heard first, by their places in the queue.
        rest: The others.
    """

    sample: tuple[int, ...]
    rest: tuple[int, ...]

    def left(self, desk: Desk) -> int:
        """How many of the sample are still to be heard."""
        return sum(desk.items[number].decision is None for number in self.sample)

    def right(self, desk: Desk) -> int:
        """For how many of the sample the person confirmed what the model says."""
        heard = (desk.items[number] for number in self.sample)
        return sum(item.decision is not None and item.decision.label == item.row.dominant for item in heard)

    def most_wrong(self, desk: Desk) -> int:
        """How many of the rest are wrong at most, with a certainty of 95 %, once the sample is heard.

        The bound is about the whole group, of which the wrong ones that were heard are taken off.
        """
        heard = len(self.sample)
        wrong = heard - self.right(desk)
        of_all = int(most_share_wrong(heard, wrong) * (heard + len(self.rest)))
        return min(of_all - wrong, len(self.rest))


def draw_group(desk: Desk, choice: Choice, count: int) -> Group:
    """Finds the undecided recordings of a choice, and draws the sample.

    Args:
        desk: The queue.
        choice: Which of its recordings.
        count: How many are heard first, if there are so many.
    """
    numbers = [number for number, item in enumerate(desk.items) if item.decision is None and _fits(item.row, choice)]
    sample = _CHANCE.sample(numbers, min(count, len(numbers)))
    drawn = set(sample)
    return Group(tuple(sample), tuple(number for number in numbers if number not in drawn))


def accept_rest(desk: Desk, group: Group) -> list[int]:
    """Accepts what nobody heard of a group; the rows say by whom, and what the sample was like.

    Returns:
        Their places in the queue.

    Raises:
        ValueError: The sample is not heard yet.
        CannotStartError: The table cannot be written.
    """
    if group.left(desk):
        raise ValueError("the sample is not heard yet")
    rest = [number for number in group.rest if desk.items[number].decision is None]
    desk.accept(rest, f"{IN_BULK}{desk.by}: {group.right(desk)} of {len(group.sample)} heard were right")
    return rest


def _fits(row: Row, choice: Choice) -> bool:
    return (
        row.dominant in LABELS
        and choice.label in ("", row.dominant)
        and (not choice.folder or row.path.startswith(f"{choice.folder.rstrip('/')}/"))
        and (row.confidence or 0.0) >= choice.least
    )
