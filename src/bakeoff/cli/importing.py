"""What people already have becomes a study: a notebook, the best trials of a search."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from bakeoff import words
from bakeoff.cli.options import Force
from bakeoff.cli.output import new_file
from bakeoff.errors import Mistake, SpecError, UsageError
from bakeoff.files import write_whole

Out = Annotated[str | None, typer.Argument(help="The study file to write.", metavar="STUDY")]


def import_(
    notebook: Annotated[str, typer.Argument(help="A notebook (.ipynb) or a script (.py).")],
    path: Out = None,
    force: Force = False,
) -> None:
    """Read a notebook that trains Keras networks, without running it, as a study of its choices.

    Its models become candidates, what it went on with becomes the pinned choices, and what it
    printed becomes published numbers. What was understood, and what was not, is said line by line.

    Example:

      bakeoff import notebook.ipynb study.toml
    """
    from bakeoff.notebook.study import import_notebook
    from bakeoff.spec import from_dict
    from bakeoff.spec.document import study_to_toml

    file = new_file(path or Path(notebook).with_suffix(".toml"), force=force)
    found = import_notebook(notebook)
    lines = ["Understood:", *(f"  {line}" for line in found.understood)]
    if found.left:
        lines += ["Left:", *(f"  {line}" for line in found.left)]
    text = study_to_toml(from_dict(found.document))
    write_whole(file, "".join(f"# {line}\n" for line in lines) + "\n" + text)
    for line in lines:
        typer.echo(line)
    shown = words.visible(shlex.quote(str(file)))
    number = words.plural(len(found.understood), "model")
    typer.echo(f"{shown} written: {number}. Edit its questions. Next: bakeoff check {shown}")


def finalists(
    storage: Annotated[
        str, typer.Argument(help="Storage of the search: an SQLite or journal file, or a URL.")
    ],
    path: Out = None,
    name: Annotated[
        str | None, typer.Option("--study", help="Of Optuna's studies in it; needed if several.")
    ] = None,
    top: Annotated[int, typer.Option(min=2, help="How many of the best trials.")] = 5,
    model: Annotated[
        str, typer.Option(help="dense, KIND=REFERENCE, or a table as [model] of a study file.")
    ] = "dense",
    data: Annotated[
        str | None, typer.Option(help="Name or path of the data, for models that take data.")
    ] = None,
    rename: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OLD=NEW",
            help="A parameter whose setting has another name; hidden[0]: an element of a list.",
        ),
    ] = None,
    base: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="A setting that the search did not vary."),
    ] = None,
    force: Force = False,
) -> None:
    """Make a study of the best trials of an Optuna search: is the best one really better?

    Example:

      bakeoff finalists search.db finalists.toml --top 5 --data digits --rename lr=learning_rate
    """
    from bakeoff.data.paths import looks_like_path
    from bakeoff.execution.models import brought
    from bakeoff.finalists import STAGE, candidates_of, model_from, name_of, open_search
    from bakeoff.spec import from_dict
    from bakeoff.spec.document import override, study_to_toml
    from bakeoff.spec.parts import DENSE

    file = new_file(path or "finalists.toml", force=force)
    names = {}
    for text in rename or ():
        old, found, new = text.partition("=")
        if not found or not old:
            raise UsageError(f"--rename: must be OLD=NEW, or OLD= to leave it out, but is {text!r}")
        names[old] = new
    search = open_search(storage, name)
    question, candidates = candidates_of(search, top, names)
    stage = {"name": STAGE, "question": question, "candidate": candidates}
    document: dict[str, Any] = {"format": 1, "name": name_of(search), "stage": [stage]}
    if data is not None:
        document["data"] = {"path": data} if looks_like_path(data) else data
    if (given := model_from(model)) != DENSE:
        document["model"] = given
    for text in base or ():
        override(document, f"base.{text}")
    # What it names is found from the folder where it will lie.
    try:
        spec = from_dict(
            document, source=storage, space_of=lambda one: brought(one, file.parent).space
        )
    except SpecError as error:
        raise SpecError(storage, _by_parameter(error.mistakes, candidates)) from None
    write_whole(file, study_to_toml(spec))
    shown = words.visible(shlex.quote(str(file)))
    labels = words.listing([str(one["label"]) for one in candidates])
    typer.echo(f"{shown} written: {labels}. Next: bakeoff run {shown}")


def _by_parameter(mistakes: Iterable[Mistake], candidates: list[dict[str, Any]]) -> list[Mistake]:
    """Once for each setting and message, however many trials have it: nobody wrote their places."""
    settings = {name for one in candidates for name in one} - {"label"}
    found: dict[Mistake, None] = {}
    for one in mistakes:
        name = one.path.rpartition(".")[2]
        if one.path.startswith("stage[0].candidate[") and name in settings:
            which = f" (--rename {name}=SETTING)" if "unknown setting" in one.message else ""
            found[Mistake(name, one.message + which)] = None
        else:
            found[one] = None
    return list(found)
