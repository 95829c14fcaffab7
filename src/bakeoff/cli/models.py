"""``bakeoff predict`` and ``export``: what to do with the model a study gave."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from bakeoff.cli.output import write_text
from bakeoff.errors import UsageError

ModelPath = Annotated[str, typer.Argument(help="The model file that `bakeoff run` wrote.")]


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
    writer.writerow(["file", "row", "predicted", "probability"])
    for one in predictions:
        writer.writerow([one.file, one.row, one.predicted, f"{one.probability:.6f}"])
    write_text(output, text.getvalue())


def export(
    model: ModelPath,
    output: Annotated[str, typer.Argument(help="A .safetensors, .keras or .onnx file.")],
) -> None:
    """Write a model in another format, by the ending of the file's name.

    Example:

      bakeoff export bakeoff-digits.safetensors digits.onnx
    """
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
