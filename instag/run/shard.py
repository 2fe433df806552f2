"""Shards: a job array's share of the files, the same at every run, on every machine and in every order."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from instag.errors import UsageError


@dataclass(frozen=True)
class Shard:
    """One of several equal shares.

    Attributes:
        number: From 1 to `count`.
        count: How many shards there are.
    """

    number: int
    count: int

    def holds(self, table_path: str) -> bool:
        """Whether a file falls into this shard.

        Args:
            table_path: Its path as it stands in the table.
        """
        # Not `hash`: Python salts it anew in every process.
        digest = hashlib.blake2b(table_path.encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") % self.count == self.number - 1


def parse_shard(text: str) -> Shard:
    """The shard behind `--shard i/n`.

    Raises:
        UsageError: It is not one.
    """
    found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text.strip(), re.ASCII)
    if found and 1 <= int(found[1]) <= int(found[2]):
        return Shard(int(found[1]), int(found[2]))
    raise UsageError(
        f"--shard {text}: must be i/n with i from 1 to n.", "For the third of eight shares, give --shard 3/8."
    )
