"""What worker processes share with the driver."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from bakeoff.executors.guard import Guard

WHOLE = np.arange(60_000, dtype=np.int32).reshape(6_000, 10)


@pytest.fixture(scope="module")
def guard():
    made = Guard()
    yield made
    made.close()


@pytest.mark.parametrize(
    "part",
    [slice(None), slice(1234, None), slice(0, 0), slice(None, None, 2)],
    ids=["whole", "end", "nothing", "every second"],
)
@pytest.mark.parametrize("by_fortran", [False, True])
def test_a_part_of_a_memory_map_arrives_as_it_is(tmp_path, guard, part, by_fortran) -> None:
    np.save(tmp_path / "a.npy", np.asfortranarray(WHOLE) if by_fortran else WHOLE)
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    np.testing.assert_array_equal(pickle.loads(guard.pickled(mapped[part])), WHOLE[part])


def test_a_memory_map_is_sent_as_its_place(tmp_path, guard) -> None:
    np.save(tmp_path / "a.npy", WHOLE)
    view = np.load(tmp_path / "a.npy", mmap_mode="r").view()
    before = list(guard.folder.iterdir())
    content = guard.pickled(view)
    assert str(tmp_path / "a.npy").encode() in content
    assert len(content) < 1_000
    assert list(guard.folder.iterdir()) == before
