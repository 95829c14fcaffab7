"""The decision procedure on real runs: error rates, power, spreads and regret, measured.

A *run bank* is trained once: a grid of eight configurations on the embedded digits, ten partitions
of twelve folds each, four independent seeds per fold. Studies are then drawn from it, twelve
replicates at a time without replacement, and the rule is asked for its verdict. Because the bank
holds far more replicates than a study sees, its means say what the right answer was.

    python -m benchmarks.run_bank            # trains the bank (minutes), then measures
    python -m benchmarks.run_bank --reuse    # measures the bank that is in the results file
"""

from __future__ import annotations

import argparse
import itertools
import json
import platform
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

import bakeoff
from bakeoff.data.named import load_named
from bakeoff.data.splits import make_replicates
from bakeoff.engines.base import Watch
from bakeoff.engines.registry import get_engine
from bakeoff.evidence import simulate
from bakeoff.evidence.verdicts import Rule, decide
from bakeoff.execution.environment import describe
from bakeoff.execution.events import RunRequest
from bakeoff.execution.jobs import JobMaker
from bakeoff.records import Replicate
from bakeoff.settings import Settings

RESULTS = Path(__file__).parent / "results" / "run_bank.json"

NUM_PARTITIONS, NUM_FOLDS, NUM_SEEDS = 10, 12, 4
NUM_DRAWS = 10_000
STUDY_SEED = 20
SEED_STRIDE = 10_000  # seeds of one fold lie this far apart in the replicate index

ACTIVATIONS = ("sigmoid", "relu")
WIDTHS = ((16,), (64,))
OPTIMIZERS: tuple[dict[str, Any], ...] = (
    {"optimizer": "sgd", "learning_rate": 0.1},
    {"optimizer": "adam", "learning_rate": 0.003},
)


def configurations() -> dict[str, Settings]:
    """The full grid, by name."""
    grid = {}
    for activation, hidden, optimizer in itertools.product(ACTIVATIONS, WIDTHS, OPTIMIZERS):
        name = f"{activation}-{hidden[0]}-{optimizer['optimizer']}"
        grid[name] = Settings(
            scale="unit", activation=activation, hidden=hidden, epochs=20, **optimizer
        )
    return grid


def train_bank(workers: int) -> dict[str, Any]:
    """Trains every run of the bank.

    Returns:
        names, and accuracy and loss of shape (configuration, seed, replicate).
    """
    dataset, engine = load_named("digits"), get_engine()
    jobs = JobMaker(dataset, engine, study_seed=STUDY_SEED, split="folds", num_folds=NUM_FOLDS)
    replicates = make_replicates(NUM_PARTITIONS * NUM_FOLDS, num_folds=NUM_FOLDS, split="folds")
    grid = configurations()
    shape = (len(grid), NUM_SEEDS, len(replicates))
    accuracy, loss = np.full(shape, np.nan), np.full(shape, np.nan)

    def one(place: tuple[int, int, int]) -> None:
        row, seed, column = place
        fold = replicates[column]
        # Same fold, another seed: initial weights and batch order follow the replicate's index.
        replicate = Replicate(fold.index + SEED_STRIDE * seed, fold.partition, fold.fold)
        settings = list(grid.values())[row]
        job = jobs.make(RunRequest("bank", "", settings, replicate, 0))
        history = engine.train(job, Watch()).history
        accuracy[place], loss[place] = history.val_accuracy[-1], history.val_loss[-1]

    started = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(one, itertools.product(*(range(size) for size in shape))))
    train_rows, val_rows = jobs.rows(replicates[0])
    return {
        "engine": engine.name,
        "seconds": round(time.perf_counter() - started, 1),
        "num_train": len(train_rows),
        "num_validation": len(val_rows),
        "names": list(grid),
        "num_parameters": [s.num_parameters(64, 10) for s in grid.values()],
        "accuracy": accuracy.round(6).tolist(),
        "loss": loss.round(6).tolist(),
    }


def draw(rng: np.random.Generator, num_draws: int) -> np.ndarray:
    """Replicates of each drawn study, without replacement, shape (num_draws, 12)."""
    pool = np.tile(np.arange(NUM_PARTITIONS * NUM_FOLDS), (num_draws, 1))
    return rng.permuted(pool, axis=1)[:, :12]


def false_winners(bank: np.ndarray, sizes: dict[str, int], num_arms: int) -> float:
    """Share of A/A studies with a winner: the same configuration under ``num_arms`` names.

    Arms are different seeds on the same folds, so that nothing but chance differs.
    """
    rng = np.random.default_rng(num_arms)
    shares = []
    for runs in bank:  # (seed, replicate)
        arms = np.array(list(itertools.combinations(range(NUM_SEEDS), num_arms)))
        chosen = arms[rng.integers(0, len(arms), NUM_DRAWS)]
        values = runs[chosen[:, :, None], draw(rng, NUM_DRAWS)[:, None, :]]
        shares.append(simulate.run_studies(values, Rule(), **sizes).share(simulate.WINNER))
    return float(np.mean(shares))


