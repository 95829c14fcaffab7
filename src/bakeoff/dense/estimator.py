"""The dense network as a scikit-learn classifier: its parameters are the hyperparameters.

Importing this module imports scikit-learn; nothing else in bakeoff needs it at start-up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from bakeoff import streams
from bakeoff.data.arrays import as_features
from bakeoff.data.splits import set_aside
from bakeoff.dense.base import Watch
from bakeoff.dense.jobs import in_units, mean_and_sd, new_job
from bakeoff.dense.model import TrainedModel
from bakeoff.dense.scaling import fit_scaling
from bakeoff.dense.settings import DENSE_SPACE, DenseSettings
from bakeoff.dense.trainable import get_engine
from bakeoff.errors import RunsFailedError, UsageError

# An estimator makes one run, that of replicate 0; other runs are other random states.
_REPLICATE = 0


class _Network(BaseEstimator):  # type: ignore[misc]
    """A dense network, trained on all examples it is given.

    Every parameter but the last two is a setting of ``bakeoff.DenseSettings``, with the same
    name, default and rule; ``learning_rate=None`` takes Keras's default for the optimizer.

    Args:
        scale, hidden, activation, negative_slope, kernel_initializer, dropout, l2, optimizer,
            momentum, nesterov, weight_decay, learning_rate, schedule, decay_rate, warmup_epochs,
            batch_size, epochs, patience, label_smoothing: see ``bakeoff.DenseSettings``.
        class_weight: none, balanced, or class → weight, as in scikit-learn.
        random_state: seed of initial weights, batch order and dropout: an int from 0, a NumPy
            generator to draw one from, or None for another one at each fit.
        engine: auto, native or reference.
    """

    def __init__(
        self,
        *,
        scale: str = "none",
        hidden: tuple[int, ...] = (32,),
        activation: str = "relu",
        negative_slope: float = 0.2,
        kernel_initializer: str = "glorot_uniform",
        dropout: float = 0.0,
        l2: float = 0.0,
        optimizer: str = "sgd",
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.004,
        learning_rate: float | None = None,
        schedule: str = "constant",
        decay_rate: float = 0.1,
        warmup_epochs: float = 0.0,
        batch_size: int = 32,
        epochs: int = 10,
        patience: int = 0,
        label_smoothing: float = 0.0,
        class_weight: str | Mapping[Any, float] | None = "none",
        random_state: Any = None,
        engine: str = "auto",
    ) -> None:
        self.scale = scale
        self.hidden = hidden
        self.activation = activation
        self.negative_slope = negative_slope
        self.kernel_initializer = kernel_initializer
        self.dropout = dropout
        self.l2 = l2
        self.optimizer = optimizer
        self.momentum = momentum
        self.nesterov = nesterov
        self.weight_decay = weight_decay
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.decay_rate = decay_rate
        self.warmup_epochs = warmup_epochs
        self.batch_size = batch_size
        self.epochs = epochs
        self.patience = patience
        self.label_smoothing = label_smoothing
        self.class_weight = class_weight
        self.random_state = random_state
        self.engine = engine

    def _trained(
        self,
        X: Any,
        class_names: tuple[str, ...],
        labels: NDArray[np.int32],
        values: NDArray[np.float64] | None = None,
        weights: NDArray[np.float32] | None = None,
    ) -> TrainedModel:
        """The network after training on all examples; ``values`` in a regression.

        Raises:
            UsageError: a hyperparameter that breaks its rule.
            RunsFailedError: training diverged.
        """
        settings = self._settings()
        features, _ = as_features(X, "X")
        seed = _seed(self.random_state)
        rows = np.arange(len(features), dtype=np.int32)
        scaling = fit_scaling(features, rows, settings.scale)
        engine = get_engine(self.engine)
        refusal = engine.refuses(settings)
        if refusal is not None:
            raise UsageError(f"engine: {engine.name} cannot train this network: {refusal}")
        mean, sd = (0.0, 1.0) if values is None else mean_and_sd(values)
        trained_on, watching = rows, None
        if settings.patience:
            target = labels if values is None else values
            trained_on, watching = set_aside(rows, target, study_seed=seed, replicate=_REPLICATE)
        job = new_job(
            settings,
            features,
            labels,
            trained_on,
            np.empty(0, np.int32),
            len(class_names) or 1,
            scaling=scaling,
            study_seed=seed,
            replicate=_REPLICATE,
            order=lambda epoch: streams.order(seed, _REPLICATE, epoch, len(trained_on)),
            targets=None if values is None else ((values - mean) / sd).astype(np.float32),
            weights=weights,
            watching_rows=watching,
        )
        run = engine.train(job, Watch())
        if run.stopped == "diverged":
            raise RunsFailedError(
                f"fit: the training diverged in epoch {run.history.num_epochs + 1}; lower "
                f"learning_rate ({settings.learning_rate:g}) or scale the features"
            )
        names = getattr(self, "feature_names_in_", None)
        self.history_ = run.history
        return TrainedModel(
            settings=settings,
            scaling=scaling,
            layers=run.layers if values is None else in_units(run.layers, mean, sd),
            class_names=class_names,
            feature_names=tuple(f"x{i}" for i in range(features.shape[1]))
            if names is None
            else tuple(str(name) for name in names),
            image_shape=None,
            provenance={
                "engine": engine.name,
                "seed": seed,
                "largest_value": float(features.max()),
            },
        )

    def _checked(self, X: Any) -> NDArray[Any]:
        check_is_fitted(self, "model_")
        return cast("NDArray[Any]", validate_data(self, X, dtype="numeric", reset=False))

    def _settings(self) -> DenseSettings:
        # Classes have their weights by scikit-learn's own rules, which know more than a setting.
        names = [name for name in DENSE_SPACE.names if name != "class_weight"]
        values = {name: _plain(getattr(self, name)) for name in names}
        if values["learning_rate"] is None:
            del values["learning_rate"]
        try:
            return DenseSettings.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"]) or "settings"
            raise UsageError(
                f"{type(self).__name__}: {name}: {first['msg']}, but got {first['input']!r}"
            ) from error


class BakeoffClassifier(ClassifierMixin, _Network):  # type: ignore[misc]
    """A dense network with a softmax output, trained on all examples it is given.

    Every parameter but ``random_state`` and ``engine`` is a setting of ``bakeoff.DenseSettings``,
    with the same name, default and rule; ``learning_rate=None`` takes Keras's default for the
    optimizer. ``random_state`` is an int from 0, a NumPy generator to draw one from, or None.

    Attributes:
        classes_: the classes of ``y``, ascending, shape (num_classes,).
        model_: the ``TrainedModel``.
        history_: training loss and accuracy per epoch (there is no validation part).
        n_features_in_, feature_names_in_: as scikit-learn defines them.
    """

    def fit(self, X: Any, y: Any) -> BakeoffClassifier:
        """Trains on all examples.

        Args:
            X: shape (num_examples, num_features); uint8 stays as it is, all else becomes float32.
            y: classes, shape (num_examples,).

        Raises:
            ValueError: data that scikit-learn's own checks refuse, or a single class.
            UsageError: a hyperparameter that breaks its rule.
            RunsFailedError: training diverged.
        """
        self._settings()
        X, y = validate_data(self, X, y, dtype="numeric")
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y: must hold at least 2 classes, but holds only one class, {self.classes_[0]!r}"
            )
        names = tuple(str(value) for value in self.classes_)
        weights = None
        if self.class_weight not in (None, "none"):
            weights = compute_sample_weight(self.class_weight, y).astype(np.float32)
        self.model_ = self._trained(X, names, labels.astype(np.int32), weights=weights)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable class of every example, shape (num_examples,)."""
        checked = self._checked(X)
        best = self.model_.logits(checked).argmax(axis=1)
        return cast("NDArray[Any]", self.classes_[best])

    def predict_proba(self, X: Any) -> NDArray[np.float32]:
        """The probability of every class, float32, shape (num_examples, num_classes)."""
        checked = self._checked(X)
        return self.model_.predict_proba(checked)


