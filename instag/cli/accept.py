"""`instag accept`: which labels may be accepted unheard, from a sample that people heard."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from instag.cli.boundary import errors_for_people
from instag.cli.options import ANALYSE, DryRun, TablePath, number, option
from instag.errors import CannotStartError, ExitCode

if TYPE_CHECKING:
    from instag.measure.acceptance import Acceptance
    from instag.measure.sample import Candidate

EXAMPLES = """
instag accept table.csv --error 0.05 --dry-run   # how many would that be?
instag accept table.csv --error 0.05             # mark them
"""


def accept(
    table: TablePath,
    error: Annotated[
        float,
        option(
            "--error",
            panel=ANALYSE,
            metavar="SHARE",
            parser=number(0.001, 0.5),
            help="The share of wrong labels that you can live with, 0.001 to 0.5.",
        ),
    ] = 0.05,
    dry_run: DryRun = False,
) -> None:
    """Accept labels that nobody heard, with a known risk.

    From a sample that was drawn and heard, this finds the confidence above which the share of wrong labels is at most
    --error, with a certainty of 95 %, and marks the files that have it. docs/accept.md explains the method.

    Exit codes: 0 files are accepted. 1 no files can be accepted. 2 usage. 3 the table or its sample cannot be used.
    """
    from instag.measure.acceptance import accept as judge
    from instag.measure.sample import candidates, draw_sample
    from instag.table import open_table
    from instag.table.acceptances import mark_accepted
    from instag.table.lock import locked
    from instag.table.samples import read_sample

    with errors_for_people(), ExitStack() as stack:
        # A name that is mistyped must not become an empty table.
        open_table(table, read_only=True).close()
        if not dry_run:
            stack.enter_context(locked(table))
        record = read_sample(table)
        if record is None:
            raise CannotStartError(
                f"{table}: no sample was drawn from it.",
                f"Run `instag review {table} --sample 300`, decide its files, then accept.",
            )
        opened = stack.enter_context(closing(open_table(table, read_only=dry_run)))
        for note in opened.notes:
            typer.echo(note, err=True)
        sample = draw_sample(opened.rows(), record.count, record.seed, record.drawn_at)
        undecided = sum(not candidate.decided for candidate in sample.drawn)
        if undecided:
            raise CannotStartError(
                f"{table}: {undecided} of the {len(sample.drawn)} files of its sample are not decided yet.",
                f"Run `instag review {table} --sample {record.count}`, and decide them; nothing was marked.",
            )
        found = judge(sample, error)
        sentence = _sentence(found, error, table, lambda: candidates(opened.rows(), record.drawn_at))
        lowest = None if found.passed is None else found.steps[found.passed].least_confidence
        rule = f"accepted unheard: at most {_percent(error)} wrong"
        marked, withdrawn = mark_accepted(opened, lowest, rule, dry_run=dry_run)
        typer.echo(sentence)
        would = "would be" if dry_run else "are"
        if marked:
            typer.echo(f"{_files(marked)} that nobody heard {would} accepted.")
        if withdrawn:
            typer.echo(f"{_files(withdrawn)} accepted before {would} no longer accepted.")
        if lowest is None:
            raise typer.Exit(ExitCode.SOME_FAILED)


def _sentence(found: Acceptance, error: float, table: Path, find_files: Callable[[], list[Candidate]]) -> str:
    """What a curator should know, in one or two sentences."""
    if found.passed is not None:
        step, wrong = found.steps[found.passed], found.wrong[found.passed]
        return (
            f"With a certainty of 95 %, at most {_percent(error)} of the labels with a confidence of "
            f"{step.least_confidence:.4g} or more are wrong; {_files(step.files)} have one. "
            f"Of the {step.drawn:,} of them that were drawn and heard, {wrong:,} {'is' if wrong == 1 else 'are'} wrong."
        )
    tried = next(((step, wrong) for step, wrong in zip(found.steps, found.wrong, strict=True) if step.shares), None)
    if tried is None or found.steps[-1].allowed[-1] < 0:
        confidences = [candidate.confidence for candidate in find_files()]
        return _too_small(found.steps[-1].drawn if found.steps else 0, error, table, confidences)
    step, wrong = tried
    return (
        f"No files can be accepted with an error of {_percent(error)}. Of the {step.drawn:,} most confident files that "
        f"were drawn and heard, {wrong:,} {'is' if wrong == 1 else 'are'} wrong, and {step.allowed[step.shares]:,} may "
        "be. Allow a larger error, or draw a larger sample."
    )


def _too_small(drawn: int, error: float, table: Path, confidences: list[float]) -> str:
    """What is missing where no sample of this size can pass."""
    from instag.measure.acceptance import least_sample

    files = len(confidences)
    least = least_sample(confidences, error)
    if least is None:
        return (
            f"No files can be accepted with an error of {_percent(error)}: the model is sure of {_files(files)} only, "
            "which is too few for any sample. Hear them all, or allow a larger error."
        )
    return (
        f"The sample is too small to vouch for an error of {_percent(error)}, even if nothing in it is wrong: "
        f"{drawn:,} of {_files(files)} were drawn, and at least {least:,} must be. "
        f"Run `instag review {table} --sample {least}`, and decide what is new in it; what you decided still counts."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _files(count: int) -> str:
    return f"{count:,} file{'s' * (count != 1)}"