def naive_false_winners(bank: np.ndarray) -> float:
    """The same two-armed studies by an ordinary t test at each look."""
    rng = np.random.default_rng(2)
    shares = []
    for runs in bank:
        values = runs[:2][None][:, :, draw(rng, NUM_DRAWS)][0].transpose(1, 0, 2)
        shares.append(simulate.naive_false_winners(values, Rule().looks))
    return float(np.mean(shares))


def pair_table(bank: np.ndarray, names: Sequence[str], sizes: dict[str, int]) -> list[dict]:
    """Each pair of configurations: true difference by the bank, and how often it is found."""
    rng = np.random.default_rng(7)
    means = bank.mean(axis=(1, 2))
    rows = []
    for a, b in itertools.combinations(range(len(names)), 2):
        better, worse = (a, b) if means[a] >= means[b] else (b, a)
        # A study's candidates share their seed, as in bakeoff.
        seeds = rng.integers(0, NUM_SEEDS, NUM_DRAWS)
        where = draw(rng, NUM_DRAWS)
        values = bank[[better, worse]][:, seeds[:, None], where].transpose(1, 0, 2)
        outcome = simulate.run_studies(values, Rule(), **sizes)
        won = outcome.kind == simulate.WINNER
        difference = bank[better] - bank[worse]
        rows.append(
            {
                "better": names[better],
                "worse": names[worse],
                "difference": float(means[better] - means[worse]),
                "sd": float(difference.std(axis=1, ddof=1).mean()),
                "right_winner": float(np.mean(won & (outcome.leader == 0))),
                "wrong_winner": float(np.mean(won & (outcome.leader == 1))),
                "tie": outcome.share(simulate.TIE),
                "undecided": outcome.share(simulate.UNDECIDED),
                "mean_replicates": float(outcome.num_replicates.mean()),
            }
        )
    return sorted(rows, key=lambda row: row["difference"])


def spreads(bank: np.ndarray, names: Sequence[str]) -> list[dict]:
    """Where the spread of one configuration's accuracy comes from."""
    rows = []
    for name, runs in zip(names, bank, strict=True):
        between_seeds = runs.std(axis=0, ddof=1)  # per fold
        rows.append(
            {
                "name": name,
                "mean": float(runs.mean()),
                "seed_sd": float(np.sqrt(np.mean(between_seeds**2))),
                "replicate_sd": float(runs.std(axis=1, ddof=1).mean()),
            }
        )
    return rows


def run_stage(
    values: np.ndarray, costs: Sequence[tuple[int, ...]], sizes: dict[str, int]
) -> tuple[str, int, int]:
    """One stage by the rule itself: kind, leader and chosen, as rows of ``values``."""
    still_in, eliminated = tuple(range(len(values))), ()
    rule = Rule()
    for look in rule.looks:
        decision = decide(
            values,
            np.zeros_like(values),
            finished=np.ones(values.shape, bool),
            labels=[str(k) for k in range(len(values))],
            costs=costs,
            rule=rule,
            num_replicates=look,
            still_in=still_in,
            eliminated_before=eliminated,
            **sizes,
        )
        still_in, eliminated = decision.still_in, decision.eliminated
        if decision.verdict is not None:
            verdict = decision.verdict
            return verdict.kind, int(verdict.leader), int(verdict.chosen)
    raise AssertionError("the last look always gives a verdict")


def chains(bank: np.ndarray, document: dict[str, Any], sizes: dict[str, int]) -> dict[str, Any]:
    """Whole chains: activation, then width, then optimizer, the incumbent competing throughout.

    A verdict "winner" is false when the bank's mean of the leader is not above that of a rival.
    *Regret* is the bank's mean of the best configuration of the grid minus that of the final one.
    """
    rng = np.random.default_rng(11)
    means = bank.mean(axis=(1, 2))
    parameters = document["num_parameters"]
    axes = (len(ACTIVATIONS), len(WIDTHS), len(OPTIMIZERS))
    num_chains = 2_000
    false, regrets, kinds = 0, [], {"winner": 0, "tie": 0, "undecided": 0}
    for where in draw(rng, num_chains):
        seed = rng.integers(0, NUM_SEEDS)
        place, had_false = [0, 0, 0], False
        for axis, size in enumerate(axes):
            members = [
                int(np.ravel_multi_index([*place[:axis], option, *place[axis + 1 :]], axes))
                for option in range(size)
            ]
            costs = [(parameters[k], 0, order) for order, k in enumerate(members)]
            kind, leader, chosen = run_stage(bank[members][:, seed, where], costs, sizes)
            kinds[kind] += 1
            beaten = [means[k] for k in members if k != members[leader]]
            had_false |= kind == "winner" and means[members[leader]] <= max(beaten)
            place[axis] = chosen
        false += had_false
        regrets.append(means.max() - means[np.ravel_multi_index(place, axes)])
    return {
        "num_chains": num_chains,
        "false_chain_share": false / num_chains,
        "kinds": {kind: count / sum(kinds.values()) for kind, count in kinds.items()},
        "mean_regret": float(np.mean(regrets)),
        "q95_regret": float(np.quantile(regrets, 0.95)),
        "spread_of_grid": float(means.max() - means.min()),
    }


