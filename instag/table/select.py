"""Chooses rows of a table, for `instag list`."""

from __future__ import annotations

from dataclasses import dataclass

from instag.table.rows import Row, Status


@dataclass(frozen=True)
class Selection:
    """Which rows are wanted; a row must meet everything that is asked.

    Attributes:
        failed: Only files that could not be analysed.
        needs_review: Only files that the model marked for review.
        label: Only files with this label, the person's where there is one; "" for any.
        reviewed: Only files that a person reviewed, or only the others; None for both.
        accepted: Only files whose label was accepted unheard.
    """

    failed: bool = False
    needs_review: bool = False
    label: str = ""
    reviewed: bool | None = None
    accepted: bool = False

    def takes(self, row: Row) -> bool:
        """Whether a row is wanted."""
        return (
            (not self.failed or row.status is Status.FAILED)
            and (not self.needs_review or bool(row.needs_review))
            and (not self.label or row.label == self.label)
            and (self.reviewed is None or self.reviewed is (row.review is not None))
            and (not self.accepted or row.is_accepted)
        )
