"""Reads TOML files into frozen dataclasses; every mistake in a file is named by file, table and key."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from train.errors import TrainingError

T = TypeVar("T")


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file as plain tables.

    Raises:
        TrainingError: The file cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TrainingError(
            f"{path}: the config cannot be read ({error}).", "See train/configs for examples."
        ) from error


def settings_from(kind: type[T], table: Mapping[str, Any], where: str) -> T:
    """A table as its dataclass. Nested dataclasses come from nested tables; lists become tuples.

    Args:
        kind: A frozen dataclass.
        table: Its values.
        where: File and table, for messages, e.g. `main.toml: [tune]`.

    Raises:
        TrainingError: A key is unknown or missing, or a value is of the wrong type or out of range.
    """
    hints = get_type_hints(kind)
    if unknown := set(table) - set(hints):
        raise TrainingError(f"{where}: there is no key '{min(unknown)}'.", f"The keys are {', '.join(hints)}.")
    values = {}
    for name, value in table.items():
        hint = hints[name]
        if dataclasses.is_dataclass(hint) and isinstance(value, dict):
            values[name] = settings_from(hint, value, f"{where} {name}")
        else:
            values[name] = _frozen(value)
            if not _fits(values[name], hint):
                raise TrainingError(f"{where}: '{name}' is {value!r}, which is not {hint}.", "Correct the value.")
    try:
        return kind(**values)
    except (TypeError, ValueError) as error:
        raise TrainingError(f"{where}: {error}.", "Correct the value.") from error


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_frozen(one) for one in value)
    return {key: _frozen(one) for key, one in value.items()} if isinstance(value, dict) else value


def _fits(value: Any, hint: Any) -> bool:
    """Whether a plain value is of its type; of containers only the outside is checked."""
    if hint is Any:
        return True
    if origin := get_origin(hint):
        if origin in (tuple, list):
            return isinstance(value, tuple)
        if isinstance(origin, type):
            return isinstance(value, dict if issubclass(origin, Mapping) else origin)
        return any(_fits(value, one) for one in get_args(hint))
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, hint) and (hint is bool or not isinstance(value, bool))
