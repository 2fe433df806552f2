"""What every container's tag writer offers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from instag.tags.edits import Edit, RawField
from instag.tags.fields import Change


class TagStore(Protocol):
    """The tags of one open file: parsed once, then asked for edits.

    Attributes:
        fields: INSTRUMENT and instag's own fields, in the file's order.
        missing: Names of the parts that have to be made before a field can be added.
    """

    @property
    def fields(self) -> tuple[RawField, ...]:
        """INSTRUMENT and instag's own fields."""
        ...

    @property
    def missing(self) -> tuple[str, ...]:
        """Parts that have to be made."""
        ...

    def edits(self, change: Change) -> Sequence[Edit]:
        """The edits that make the change.

        Raises:
            StructureError: The format has no room for it.
        """
        ...