def null_chains(bank: np.ndarray, sizes: dict[str, int]) -> float:
    """Share of chains with any winner when every candidate of every stage is one configuration.

    Three stages of two: the carried arm against a fresh one each time.
    """
    rng = np.random.default_rng(13)
    shares = []
    for runs in bank:
        where = draw(rng, NUM_DRAWS)
        arms = rng.permuted(np.tile(np.arange(NUM_SEEDS), (NUM_DRAWS, 1)), axis=1)
        carried, any_winner = arms[:, 0], np.zeros(NUM_DRAWS, bool)
        for fresh in arms.T[1:]:
            pair = np.stack([carried, fresh], axis=1)
            values = runs[pair[:, :, None], where[:, None, :]]
            outcome = simulate.run_studies(values, Rule(), **sizes)
            any_winner |= outcome.kind == simulate.WINNER
            carried = pair[np.arange(NUM_DRAWS), outcome.chosen]
        shares.append(any_winner.mean())
    return float(np.mean(shares))


def measure(document: dict[str, Any]) -> dict[str, Any]:
    """Every number of the table, from the bank."""
    bank = np.array(document["accuracy"])
    sizes = {key: document[key] for key in ("num_train", "num_validation")}
    return {
        "num_draws": NUM_DRAWS,
        "false_winners": {str(k): false_winners(bank, sizes, k) for k in (2, 3, 4)},
        "naive_false_winners": naive_false_winners(bank),
        "null_chains": null_chains(bank, sizes),
        "chains": chains(bank, document, sizes),
        "pairs": pair_table(bank, document["names"], sizes),
        "spreads": spreads(bank, document["names"]),
    }


def render(document: dict[str, Any]) -> str:
    """The tables in Markdown."""
    found, where = document["measured"], document["where"]
    chain = found["chains"]
    lines = [
        f"Digits, {len(document['names'])} configurations × {NUM_SEEDS} seeds × "
        f"{NUM_PARTITIONS * NUM_FOLDS} folds = "
        f"{np.size(document['accuracy']):,} runs of 20 epochs "
        f"({document['num_train']:,} / {document['num_validation']} examples), "
        f"{document['engine']}, {where['cpu']}, {where['cores']} cores, Python {where['python']}, "
        f"NumPy {where['numpy']}, bakeoff {where['bakeoff']}; {document['seconds']:g} s of training; "
        f"{found['num_draws']:,} studies drawn per row and configuration.",
        "",
        "| A/A studies (one configuration, different seeds) | share with a winner |",
        "|---|---|",
    ]
    lines += [
        f"| {k} candidates | {100 * share:.2f} % |" for k, share in found["false_winners"].items()
    ]
    lines += [
        f"| chain of three stages, any winner | {100 * found['null_chains']:.2f} % |",
        f"| naive: t test at 5 % after each look | {100 * found['naive_false_winners']:.1f} % |",
        "",
        f"Chains activation → width → optimizer ({chain['num_chains']:,} drawn): "
        f"{100 * chain['false_chain_share']:.2f} % contain a false winner; stages end as winner "
        f"{100 * chain['kinds']['winner']:.0f} %, tie {100 * chain['kinds']['tie']:.0f} %, undecided "
        f"{100 * chain['kinds']['undecided']:.0f} %; mean regret against the best of the grid "
        f"{100 * chain['mean_regret']:.2f} points (95 % of chains below "
        f"{100 * chain['q95_regret']:.2f}), the grid spans {100 * chain['spread_of_grid']:.2f}.",
        "",
        "| better | worse | true difference (points) | sd of d | right winner | wrong winner | tie "
        "| undecided | mean S |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['better']} | {row['worse']} | {100 * row['difference']:.2f} | "
        f"{100 * row['sd']:.2f} | {100 * row['right_winner']:.1f} % | "
        f"{100 * row['wrong_winner']:.2f} % | {100 * row['tie']:.0f} % | "
        f"{100 * row['undecided']:.0f} % | {row['mean_replicates']:.1f} |"
        for row in found["pairs"]
    ]
    lines += [
        "",
        "| configuration | mean accuracy | sd between seeds, same fold (points) | sd between "
        "replicates (points) |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {row['name']} | {100 * row['mean']:.2f} % | {100 * row['seed_sd']:.2f} | "
        f"{100 * row['replicate_sd']:.2f} |"
        for row in found["spreads"]
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reuse", action="store_true", help="do not train; use the results file")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    if args.reuse:
        document = json.loads(args.out.read_text(encoding="utf-8"))
    else:
        document = train_bank(args.workers)
        machine = describe(document["engine"], Path(__file__).parent)
        document["where"] = {
            "cpu": machine.cpu,
            "cores": machine.num_cores,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "bakeoff": bakeoff.__version__,
        }
    document["measured"] = measure(document)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(document) + "\n", encoding="utf-8")
    print(render(document))


if __name__ == "__main__":
    main()
