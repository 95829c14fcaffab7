"""Replicates and splits: which examples train and which validate; knows labels, no features.

The partition is stratified by own code instead of scikit-learn's ``StratifiedKFold``: it is a
dozen lines, and importing scikit-learn would cost half a second at every start.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bakeoff import streams
from bakeoff.errors import DataError, UsageError
from bakeoff.records import Replicate

Split = Literal["folds", "last", "time"]

NUM_STRATA = 10
"""Of a target that is a number: each fold has as many of its small and of its large values."""

WATCHING_SHARE = 0.1
"""Of a training part: what tells early stopping when it is enough."""

# Far above any replicate that decides, so that a screening replicate shares no stream with one.
FIRST_SCREENING_INDEX = 1_000_000

Rows = NDArray[np.int32]


def _check(split: str, num_folds: int, count: int) -> None:
    if split not in ("folds", "last", "time"):
        raise UsageError(f"split: must be 'folds', 'last' or 'time', but got {split!r}")
    if num_folds < 2:
        raise UsageError(f"num_folds: `num_folds >= 2` must hold, but got {num_folds}")
    if count < 0:
        raise UsageError(f"replicates: the number must be at least 0, but got {count}")


def make_replicates(num_replicates: int, *, num_folds: int, split: str) -> tuple[Replicate, ...]:
    """The replicates 0 … num_replicates - 1 that all candidates of all stages share.

    Replicate *s* validates on fold ``s % num_folds`` of partition ``s // num_folds``; under
    ``split="last"`` there is one split only, and every replicate is fold 0 of partition 0.

    Raises:
        UsageError: an unknown split, fewer than two folds, or a negative number.
    """
    _check(split, num_folds, num_replicates)
    if split == "last":
        return tuple(Replicate(index, 0, 0) for index in range(num_replicates))
    return tuple(
        Replicate(index, index // num_folds, index % num_folds) for index in range(num_replicates)
    )


def screening_replicates(
    num_replicates: int, *, num_folds: int, split: str
) -> tuple[Replicate, ...]:
    """Replicates on which nuisances are tuned: from partitions and seeds that never decide.

    Raises:
        UsageError: as ``make_replicates``.
    """
    return tuple(
        Replicate(
            FIRST_SCREENING_INDEX + replicate.index,
            FIRST_SCREENING_INDEX + replicate.partition,
            replicate.fold,
            screening=True,
        )
        for replicate in make_replicates(num_replicates, num_folds=num_folds, split=split)
    )


def strata(labels: NDArray[Any]) -> NDArray[Any]:
    """Classes as they are; of values the tenth that each of them falls into, shape (n,)."""
    if labels.dtype.kind != "f":
        return labels
    edges = np.quantile(labels, np.arange(1, NUM_STRATA) / NUM_STRATA)
    return np.searchsorted(edges, labels, side="right").astype(np.int32)


def _by_class(labels: NDArray[Any], rng: np.random.Generator) -> NDArray[np.intp]:
    """All rows, class after class, in random order within each class."""
    shuffled = rng.permutation(len(labels))
    return shuffled[np.argsort(labels[shuffled], kind="stable")]


def assign_folds(
    labels: NDArray[Any], num_folds: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """One stratified partition: the fold of every example, shape (num_examples,).

    The examples are dealt out like cards, class after class, so that both the folds' sizes and
    each class's counts per fold differ by at most one.
    """
    fold = np.empty(len(labels), np.intp)
    # Without the permutation the first folds would always get the larger shares.
    fold[_by_class(labels, rng)] = rng.permutation(num_folds)[np.arange(len(labels)) % num_folds]
    return fold


def group_folds(
    groups: NDArray[np.int32], num_folds: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """The fold of every example, shape (num_examples,), where no group is split between folds.

    The largest group first, each to the fold that is the smallest so far, in random order among
    groups of one size: as ``sklearn.model_selection.GroupKFold`` does.
    """
    sizes = np.bincount(groups)
    if np.count_nonzero(sizes) < num_folds:
        raise DataError(
            f"data: {num_folds} folds need at least {num_folds} groups outside the test part, but got "
            f"{np.count_nonzero(sizes)}; lower `folds`"
        )
    shuffled = rng.permutation(len(sizes))
    order = shuffled[np.argsort(-sizes[shuffled], kind="stable")]
    of_group, filled = np.zeros(len(sizes), np.intp), np.zeros(num_folds)
    for group in order:
        of_group[group] = int(filled.argmin())
        filled[of_group[group]] += sizes[group]
    return of_group[groups]


def hold_out_groups(
    groups: NDArray[np.int32], fraction: float, rng: np.random.Generator
) -> tuple[Rows, Rows]:
    """Whole groups, about a fraction of all examples: (kept rows, held-out rows), both sorted."""
    order = rng.permutation(int(groups.max()) + 1)
    sizes = np.bincount(groups, minlength=len(order))[order]
    before = np.cumsum(sizes) - sizes
    taken = order[before + sizes / 2 <= max(1.0, fraction * len(groups))]
    held = np.isin(groups, taken if len(taken) else order[:1])
    return np.flatnonzero(~held).astype(np.int32), np.flatnonzero(held).astype(np.int32)


def hold_out(labels: NDArray[Any], fraction: float, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """A stratified part of all examples: (kept rows, held-out rows), both sorted, int32.

    Every class gives ``fraction`` of its examples, within one; so does the whole. A class of three
    or more that would give none gives one instead of a class that gives more than its share.
    """
    count = np.arange(len(labels) + 1) * fraction
    # Example i of the class-wise order is taken where the running total passes an integer: counts
    # over any stretch of that order, a class included, are within one of fraction × length.
    taken = np.diff(np.floor(count + 0.5)) > 0
    order = _by_class(labels, rng)
    _, first, sizes = np.unique(labels[order], return_index=True, return_counts=True)
    given = np.add.reduceat(taken, first, dtype=int) if len(first) else np.empty(0, int)
    over = np.where(given >= 2, given - fraction * sizes, -1.0)
    for number in np.flatnonzero((given == 0) & (sizes >= 3)):
        most = int(over.argmax())
        if over[most] < 0.0:  # it would be more than one short itself
            break
        taken[first[most] + np.flatnonzero(taken[first[most] :])[0]] = False
        taken[first[number]] = True
        over[most] = -1.0
    return np.sort(order[~taken]).astype(np.int32), np.sort(order[taken]).astype(np.int32)


def set_aside(
    train_rows: Rows,
    labels: NDArray[Any],
    *,
    study_seed: int,
    replicate: int,
    groups: NDArray[np.int32] | None = None,
    in_order: bool = False,
) -> tuple[Rows, Rows]:
    """A training part without the tenth that watches, and that tenth, int32, ascending.

    The validation part so judges a choice that it had no say in, and a refit, which has no
    validation part, stops by the same rule. The tenth is stratified as the folds are, holds whole
    groups where there are groups, and is the end of the training part where examples follow each
    other in time. No setting has a part in it.

    Args:
        train_rows: of the run, ascending.
        labels, groups: of all examples.

    Raises:
        DataError: too few examples.
    """
    chosen = labels[train_rows]
    random = streams.generator(study_seed, streams.Stream.STOPPING, replicate)
    kept: NDArray[Any]
    held: NDArray[Any]
    if in_order:
        cut = len(train_rows) - max(1, round(WATCHING_SHARE * len(train_rows)))
        kept, held = np.arange(cut), np.arange(cut, len(train_rows))
    elif groups is not None:
        kept, held = hold_out_groups(_numbered(groups[train_rows]), WATCHING_SHARE, random)
    else:
        kept, held = hold_out(strata(chosen), WATCHING_SHARE, random)
    if not len(kept) or not len(held):
        raise DataError(
            f"patience: {len(train_rows)} training examples are too few to set a tenth aside; "
            "leave patience out"
        )
    return train_rows[kept], train_rows[held]


def _numbered(groups: NDArray[np.int32]) -> NDArray[np.int32]:
    """The groups that are there, as 0, 1, 2 …"""
    return np.unique(groups, return_inverse=True)[1].astype(np.int32)


def split_rows(
    labels: NDArray[Any],
    replicate: Replicate,
    *,
    split: str,
    num_folds: int,
    study_seed: int,
    groups: NDArray[np.int32] | None = None,
    folds: NDArray[np.int32] | None = None,
) -> tuple[Rows, Rows]:
    """The training and validation rows of one replicate.

    ``folds``: the validation part is one fold of a stratified partition drawn from the SPLIT
    stream of ``replicate.partition``. ``last``: it is the end of the data, as
    ``keras.Model.fit(validation_split=1/num_folds)`` takes it. ``time``: fold f is the f-th of
    ``num_folds`` pieces of the second half, and only the examples before it train.

    Args:
        labels: of the non-test examples, shape (num_examples,); floats are values to predict.
        groups, folds: as in ``Dataset``.
        replicate: which fold of which partition.
        split: ``folds``, ``last`` or ``time``.
        num_folds: at least 2; the validation share is its reciprocal.

    Returns:
        (train_rows, val_rows), int32, ascending; together every row exactly once.

    Raises:
        UsageError: an unknown split or fewer than two folds.
        DataError: too few examples for the folds, or a class that the training part would lack.
    """
    _check(split, num_folds, 0)
    num_examples = len(labels)
    if num_examples < num_folds:
        raise DataError(
            f"data: {num_folds} folds need at least {num_folds} examples outside the test part, "
            f"but got {num_examples}; lower `folds` or bring more data"
        )
    if folds is not None:
        in_validation = folds == replicate.fold
        train_rows = np.flatnonzero(~in_validation).astype(np.int32)
        val_rows = np.flatnonzero(in_validation).astype(np.int32)
    elif split == "time":
        start = num_examples // 2 + replicate.fold * (num_examples - num_examples // 2) // num_folds
        end = (
            num_examples // 2
            + (replicate.fold + 1) * (num_examples - num_examples // 2) // num_folds
        )
        train_rows = np.arange(start, dtype=np.int32)
        val_rows = np.arange(start, end, dtype=np.int32)
    elif split == "last":
        if groups is not None:
            raise DataError("data.groups: split = 'last' says what validates, too; keep one")
        # Integer form of Keras's floor(n · (1 - 1/folds)), which is 55,000 of 60,000 at 12.
        num_train = num_examples * (num_folds - 1) // num_folds
        rows = np.arange(num_examples, dtype=np.int32)
        train_rows, val_rows = rows[:num_train], rows[num_train:]
    else:
        rng = streams.generator(study_seed, streams.Stream.SPLIT, replicate.partition)
        if groups is None:
            in_validation = assign_folds(strata(labels), num_folds, rng) == replicate.fold
        else:
            in_validation = group_folds(groups, num_folds, rng) == replicate.fold
        train_rows = np.flatnonzero(~in_validation).astype(np.int32)
        val_rows = np.flatnonzero(in_validation).astype(np.int32)
    if not len(val_rows) or not len(train_rows):
        raise DataError(
            f"data: replicate {replicate.index} has {len(train_rows)} examples to train on and "
            f"{len(val_rows)} to validate on; lower `folds` or bring more data"
        )
    if labels.dtype.kind == "f":
        return train_rows, val_rows
    counts = np.bincount(labels)
    missing = np.flatnonzero(
        (counts > 0) & (np.bincount(labels[train_rows], minlength=len(counts)) == 0)
    )
    if len(missing):
        label = int(missing[0])
        advice = (
            "shuffle the data or use split = 'folds'"
            if split == "last" and counts[label] > 1
            else "bring more examples of it or leave the class out"
        )
        raise DataError(
            f"data: every class must occur in the training part, but class number {label} "
            f"({counts[label]} examples) does not in replicate {replicate.index}; {advice}"
        )
    return train_rows, val_rows
