"""What to do with what was found: ``report``, ``show`` and ``compare`` read a store, ``predict`` and
``export`` the model of a study; nothing here trains.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bakeoff import words
from bakeoff.cli import options
from bakeoff.cli.output import Style, message_console, result_console, write_text
from bakeoff.errors import NotStoredError, UsageError
from bakeoff.files import file_stem

if TYPE_CHECKING:
    import pandas as pd

    from bakeoff.store.sqlite import Store

StorePath = Annotated[str, typer.Option("--store", help="Results store.")]
StudyName = Annotated[
    str | None,
    typer.Argument(
        help="Name or number of a study; the latest by default.", autocompletion=options.stored
    ),
]
ModelPath = Annotated[str, typer.Argument(help="The model file that `bakeoff run` wrote.")]


def report(
    study: StudyName = None,
    store: StorePath = "bakeoff.sqlite",
    output: Annotated[
        str | None, typer.Option("--output", "-o", help="The HTML file; else bakeoff-STUDY.html.")
    ] = None,
) -> None:
    """Write the report of a study that was run, one self-contained HTML file.

    Examples:

      bakeoff report

      bakeoff report digits --output digits.html
    """
    from bakeoff.report.html import write

    with _open(store) as opened:
        result = opened.load_result(_which(opened, study))
    path = Path(output or f"bakeoff-{file_stem(result.name)}.html")
    write(result, path)
    typer.echo(str(path))


def show(
    what: Annotated[
        str | None,
        typer.Argument(
            help="A study (name or number) or a run (first letters of its key).",
            autocompletion=options.stored,
        ),
    ] = None,
    store: StorePath = "bakeoff.sqlite",
    json_path: Annotated[
        str | None, typer.Option("--json", metavar="PATH", help="Write a study's result as JSON.")
    ] = None,
    csv_path: Annotated[
        str | None, typer.Option("--csv", metavar="PATH", help="Write the runs as CSV.")
    ] = None,
    parquet_path: Annotated[
        str | None, typer.Option("--parquet", metavar="PATH", help="Write the runs as Parquet.")
    ] = None,
    export: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Write study file, JSON, CSV, report and model."),
    ] = None,
    runs: Annotated[
        bool, typer.Option("--runs", help="List the runs, of one study or of all.")
    ] = False,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Only runs like this; repeatable."),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Order runs by a column; -NAME: largest first."),
    ] = None,
    tag: Annotated[
        str | None, typer.Option(metavar="TAG", help="Only studies tagged with this.")
    ] = None,
    plain: Annotated[bool, typer.Option("--plain", help="No colours.")] = False,
) -> None:
    """Show the studies of a store, one study, its runs, or one run with its curve.

    Examples:

      bakeoff show

      bakeoff show digits --runs --where stage=width --sort=-val_accuracy

      bakeoff show digits --csv runs.csv

      bakeoff show digits --export digits-results
    """
    from bakeoff.report.json import dumps
    from bakeoff.terminal import listing
    from bakeoff.terminal.tables import print_result

    out = result_console(Style(plain=plain))
    with _open(store) as opened:
        if runs or where or sort:
            frame = listing.chosen_runs(opened.runs(what), where or (), sort)
            if csv_path is None and parquet_path is None:
                named = [one for one in opened.studies() if what in (one.name, str(one.id))]
                metric = named[-1].metric if named else None
                out.print(listing.runs_table(frame, sort, metric))
            _write_frame(frame, csv_path, parquet_path)
            return
        wants_study = any(path is not None for path in (json_path, export))
        if what is None and not wants_study:
            if csv_path is None and parquet_path is None:
                rows = [row for row in opened.studies() if tag is None or tag in row.tags]
                out.print(listing.studies_table(rows))
                for problem in opened.damaged_studies():
                    message_console(Style(plain=plain)).print(problem, soft_wrap=True)
            _frames(opened, None, csv_path, parquet_path)
            return
        try:
            result = opened.load_result(_which(opened, what))
        except NotStoredError:
            if what is None or wants_study or csv_path or parquet_path:
                raise
            out.print(listing.run_block(opened.run(what)))
            return
        _frames(opened, _which(opened, what), csv_path, parquet_path)
        if json_path is not None:
            write_text(json_path, dumps(result))
        if export is not None:
            from bakeoff.result import Result

            for path in Result(result).export(export):
                typer.echo(str(path))
        if not any((json_path, csv_path, parquet_path, export)):
            print_result(out, result)


def compare(
    first: Annotated[str, typer.Argument(help="A study or a run.", autocompletion=options.stored)],
    second: Annotated[
        str, typer.Argument(help="Another of the same kind.", autocompletion=options.stored)
    ],
    store: StorePath = "bakeoff.sqlite",
    other_store: Annotated[
        str | None, typer.Option(help="The store of the second; the same by default.")
    ] = None,
    plain: Annotated[bool, typer.Option("--plain", help="No colours.")] = False,
) -> None:
    """Compare two studies (paired, with interval and word) or two runs.

    Examples:

      bakeoff compare 1 2

      bakeoff compare digits my-digits
    """
    from bakeoff.terminal import listing

    out = result_console(Style(plain=plain))
    with _open(store) as left, _open(other_store or store) as right:
        try:
            results = (
                left.load_result(_which(left, first)),
                right.load_result(_which(right, second)),
            )
        except NotStoredError as no_study:
            try:
                runs = (left.run(first), right.run(second))
            except NotStoredError:
                raise no_study from None
            settings = (left.settings_of(runs[0].key), right.settings_of(runs[1].key))
            out.print(listing.runs_comparison(runs, settings))
            return
    out.print(listing.studies_comparison(*results))


def predict(
    model: ModelPath,
    files: Annotated[list[str], typer.Argument(help="CSV, NPZ or image files.")],
    output: Annotated[
        str, typer.Option("--output", "-o", help="A CSV file; - for standard output.")
    ] = "-",
) -> None:
    """Predict the classes of new examples.

    Example:

      bakeoff predict bakeoff-digits.safetensors new.csv
    """
    import csv
    import io

    from bakeoff.dense.files import predict_files
    from bakeoff.dense.model import TrainedModel
    from bakeoff.trainables.files import ENDINGS, SavedModel

    brought = Path(model).suffix.lower() in ENDINGS
    loaded: SavedModel | TrainedModel = (
        SavedModel.load(model) if brought else TrainedModel.load(model)
    )
    predictions = predict_files(loaded, [Path(name) for name in files])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    chances = all(one.probability is not None for one in predictions)
    writer.writerow(["file", "row", "predicted"] + ["probability"] * chances)
    for one in predictions:
        row = [one.file, one.row, one.predicted]
        writer.writerow(row if one.probability is None else [*row, f"{one.probability:.6f}"])
    write_text(output, text.getvalue())


def export(
    what: Annotated[
        str,
        typer.Argument(
            help="A model file; with --to a study of the store, by name or id.",
            autocompletion=options.stored,
        ),
    ],
    output: Annotated[
        str | None,
        typer.Argument(help="A .safetensors, .keras or .onnx file; with --to where it goes."),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            help="Write a study instead: mlflow, tensorboard, csv or parquet.",
            autocompletion=options.one_of("mlflow", "tensorboard", "csv", "parquet"),
        ),
    ] = None,
    store: StorePath = "bakeoff.sqlite",
) -> None:
    """Write a model in another format, or a study into a tool that tracks experiments.

    Examples:

      bakeoff export bakeoff-digits.safetensors digits.onnx

      bakeoff export digits --to mlflow mlflow.db

      bakeoff export digits --to tensorboard runs
    """
    if to is not None:
        _export_study(what, output, to, store)
        return
    if output is None:
        raise UsageError("export: where the model goes is missing; name a file, or say --to")
    model = what
    from bakeoff.dense import export as formats
    from bakeoff.dense.model import TrainedModel

    loaded = TrainedModel.load(model)
    writers: dict[str, Callable[[Path], object]] = {
        ".safetensors": loaded.save,
        ".keras": lambda path: formats.to_keras(loaded, path),
        ".onnx": lambda path: formats.to_onnx(loaded, path),
    }
    ending = Path(output).suffix
    if ending not in writers:
        raise UsageError(
            f"{output}: `{' or '.join(writers)}` must end the name, but it ends in "
            f"{ending or 'nothing'!r}; choose one of them"
        )
    writers[ending](Path(output))
    typer.echo(output)


def _export_study(study: str, output: str | None, to: str, store: str) -> None:
    from bakeoff.tracking.log import TOOLS, open_log, write

    if to not in (*TOOLS, "csv", "parquet"):
        raise UsageError(f"--to: must be one of {', '.join(TOOLS)}, csv or parquet, but is {to!r}")

    with _open(store) as opened:
        if to in ("csv", "parquet"):
            # Not NAME.csv: a study that was made for a table has the table's name.
            place = output or f"bakeoff-{file_stem(study)}.{to}"
            _frames(
                opened, study, place if to == "csv" else None, place if to == "parquet" else None
            )
            typer.echo(place)
            return
        record = opened.load_result(study)
        states = [row.state for row in opened.studies() if study in (row.name, str(row.id))]
    if states[-1:] == ["unfinished"]:
        message_console(Style()).print(
            f"{words.visible(record.name)} has not come to its end: what goes there is its finished stages. "
            "Run it again, then export it again.",
            soft_wrap=True,
            markup=False,
        )
    log = open_log(to, output, record.name)
    typer.echo(f"{words.plural(write(record, log), 'run')} in {words.visible(log.place)}")


def _open(path: str) -> Store:
    from bakeoff.store.sqlite import Store

    return Store.open(path, write=False)


def _which(store: Store, study: str | None) -> str | int:
    from bakeoff.store.listing import latest

    return latest(store) if study is None else study


def _frames(
    store: Store, study: str | int | None, csv_path: str | None, parquet_path: str | None
) -> None:
    if csv_path is None and parquet_path is None:
        return
    _write_frame(store.runs(study), csv_path, parquet_path)


def _write_frame(frame: pd.DataFrame, csv_path: str | None, parquet_path: str | None) -> None:
    from bakeoff.store import frames

    if csv_path is not None:
        write_text(csv_path, frames.csv_text(frame))
    if parquet_path is not None:
        frames.write_parquet(frame, parquet_path)