class BakeoffRegressor(RegressorMixin, _Network):  # type: ignore[misc]
    """A dense network with one linear output, trained on all examples it is given.

    The loss is the mean squared error of the target divided by its standard deviation. Parameters
    are those of ``BakeoffClassifier``; ``label_smoothing`` and ``class_weight`` have no effect.

    Attributes:
        model_: the ``TrainedModel``.
        history_: mean squared error per epoch of the standardised target.
        n_features_in_, feature_names_in_: as scikit-learn defines them.
    """

    def fit(self, X: Any, y: Any) -> BakeoffRegressor:
        """Trains on all examples.

        Args:
            X: shape (num_examples, num_features); uint8 stays as it is, all else becomes float32.
            y: numbers, shape (num_examples,).

        Raises:
            ValueError: data that scikit-learn's own checks refuse.
            UsageError: a hyperparameter that breaks its rule.
            RunsFailedError: training diverged.
        """
        self._settings()
        X, y = validate_data(self, X, y, dtype="numeric", y_numeric=True)
        labels = np.zeros(len(y), np.int32)
        self.model_ = self._trained(X, (), labels, np.asarray(y, np.float64))
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """The value of every example, float64, shape (num_examples,)."""
        checked = self._checked(X)
        return self.model_.predict(checked).astype(np.float64)


def _plain(value: Any) -> Any:
    """NumPy's numbers and arrays, which grids are often made of, as Python's."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return tuple(value.tolist())
    if isinstance(value, (list, tuple)):
        return tuple(_plain(item) for item in value)
    return value


def _seed(random_state: Any) -> int:
    """The study seed of the fit; no global generator is read."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1, np.uint64)[0])
    if isinstance(random_state, (np.random.Generator, np.random.RandomState)):
        draw = getattr(random_state, "integers", None) or random_state.randint  # type: ignore[union-attr]
        return int(draw(2**31))
    if isinstance(random_state, (int, np.integer)) and random_state >= 0:
        return int(random_state)
    raise UsageError(
        f"random_state: must be an int from 0, a NumPy generator or None, but got {random_state!r}"
    )
