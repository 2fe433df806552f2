"""Help in plain words: Typer shows Python's types beside arguments and flags, which says nothing to an archivist."""

from __future__ import annotations

from typing import Any

from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption


def _without_types(params: list[Any]) -> list[Any]:
    """The same parameters, showing a type only where the option names its value itself."""
    for param in params:
        if isinstance(param, TyperArgument) or (isinstance(param, TyperOption) and param.metavar is None):
            setattr(param, "display_type_rich", lambda ctx: None)  # noqa: B010 - methods of this one parameter
            setattr(param, "display_type", lambda ctx: "")  # noqa: B010
    return params


class PlainCommand(TyperCommand):
    """A command whose help names arguments as they are typed."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The command's parameters, `--help` included."""
        return _without_types(super().get_params(ctx))

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """`[OPTIONS]` and the arguments."""
        arguments = [param.metavar or param.name.upper() for param in self.params if isinstance(param, TyperArgument)]
        return ["[OPTIONS]", *arguments]


class PlainGroup(TyperGroup):
    """The same for the command that holds the others."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The group's options."""
        return _without_types(super().get_params(ctx))
