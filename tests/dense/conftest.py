"""What the engines' tests share: the golden numbers that real Keras made."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

GOLDEN_FOLDER = Path(__file__).parent.parent / "golden"
sys.path.insert(0, str(GOLDEN_FOLDER))


@pytest.fixture(scope="session")
def keras_golden() -> dict[str, np.ndarray]:
    """The arrays of ``tests/golden/keras_golden.npz``, see ``make_keras_golden.py``."""
    with np.load(GOLDEN_FOLDER / "keras_golden.npz", allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}
