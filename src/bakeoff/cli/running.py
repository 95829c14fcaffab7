"""``bakeoff run`` and ``check``."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bakeoff import words
from bakeoff.cli.options import (
    Address,
    BudgetTime,
    Delta,
    EngineName,
    Log,
    NoColor,
    On,
    Overrides,
    Plain,
    Quiet,
    Replicates,
    Seed,
    Strict,
    StudyArgument,
    Target,
    TaskName,
    Wait,
    Workers,
    overridden,
    seconds_of,
)
from bakeoff.cli.output import (
    Style,
    download_bar,
    is_live,
    message_console,
    result_console,
    write_message,
    write_text,
)
from bakeoff.errors import LintError, UsageError
from bakeoff.files import file_stem, must_be_writable

if TYPE_CHECKING:
    from rich.console import Console

    from bakeoff.records import LintFinding, StageResult, StudyPlan
    from bakeoff.result import Result
    from bakeoff.study import Study
    from bakeoff.terminal.live import LiveProgress
    from bakeoff.terminal.progress import PlainProgress


def run(
    study: StudyArgument = "digits",
    target: Target = None,
    task: TaskName = None,
    replicates: Replicates = None,
    workers: Workers = None,
    engine: EngineName = None,
    on: On = None,
    address: Address = None,
    overrides: Overrides = None,
    seed: Seed = None,
    delta: Delta = None,
    store: Annotated[
        str | None,
        typer.Option(help="Results store; else bakeoff.sqlite beside the study. :memory: works."),
    ] = None,
    wait: Wait = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Train again what the store already has.")
    ] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Train failed runs again.")
    ] = False,
    follow_audit: Annotated[
        int,
        typer.Option(min=0, help="Take what the chain audit confirms, at most this many times."),
    ] = 0,
    budget: BudgetTime = None,
    log: Log = None,
    strict: Strict = False,
    json_path: Annotated[
        str | None,
        typer.Option(
            "--json", metavar="PATH", help="Write the result as JSON (- for standard output)."
        ),
    ] = None,
    report: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            help="Where the HTML report goes; else bakeoff-NAME.html beside the store.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            help="Where the final model goes; else bakeoff-NAME.ENDING beside the store.",
        ),
    ] = None,
    no_report: Annotated[bool, typer.Option("--no-report", help="Write no report.")] = False,
    details: Annotated[
        bool, typer.Option("--details", help="Print every stage, the audit and the lint as well.")
    ] = False,
    quiet: Quiet = False,
    plain: Plain = False,
    no_color: NoColor = False,
) -> None:
    """Run a study, or go on with one that was interrupted.

    Examples:

      bakeoff run

      bakeoff run mnist-notebook --replicates 5 --json out.json

      bakeoff run my-study.toml --report report.html

      bakeoff run churn.csv --target churned
    """
    style = Style(quiet=quiet, plain=plain, no_color=no_color)
    seconds = None if budget is None else seconds_of(budget)
    for place in (json_path, report, model):
        if place is not None and place != "-":
            must_be_writable(place)
    from bakeoff.report.json import dumps
    from bakeoff.report.notes import model_file
    from bakeoff.study import DEFAULT_STORE

    loaded = _load(study, style, overridden(overrides, seed, delta), target, task)
    out = result_console(style) if json_path != "-" else message_console(style)
    result = carry_out(
        loaded,
        style,
        out,
        details=details,
        store=store,
        engine=engine,
        replicates=replicates,
        workers=workers,
        on=on,
        address=address,
        fresh=fresh,
        retry_failed=retry_failed,
        follow_audit=follow_audit,
        wait=wait,
        budget=seconds,
        log=log,
    )
    record = result.record
    beside = loaded.folder if store in (None, ":memory:") else Path(store or "").parent
    stem = file_stem(record.name)
    if result.model_ending is not None:
        path = Path(model or _shown(beside / f"bakeoff-{stem}{result.model_ending}"))
        result = result.with_model(path)
        record = result.record
        out.print(f"Model:  {_shown(path)}", soft_wrap=True)
    elif record.final is not None and (why := model_file(record.final)):
        out.print(why, soft_wrap=True)
    if not no_report:
        path = Path(report) if report else beside / f"bakeoff-{stem}.html"
        result.report(path)
        out.print(f"Report: {_shown(path)}", soft_wrap=True)
    if json_path is not None:
        write_text(json_path, dumps(record))
    say_what_was_done(result, style, store or str(loaded.folder / DEFAULT_STORE))
    if strict:
        _must_find_no_error(record.lint)


def carry_out(
    study: Study, style: Style, out: Console, *, details: bool = True, **options: Any
) -> Result:
    """Runs a study with progress on standard error, then prints what it found to ``out``.

    ``details`` prints more than the summary; ``options`` are those of ``Study.run``.
    """
    # Everything is imported before the study begins: an interruption must not fall into an import.
    import scipy.special  # (intervals and initial weights)

    import bakeoff.report.html  # noqa: F401
    from bakeoff.spec import TuneRange
    from bakeoff.terminal.tables import print_result, stage_line

    if any(
        isinstance(tried, TuneRange) for stage in study.spec.stage for tried in stage.tune.values()
    ):
        import scipy.stats.qmc  # noqa: F401  (points of ranges)
    messages = message_console(style)

    def on_stage(index: int, stage: StageResult) -> None:
        messages.print(stage_line(index, stage))

    plan = study.check(
        replicates=options.get("replicates"), workers=options.get("workers"), timed=False
    )
    observer = _observer(style, on_stage, plan)
    try:
        result = study.run(observer=observer, **options)
    finally:
        if observer is not None:
            observer.close()
    print_result(out, result.record, details=details)
    return result


def say_what_was_done(result: Result, style: Style, store: str) -> None:
    """Runs, time, and where to go on: the list of studies where nobody can type the name."""
    if style.quiet:
        return
    record = result.record
    done = f"{words.plural(record.num_trained, 'run')} trained, "
    if record.num_reused:
        done += f"{record.num_reused} of {record.num_reused + record.num_trained} runs reused, "
    done += f"{words.duration(record.seconds)}."
    if store != ":memory:":
        name, place = shlex.quote(record.name), f"--store {shlex.quote(_shown(Path(store)))}"
        what = f"{place} -- {name}" if record.name.startswith("-") else f"{name} {place}"
        done += f" Next: bakeoff show {what if words.visible(name) == name else place}"
    message_console(style).print(done, soft_wrap=True)


def check(
    study: StudyArgument = "digits",
    target: Target = None,
    task: TaskName = None,
    models: Annotated[
        bool, typer.Option("--models", help="Show every model layer by layer.")
    ] = False,
    replicates: Replicates = None,
    workers: Workers = None,
    overrides: Overrides = None,
    seed: Seed = None,
    delta: Delta = None,
    strict: Strict = False,
    plain: Plain = False,
    no_color: NoColor = False,
) -> None:
    """Validate a study and show its plan and cost; nothing is trained.

    Examples:

      bakeoff check my-study.toml

      bakeoff check mnist-notebook --models
    """
    from bakeoff.dense.settings import DenseSettings
    from bakeoff.evidence.lint_protocol import lint_plan
    from bakeoff.terminal.tables import lint_block, model_summary, print_plan

    style = Style(plain=plain, no_color=no_color)
    loaded = _load(study, style, overridden(overrides, seed, delta), target, task)
    plan = loaded.check(replicates=replicates, workers=workers)
    out = result_console(style)
    print_plan(out, plan)
    if models and loaded.spec.model == "dense":
        for stage in plan.stages:
            for candidate in stage.candidates:
                out.print(
                    model_summary(
                        f"{stage.name}: {candidate.label}",
                        DenseSettings.of(candidate.settings),
                        plan.data.num_features,
                        plan.data.num_classes,
                    )
                )
    findings = lint_plan(plan)
    block = lint_block(findings)
    if block is not None:
        out.print()
        out.print(block)
    if strict:
        _must_find_no_error(findings)


def _must_find_no_error(findings: Sequence[LintFinding]) -> None:
    errors = [finding.code for finding in findings if finding.level == "error"]
    if errors:
        raise LintError(
            f"--strict: the lint found {words.plural(len(errors), 'error')} "
            f"({', '.join(errors)}); see docs/lint.md"
        )


def _load(
    study: str,
    style: Style,
    overrides: list[str],
    target: str | None = None,
    task: str | None = None,
) -> Study:
    """The study with its data, with a bar while something is downloaded.

    Where data was given instead of a study, one is made for it, and what was guessed is said.
    """
    from bakeoff import suggest
    from bakeoff.study import Study

    if suggest.names_data(study, target):
        made = suggest.study_for(study, target=target, task=task, overrides=overrides)
        if not style.quiet:
            console = message_console(style)
            for line in suggest.told(made.load_data()):
                console.print(words.visible(line), soft_wrap=True, markup=False, highlight=False)
            given = " ".join(
                shlex.quote(part) for part in (study, *(("--target", target) if target else ()))
            )
            console.print(
                f"A study was made for it; `bakeoff init study.toml --data {given}` writes it down, "
                "to be changed.\n",
                soft_wrap=True,
                markup=False,
            )
        return made
    if task is not None:
        raise UsageError("--task: belongs to a table of data; a study file has data.task")
    made = Study.from_file(study, overrides=overrides)
    with download_bar(style) as progress:
        dataset = made.load_data(progress)
    if not style.quiet:
        for line in dataset.remarks:
            message_console(style).print(words.visible(line), soft_wrap=True, markup=False)
    return made


def _observer(style: Style, on_stage: Any, plan: StudyPlan) -> LiveProgress | PlainProgress | None:
    if style.quiet:
        return None
    if is_live(style):
        from bakeoff.terminal.live import LiveProgress

        return LiveProgress(message_console(style), on_stage, plan)
    from bakeoff.terminal.progress import PlainProgress

    return PlainProgress(write_message, on_stage)


def _shown(path: Path) -> str:
    """The path as a user would type it."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
