"""PyTorch without a framework: a loop over index-selected batches, no data loader."""

from __future__ import annotations

import itertools
import os
from typing import Any

import torch

from benchmarks.clock import EpochClock
from benchmarks.workloads import Arrays, Workload

if os.environ.get("OMP_NUM_THREADS"):
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


def versions() -> dict[str, str]:
    return {"torch": torch.__version__, "threads": str(torch.get_num_threads())}


def trainer(workload: Workload, arrays: Arrays) -> Any:
    sizes = (arrays.scaled.shape[1], *workload.hidden, arrays.num_classes)
    x_all = torch.from_numpy(arrays.scaled)
    y_all = torch.from_numpy(arrays.labels).long()
    val_x, val_y = torch.from_numpy(arrays.val_scaled), torch.from_numpy(arrays.val_labels)

    def network() -> torch.nn.Sequential:
        parts: list[torch.nn.Module] = []
        for fan_in, fan_out in itertools.pairwise(sizes):
            linear = torch.nn.Linear(fan_in, fan_out)
            torch.nn.init.xavier_uniform_(linear.weight)
            torch.nn.init.zeros_(linear.bias)
            parts += [linear, torch.nn.LeakyReLU(0.1)]
        return torch.nn.Sequential(*parts[:-1])

    def train(rate: float, seed: int, clock: EpochClock) -> None:
        torch.manual_seed(seed)
        model = network()
        optimizer: torch.optim.Optimizer
        if workload.optimizer == "adam":
            optimizer = torch.optim.Adam(model.parameters(), lr=rate, eps=1e-7)
        else:
            optimizer = torch.optim.SGD(model.parameters(), lr=rate)

        def accuracy() -> float:
            with torch.no_grad():
                return float((model(val_x).argmax(dim=1) == val_y).float().mean())

        go_on = True
        while go_on:
            clock.begin()
            total = torch.zeros(())
            for rows in torch.randperm(len(x_all)).split(workload.batch_size):
                optimizer.zero_grad()
                loss = torch.nn.functional.cross_entropy(model(x_all[rows]), y_all[rows])
                loss.backward()
                optimizer.step()
                total += loss.detach() * len(rows)
            total.item()
            go_on = clock.end(accuracy)

    return train
