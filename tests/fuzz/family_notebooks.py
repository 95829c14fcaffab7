"""Notebooks and scripts: odd JSON, odd Python, and code that would run for ever."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff.notebook.study import import_notebook
from bakeoff.spec import from_dict
from bakeoff.spec.document import study_to_toml
from tests.fuzz import family
from tests.fuzz.mutations import damaged, hostile_text

_BEGIN = """from tensorflow import keras
(a, b), (c, d) = keras.datasets.mnist.load_data()
a = a / 255
"""
_PIECES = [
    "m = keras.Sequential([keras.layers.Dense({n}, activation={t}), keras.layers.Dense(10)])",
    "m = keras.Sequential()\nm.add(keras.layers.Dense({n}))\nm.add(keras.layers.Dense(10))",
    "m.compile(keras.optimizers.SGD({f}), loss='sparse_categorical_crossentropy')",
    "m.compile({t}, 'sparse_categorical_crossentropy')",
    "m.fit(a, b, epochs={n}, batch_size={n}, validation_split={f})",
    "m.fit(a, b, {n}, {n}, callbacks=[keras.callbacks.EarlyStopping(patience={n})])",
    "print(m.evaluate(c, d))",
    "for i in range({n}):\n    for j in range({n}):\n        k = i * j",
    "for i in [{n}, {n}]:\n    m = keras.Sequential([keras.layers.Dense(i), keras.layers.Dense(10)])\n"
    "    m.compile('sgd')\n    m.fit(a, b)",
    "def f(x, *y, z={n}, **w):\n    return f(x)\nf({n})",
    "class K:\n    def __init__(self, n):\n        self.n = n\n    def g(self):\n        return self.g()\nK({n}).g()",
    "x = {t} * {n}\ny = [x] * {n}\nz = {n} ** {n} ** {n}",
    "x = [[i for i in range({n})] for j in range({n})]",
    "x = {{{t}: {n}}}\nx[{t}][{n}] = {f}\ndel x",
    "while True:\n    pass",
    "if {t} in {n}:\n    m.fit(a)\nelse:\n    m.add({t})",
    "lambda: (yield)\n(x := {n})\nassert {t}, {n}",
    "import os; os.system('touch ' + {t})\nopen({t}, 'w')\n__import__('sys').exit()",
    "x, *y = {n}\n(a, b), c = {t}\n[a.b.c, d[{n}]] = x",
    "try:\n    1 / 0\nexcept* E:\n    pass",
    "%time x\n!rm -rf /\n?help",
    "x = " + "(" * 150 + "1" + ")" * 150,
    "x = " + "-" * 900 + "1",
    "async def g():\n    async for i in x:\n        await i",
    "match {n}:\n    case {n}:\n        m = {t}",
    "x = f'{{ {n} !r:>{n} }}' % {t}\ny = '%s' * {n} % x",
]
_PRINTED = [
    "loss: {f} - accuracy: {f}",
    "[{f}, {f}]",
    "Test accuracy: {f} %",
    "loss: nan acc: inf",
    "accuracy " * 2000,
    "loss: " * 3000,
    "1" * 20_000,
    "\r" * 1000,
]


def _filled(rng: np.random.Generator, text: str) -> str:
    while "{n}" in text or "{f}" in text or "{t}" in text:
        number = [0, 1, 8, 64, -1, 10**9, 10**30, 1.5, "None", "True"][int(rng.integers(0, 10))]
        text = text.replace("{n}", str(number), 1)
        text = text.replace("{f}", f"{rng.normal():.3g}" if rng.random() < 0.8 else "1e400", 1)
        word = "relu" if rng.random() < 0.5 else hostile_text(rng)
        text = text.replace("{t}", repr(word), 1)
    return text.replace("{{", "{").replace("}}", "}")


@family("notebooks", seconds=10.0)
def notebooks(rng: np.random.Generator, folder: Path) -> None:
    sources = [_BEGIN]
    for _ in range(int(rng.integers(1, 8))):
        pieces = [_PIECES[i] for i in rng.integers(0, len(_PIECES), int(rng.integers(1, 5)))]
        if rng.random() < 0.5:
            pieces += [_PIECES[0], _PIECES[2], _PIECES[4], _PIECES[6]]
        sources.append("\n".join(_filled(rng, one) for one in pieces))
    cells: list[Any] = []
    for source in sources:
        printed = _filled(rng, _PRINTED[int(rng.integers(0, len(_PRINTED)))])
        cells.append(
            {
                "cell_type": ["code", "code", "code", "markdown", 3][int(rng.integers(0, 5))],
                "source": source if rng.random() < 0.5 else source.splitlines(keepends=True),
                "outputs": [
                    {"text": printed},
                    {"data": {"text/plain": [printed, 3]}},
                    {"data": 7},
                    None,
                ][: int(rng.integers(0, 5))],
            }
        )
    script = rng.random() < 0.2
    text = "\n".join(sources) if script else json.dumps({"cells": cells})
    raw = text.encode("utf-8", "surrogatepass" if rng.random() < 0.1 else "replace")
    if rng.random() < 0.3:
        raw = damaged(rng, raw)
    path = folder / ("a.py" if script else "a.ipynb")
    path.write_bytes(raw)
    found = import_notebook(path)
    assert study_to_toml(from_dict(found.document)), "no study"
    assert not any("\n" in line or "\x1b" in line for line in (*found.understood, *found.left))
