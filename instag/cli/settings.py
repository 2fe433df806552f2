"""Settings files: what `instag tag` was told, as flat TOML, so that a job can be repeated.

A key is the long name of an option with `_` for `-`; `paths` are the files and folders. Paths are written as in
tables, so that names which are not valid UTF-8 come back too.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from instag import __version__, paths
from instag.errors import CannotStartError, UsageError

_HEADER = "# Settings of `instag tag`"
# What concerns one run and not the job.
_NOT_SAVED = frozenset(
    {"settings", "save_settings", "dry_run", "language", "events", "xml", "quiet", "verbose", "help"}
)
_PATHS = "paths"


def load_settings(context: typer.Context, path: Path | None) -> Path | None:
    """Makes the values in a settings file the defaults of a command; the callback of `--settings`.

    Raises:
        typer.BadParameter: The file cannot be read, or something in it is not a setting.
    """
    if path is not None:
        context.default_map = {**(context.default_map or {}), **read_settings(path, context.command.params)}
    return path


def read_settings(path: Path, params: Sequence[Any]) -> dict[str, Any]:
    """The values in a settings file, by the names of a command's parameters.

    Args:
        path: The file.
        params: The parameters of the command.

    Raises:
        typer.BadParameter: The file cannot be read, or something in it is not a setting.
    """
    name = paths.for_terminal(path)
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise typer.BadParameter(f"{name}: cannot be read ({error.strerror}).") from None
    except ValueError as error:  # not TOML, or not UTF-8
        raise typer.BadParameter(f"{name}: is not a TOML file ({error}).") from None
    known = {_key(param): param for param in params if param.name not in _NOT_SAVED}
    values = {}
    for key, value in document.items():
        if key not in known:
            raise typer.BadParameter(f"{name}: there is no setting '{key}'. Known are {', '.join(sorted(known))}.")
        kind, expected = _kind(known[key])
        if not isinstance(value, kind) or isinstance(value, bool) is not (kind is bool):
            raise typer.BadParameter(f"{name}: the setting '{key}' must be {expected}.")
        if isinstance(value, list) and not all(isinstance(item, str) for item in value):
            raise typer.BadParameter(f"{name}: the setting '{key}' must be {expected}.")
        values[known[key].name] = _each(value, paths.from_table) if _holds_paths(known[key]) else value
    return values


def check_target(path: Path) -> None:
    """Checks that settings may be written to a path.

    Raises:
        UsageError: It is not a TOML file by its name, or a file of somebody else is there.
    """
    if path.suffix.lower() != ".toml":
        raise UsageError(f"--save-settings {path}: the name must end in .toml.")
    if path.exists():
        try:
            with path.open("rb") as file:
                is_ours = file.read(len(_HEADER)) == _HEADER.encode()
        except OSError:
            is_ours = False
        if not is_ours:
            raise UsageError(
                f"--save-settings {path}: a file that instag did not write is there.", "Choose another name."
            )


def write_settings(path: Path, params: Sequence[Any], values: Mapping[str, Any]) -> None:
    """Writes what a command was told.

    Args:
        path: The file; an older settings file is replaced.
        params: The parameters of the command.
        values: Their values, by name. What is None was not told and is left out.

    Raises:
        CannotStartError: It cannot be written.
    """
    lines = [f"{_HEADER} {__version__}: repeat the job with `instag tag --settings FILE`, in the same folder."]
    for param in params:
        value = values.get(param.name)
        if param.name not in _NOT_SAVED and value not in (None, (), []):
            lines.append(f"{_key(param)} = {_toml(_each(value, paths.to_table) if _holds_paths(param) else value)}")
    try:
        path.write_text("\n".join(lines) + "\n", "utf-8")
    except (OSError, UnicodeEncodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "a pattern is not valid UTF-8"
        raise CannotStartError(
            f"--save-settings {path}: cannot be written ({reason}).", "Name a file in a folder that you may write to."
        ) from None


def _key(param: Any) -> str:
    return _PATHS if param.param_type_name == "argument" else str(param.name)


def _holds_paths(param: Any) -> bool:
    return param.metavar in ("PATH...", "FILE", "TABLE", "DIR")


def _kind(param: Any) -> tuple[type | tuple[type, ...], str]:
    if param.nargs == -1 or param.multiple:
        return list, "a list of strings"
    if param.is_flag:
        return bool, "true or false"
    if param.metavar in ("N", "MB", "SECONDS"):
        return (int, float), "a number"
    return str, "a string"


def _each(value: Any, convert: Any) -> Any:
    return [convert(item) for item in value] if isinstance(value, (list, tuple)) else convert(value)


def _toml(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_toml(item) for item in value)}]"
    if isinstance(value, str):
        # JSON's strings are TOML's, but for the one control character that JSON leaves as it is.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value).lower() if isinstance(value, bool) else repr(value)
