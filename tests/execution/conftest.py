"""Fixtures of the driver's tests."""

from __future__ import annotations

import pytest
from small_studies import blobs, make_study

from bakeoff.data.dataset import Dataset
from bakeoff.study import Study


@pytest.fixture(scope="session")
def clouds() -> Dataset:
    return blobs()


@pytest.fixture
def small_study(clouds: Dataset) -> Study:
    """Three stages, the last with a tuned nuisance."""
    return make_study(clouds)
