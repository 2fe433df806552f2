"""What people said of recordings, kept when a file is analysed again: under its name, or under its audio's digest.

A label that was accepted unheard is kept in the same way, while the machine says the same.
"""

from __future__ import annotations

from dataclasses import replace

from instag.table.rows import AssignedBy, Review, Row, Status


class Reviews:
    """The reviews in a table, by the digest of the audio and by path.

    A person listened to audio, so the digest decides: a file that was renamed or tagged again keeps its review, and one
    whose audio changed does not.
    """

    def __init__(self) -> None:
        """Starts with none."""
        self._by_digest: dict[str, dict[str, Review]] = {}
        self._by_path: dict[str, tuple[str, Review]] = {}

    def learn(self, path: str, digest: str, review: Review | None) -> None:
        """Takes note of a row; of several reviews of one recording the latest counts, and one by ear before others.

        Args:
            path: The row's path.
            digest: The row's audio digest.
            review: The row's `decision`, if it has one.
        """
        if earlier := self._by_path.pop(path, None):
            self._by_digest.get(earlier[0], {}).pop(path, None)
        if review is None:
            return
        self._by_path[path] = (digest, review)
        if digest:
            self._by_digest.setdefault(digest, {})[path] = review

    def keep(self, row: Row) -> tuple[Row, str]:
        """Puts an earlier review into the new row of a file.

        Args:
            row: What an analysis made.

        Returns:
            The row, and a sentence where a person should know of it, or "".
        """
        if row.decision is not None or not (self._by_digest or self._by_path):
            return row, ""
        earlier_digest, earlier = self._by_path.get(row.path, ("", None))
        if row.status is Status.FAILED:
            # Nothing was heard this time, so nothing speaks against what the person heard; the digest says of what.
            if earlier is None or not earlier.heard:
                return row, ""
            return _reviewed(replace(row, audio_digest=earlier_digest), earlier), ""
        of_this_audio = self._by_digest.get(row.audio_digest, {}).values()
        # A row without a digest is known by its path alone.
        of_this_path = earlier if earlier_digest == row.audio_digest else None
        review = max(of_this_audio, key=lambda review: (review.heard, review.at), default=of_this_path)
        if review is None:
            if earlier is None or not earlier.heard:
                return row, ""
            return row, (
                f"{row.path}: its audio has changed since {earlier.by or 'a person'} reviewed it as {earlier.label}; "
                "that review no longer counts."
            )
        if not review.heard and review.label != row.dominant:
            return row, (
                f"{row.path}: was accepted unheard as {review.label}, and the model now says {row.dominant}; "
                "it is no longer accepted."
            )
        if review.label and review.label != row.dominant:
            return _reviewed(row, review), (
                f"{row.path}: the model says {row.dominant}, {review.by or 'a person'} said {review.label}; "
                "the person's label counts."
            )
        return _reviewed(row, review), ""


def _reviewed(row: Row, review: Review) -> Row:
    return replace(
        row,
        assigned_by=AssignedBy.PERSON if review.heard else AssignedBy.MACHINE,
        reviewed_label=review.label if review.heard else "",
        reviewed_by=review.by,
        reviewed_at=review.at,
    )
