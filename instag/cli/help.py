"""What `--help` prints: plain text in panels, with examples, the same on every terminal.

Typer's own help names Python's types; rich's panels cost a tenth of a second at each start.
"""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

from instag.constants import LIMITS_NOTICE


class Command(TyperCommand):
    """A command whose help is grouped by the panels of its options."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The words behind the command's name."""
        return ["[OPTIONS]", *(_left(param) for param in self.params if param.param_type_name == "argument")]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Writes arguments and options, panel by panel."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            panel = getattr(param, "rich_help_panel", None) or "Help"
            panels.setdefault(panel, []).append((_left(param), _right(param)))
        for panel, records in panels.items():
            with formatter.section(panel):
                formatter.write_dl(records)


def epilog(examples: str) -> str:
    """What stands below the options of a command.

    Args:
        examples: Lines `command  # what it does`, printed as they are.
    """
    lines = "\n".join(f"  {line}" for line in examples.strip().splitlines())
    return f"\b\nExamples:\n{lines}\n\n{LIMITS_NOTICE}"


def _left(param: Any) -> str:
    if param.param_type_name == "argument":
        return str(param.metavar)
    names = ", ".join(sorted(param.opts, key=len))
    return names if param.is_flag or param.count else f"{names} {param.metavar}"


def _right(param: Any) -> str:
    remarks = []
    if param.param_type_name == "option" and not (param.is_flag or param.count):
        if isinstance(param.show_default, str):
            remarks.append(f"default: {param.show_default}")
        elif param.default is not None and param.show_default:
            default = param.default
            remarks.append(f"default: {default:g}" if isinstance(default, float) else f"default: {default}")
        if param.envvar:
            remarks.append(f"or set {param.envvar}")
    return f"{param.help} [{'; '.join(remarks)}]" if remarks else str(param.help)
