"""scikit-learn's MLPClassifier. It has no leaky relu: relu stands in, with the same operations."""

from __future__ import annotations

from typing import Any

import numpy as np
import sklearn
from sklearn.neural_network import MLPClassifier

from benchmarks.clock import EpochClock
from benchmarks.workloads import Arrays, Workload


def versions() -> dict[str, str]:
    return {"scikit-learn": sklearn.__version__, "activation": "relu"}


def trainer(workload: Workload, arrays: Arrays) -> Any:
    classes = np.arange(arrays.num_classes)

    def train(rate: float, seed: int, clock: EpochClock) -> None:
        model = MLPClassifier(
            hidden_layer_sizes=workload.hidden,
            activation="relu",
            solver=workload.optimizer,
            alpha=0.0,
            batch_size=workload.batch_size,
            learning_rate_init=rate,
            momentum=0.0,
            nesterovs_momentum=False,
            epsilon=1e-7,
            random_state=seed,
        )
        go_on = True
        while go_on:
            clock.begin()
            model.partial_fit(arrays.scaled, arrays.labels, classes=classes)  # one epoch, shuffled
            go_on = clock.end(lambda: model.score(arrays.val_scaled, arrays.val_labels))

    return train
