"""A plugin for beets: `beet instag` names the instruments of the music in a library, `beet write` writes them.

The fields are those of instag's own tags, so that every value says that a machine gave it, which one, and how sure it
was. docs/beets.md shows how to use it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mediafile
from beets.dbcore import types
from beets.exceptions import UserError
from beets.library import Item
from beets.plugins import BeetsPlugin
from beets.ui import Subcommand

import instag
from instag.errors import FileError, InstagError
from instag.labels import DISPLAY_NAMES
from instag.tags import machine_source


class InstagPlugin(BeetsPlugin):
    """Fills the fields `instrument` and `instrument_*` of items."""

    item_types = {  # noqa: RUF012 (what beets asks for)
        "instrument": types.MULTI_VALUE_DSV,
        "instrument_dominant": types.STRING,
        "instrument_confidence": types.Float(3),
        "instrument_source": types.STRING,
        "instrument_review": types.BOOLEAN,
    }

    def __init__(self) -> None:
        """Tells beets in which tags the fields are kept."""
        super().__init__()
        self.config.add({"model": "instag"})
        for name in self.item_types:
            self.add_media_field(name, _tag(name))
            # `beet write` looks only at these for what has changed.
            Item._media_tag_fields.add(name)
        self.register_listener("write", self._choose_tags)

    def commands(self) -> list[Subcommand]:
        """`beet instag`."""
        command = Subcommand("instag", help="name the instruments of recordings")
        command.parser.add_option(
            "-f", "--force", action="store_true", help="analyse items again that have instruments already"
        )
        command.func = self._run
        return [command]

    def _run(self, library: Any, options: Any, words: list[str]) -> None:
        try:
            analyser = instag.load_model(self.config["model"].as_str())
        except InstagError as error:
            raise UserError(f"instag: {error}") from None
        card = analyser.model.card
        source = machine_source(card.model_id, card.version)
        for item in library.items(words):
            if _is_settled(item, options.force):
                continue
            try:
                verdict = analyser.analyse(Path(item.filepath)).verdict
            except FileError as error:
                self._log.warning("{}", error)
                continue
            item["instrument"] = [DISPLAY_NAMES[label] for label in verdict.instruments]
            item["instrument_dominant"] = verdict.dominant
            item["instrument_confidence"] = round(verdict.confidence, 3)
            item["instrument_source"] = source
            item["instrument_review"] = verdict.needs_review
            item.store()
            self._log.info("{}: {}", item, DISPLAY_NAMES[verdict.dominant])

    def _choose_tags(self, item: Item, path: bytes, tags: dict[str, Any]) -> None:
        """Chooses what beets writes: nothing for an item without instruments, and no empty tags."""
        ours = [name for name in self.item_types if name in tags]
        if not any(tags[name] for name in ours):
            for name in ours:
                del tags[name]
            return
        is_machines = bool(tags.get("instrument_dominant"))
        for name in ours:
            is_number = name in ("instrument_confidence", "instrument_review")
            if not (is_machines if is_number else tags[name]):
                tags[name] = None  # beets removes the tag


def _is_settled(item: Any, force: bool) -> bool:
    """Whether an item keeps what it has: a person's word always, a machine's or somebody else's unless forced."""
    source = str(item.get("instrument_source") or "")
    if source.startswith("person:"):
        return True
    return bool(item.get("instrument") or source) and not force


def _tag(name: str) -> mediafile.MediaField:
    """Where a field is kept in each kind of file: as in docs/tags.md."""
    key = name.upper()
    if name == "instrument":
        return mediafile.ListMediaField(
            mediafile.MP3ListDescStorageStyle(key),
            mediafile.MP4ListStorageStyle(f"----:com.apple.iTunes:{key}"),
            mediafile.ListStorageStyle(key),
            mediafile.ASFStorageStyle(key),
        )
    out_type = {"instrument_confidence": float, "instrument_review": bool}.get(name, str)
    return mediafile.MediaField(
        mediafile.MP3DescStorageStyle(key),
        mediafile.MP4StorageStyle(f"----:com.apple.iTunes:{key}"),
        mediafile.StorageStyle(key),
        mediafile.ASFStorageStyle(key),
        out_type=out_type,
    )
