"""``bakeoff ab``: which of some programs is better, without a study file."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from bakeoff.cli.options import (
    Address,
    Delta,
    NoColor,
    On,
    Plain,
    Quiet,
    Seed,
    Workers,
    one_of,
)
from bakeoff.cli.output import Style, message_console, result_console, write_text
from bakeoff.cli.running import carry_out, say_what_was_done
from bakeoff.errors import GateError, UsageError
from bakeoff.files import must_be_writable


def ab(
    commands: Annotated[
        list[str], typer.Argument(metavar="COMMAND…", help="Programs, each in quotes.")
    ],
    metric: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME:min|max", help="What they print; the first decides. Else it is found."
        ),
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option(help="What to call each command, in order; else A, B, …")
    ] = None,
    max_replicates: Annotated[
        int, typer.Option(min=3, help="At most so many runs of each command.")
    ] = 12,
    gate: Annotated[
        str | None,
        typer.Option(
            metavar="better|not-worse",
            help="Exit with 5 unless the last command is that, against the first.",
            autocompletion=one_of("better", "not-worse"),
        ),
    ] = None,
    delta: Delta = None,
    seed: Seed = None,
    timeout: Annotated[float | None, typer.Option(min=0.001, help="Seconds of a run.")] = None,
    workers: Workers = None,
    on: On = None,
    address: Address = None,
    name: Annotated[str, typer.Option(help="Of the study, in store and report.")] = "ab",
    store: Annotated[str, typer.Option(help="Results store; :memory: works.")] = "bakeoff.sqlite",
    fresh: Annotated[bool, typer.Option("--fresh", help="Run again what is stored.")] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Run again what failed.")
    ] = False,
    json_path: Annotated[
        str | None,
        typer.Option("--json", metavar="PATH", help="The result as JSON (- for standard output)."),
    ] = None,
    report: Annotated[
        str | None, typer.Option(metavar="PATH", help="Write the HTML report there.")
    ] = None,
    quiet: Quiet = False,
    plain: Plain = False,
    no_color: NoColor = False,
) -> None:
    """Find out which program is better: run each with many seeds until the evidence says so.

    Examples:

      bakeoff ab 'python train.py --width 64 --seed {seed}' 'python train.py --width 128 --seed {seed}'

      bakeoff ab 'make eval S={seed}' './new.sh {seed}' --metric val_loss:min --gate not-worse
    """
    from bakeoff.comparing import first_metrics, gate_passed, guess_metric, programs_study
    from bakeoff.report.json import dumps
    from bakeoff.store.sqlite import Store

    style = Style(quiet=quiet, plain=plain, no_color=no_color)
    if gate not in (None, "better", "not-worse"):
        raise UsageError(f"--gate: must be better or not-worse, but got {gate}")
    for place in (json_path, report):
        if place is not None and place != "-":
            must_be_writable(place)
    metrics: dict[str, str] = dict(_direction(one) for one in metric or ())
    options = {"delta": delta, "seed": seed, "timeout": timeout, "name": name}
    given: dict[str, Any] = {key: value for key, value in options.items() if value is not None}
    labels = list(label or ())
    messages = message_console(style)
    with Store.open(store) as opened:
        if not metrics:
            probe = programs_study(commands, {"metric": "max"}, labels=labels, **given)
            found = first_metrics(probe, opened, on=on, address=address)
            chosen, direction = guess_metric(found)
            metrics = {chosen: direction}
            others = ", ".join(one.removeprefix("val_") for one in found)
            better = "more" if direction == "max" else "less"
            messages.print(
                f"Metric: {chosen.removeprefix('val_')} ({better} is better), of what the first run "
                f"printed: {others}. Another: --metric NAME:min|max.",
                markup=False,
                soft_wrap=True,
            )
        study = programs_study(commands, metrics, labels=labels, **given)
        if not any(part in one for one in commands for part in ("{seed}", "{replicate}", "{fold}")):
            messages.print(
                "No command takes {seed}: runs of a program that sets its seed itself are all equal.",
                markup=False,
            )
        result = carry_out(
            study,
            style,
            result_console(style) if json_path != "-" else messages,
            store=opened,
            replicates=max_replicates,
            workers=workers,
            on=on,
            address=address,
            fresh=fresh,
            retry_failed=retry_failed,
        )
    if report is not None:
        result.report(report)
    if json_path is not None:
        write_text(json_path, dumps(result.record))
    say_what_was_done(result, style, store)
    stage = result.record.stages[0]
    if gate is not None and not gate_passed(stage, gate):
        names = stage.verdict.labels
        raise GateError(f"--gate {gate}: not passed: {names[-1]} against {names[0]}")


def _direction(text: str) -> tuple[str, str]:
    name, _, direction = text.rpartition(":")
    if not name or direction not in ("min", "max"):
        raise UsageError(f"--metric: must be NAME:min or NAME:max, but got {text}")
    return name, direction
