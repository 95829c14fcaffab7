"""From a request to the arrays an engine takes: initial weights, order, learning rates.

What the runs of a replicate share is made once and shared between the threads.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff import streams
from bakeoff.data.splits import set_aside
from bakeoff.data.study_data import NUM_SPLITS, StudyData
from bakeoff.dense.base import Job, Layer, Scaling, steps_per_epoch
from bakeoff.dense.scaling import fit_scaling
from bakeoff.dense.settings import DenseSettings, KernelInitializer
from bakeoff.records import Replicate
from bakeoff.trainables.base import Request

# Enough for the orders of twelve replicates of ten epochs of MNIST, and a bound for larger data.
ORDER_CACHE_BYTES = 64 * 2**20
NUM_SCALINGS = 64

# Standard deviation of a standard normal cut off at ±2 (keras.initializers.VarianceScaling).
TRUNCATED_NORMAL_SD = 0.87962566103423978

# keras.initializers.RandomUniform and RandomNormal.
RANDOM_UNIFORM_LIMIT = 0.05
RANDOM_NORMAL_SD = 0.05

# Half of the distance between the uniform numbers that a generator can give: keeps the inverse
# of the normal distribution function finite where a uniform number is exactly 0.
SMALLEST_UNIFORM = 2.0**-54


class JobMaker:
    """Makes the jobs of one study on one dataset; safe to call from several threads."""

    def __init__(self, data: StudyData) -> None:
        self.data = data
        orders = ORDER_CACHE_BYTES // (4 * max(1, data.dataset.num_examples))
        self._order = lru_cache(max(2, orders))(self._new_order)
        self._scaling = lru_cache(NUM_SCALINGS)(self._fitted)
        self._watched = lru_cache(NUM_SPLITS)(self._set_aside)

    def scaling(self, replicate: Replicate, scale: str, *, refit: bool = False) -> Scaling:
        """The scaling fitted on the training part of a replicate."""
        # The seed has no part in it: replicates of one fold share it.
        part = Replicate(0, replicate.partition, replicate.fold)
        return self._scaling(Replicate(0, 0, 0) if refit else part, scale, refit)

    def _fitted(self, part: Replicate, scale: str, refit: bool) -> Scaling:
        rows, _ = self.data.rows(part, refit=refit)
        pictures = self.data.dataset.image_shape is not None
        return fit_scaling(self.data.encoded(part, refit), rows, scale, pictures=pictures)

    def _set_aside(
        self, replicate: Replicate, refit: bool
    ) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Which of the training part train, and which tell early stopping when to end."""
        train_rows, _ = self.data.rows(replicate, refit=refit)
        return set_aside(
            train_rows,
            self.data.dataset.labels,
            study_seed=self.data.study_seed,
            replicate=replicate.index,
            groups=self.data.dataset.groups,
            in_order=self.data.split == "time",
        )

    def _new_order(self, replicate: int, epoch: int, num_train: int) -> NDArray[np.int32]:
        return streams.order(self.data.study_seed, replicate, epoch, num_train)

    def make(self, request: Request) -> Job:
        """The arrays of one run."""
        dataset, replicate = self.data.dataset, request.replicate
        settings = DenseSettings.of(request.settings)
        train_rows, val_rows = self.data.rows(replicate, refit=request.refit)
        trained_on, watching = train_rows, None
        if settings.patience:
            trained_on, watching = self._watched(replicate, request.refit)
        return new_job(
            settings,
            self.data.encoded(replicate, request.refit),
            np.zeros(dataset.num_examples, np.int32)
            if dataset.task == "regression"
            else dataset.labels,
            trained_on,
            val_rows,
            dataset.num_outputs,
            scaling=self.scaling(replicate, settings.scale, refit=request.refit),
            study_seed=self.data.study_seed,
            replicate=replicate.index,
            order=lambda epoch: self._order(replicate.index, epoch, len(trained_on)),
            targets=self._targets(train_rows) if dataset.task == "regression" else None,
            weights=self._weights(settings, train_rows),
            watching_rows=watching,
        )

    def target_scale(self, train_rows: NDArray[np.int32]) -> tuple[float, float]:
        """Mean and standard deviation of the values of the training part."""
        return mean_and_sd(self.data.dataset.labels[train_rows])

    def _targets(self, train_rows: NDArray[np.int32]) -> NDArray[np.float32]:
        mean, sd = self.target_scale(train_rows)
        made: NDArray[np.float32] = ((self.data.dataset.labels - mean) / sd).astype(np.float32)
        return made

    def _weights(
        self, settings: DenseSettings, train_rows: NDArray[np.int32]
    ) -> NDArray[np.float32] | None:
        """What the author gave, times what balances the classes; None where all count alike."""
        given = self.data.dataset.weights
        balance = class_weights(
            settings, self.data.dataset.labels, train_rows, self.data.dataset.num_classes
        )
        if given is None or balance is None:
            return balance if given is None else given
        return balance * given


def mean_and_sd(values: NDArray[Any]) -> tuple[float, float]:
    """By which a target is standardised; the standard deviation is 1 where nothing varies."""
    sd = float(values.std())
    return float(values.mean()), sd if sd > 0.0 else 1.0


def in_units(layers: tuple[Layer, ...], mean: float, sd: float) -> tuple[Layer, ...]:
    """The network with an output in the target's own units instead of standardised ones."""
    last = layers[-1]
    kernel, bias = last.kernel * np.float32(sd), last.bias * np.float32(sd) + np.float32(mean)
    return (*layers[:-1], Layer(kernel, bias))


def class_weights(
    settings: DenseSettings,
    labels: NDArray[Any],
    train_rows: NDArray[np.int32],
    num_classes: int,
) -> NDArray[np.float32] | None:
    """How much each example counts by its class, float32, shape (num_examples,), or None.

    Balanced is n / (K · n_c) over the training part, as in ``sklearn.utils.class_weight``.
    """
    if settings.class_weight == "none":
        return None
    counts = np.bincount(labels[train_rows], minlength=num_classes)
    of_class = len(train_rows) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    weights: NDArray[np.float32] = of_class[labels].astype(np.float32)
    return weights


def new_job(
    settings: DenseSettings,
    features: NDArray[Any],
    labels: NDArray[np.int32],
    train_rows: NDArray[np.int32],
    val_rows: NDArray[np.int32],
    num_classes: int,
    *,
    scaling: Scaling,
    study_seed: int,
    replicate: int,
    order: Callable[[int], NDArray[np.int32]],
    targets: NDArray[np.float32] | None = None,
    weights: NDArray[np.float32] | None = None,
    watching_rows: NDArray[np.int32] | None = None,
) -> Job:
    """A job whose initial weights, learning rates and dropout follow from its settings and seed."""
    return Job(
        settings=settings,
        features=features,
        labels=labels,
        train_rows=train_rows,
        val_rows=val_rows,
        num_classes=num_classes,
        scaling=scaling,
        layers=initial_layers(
            settings, features.shape[1], num_classes, study_seed=study_seed, replicate=replicate
        ),
        order=order,
        learning_rates=learning_rates(settings, len(train_rows)),
        dropout_key=streams.dropout_key(study_seed, replicate),
        targets=targets,
        weights=weights,
        watching_rows=watching_rows,
    )


def initial_layers(
    settings: DenseSettings, num_features: int, num_classes: int, *, study_seed: int, replicate: int
) -> tuple[Layer, ...]:
    """The weights every run of a replicate starts from, output layer last.

    Layer ``i`` uses stream ``INIT`` with index ``i`` and one uniform number per weight, whatever
    the initializer, so two candidates with the same widths start from the same quantiles.

    Args:
        settings: ``hidden`` and ``kernel_initializer`` are read.
        num_features: inputs of the first layer.
        num_classes: outputs of the last layer.
        study_seed: at least 0.
        replicate: index of the replicate.

    Returns:
        kernels of shape (fan_in, fan_out) and biases of zeros, all float32.
    """
    sizes = settings.layer_sizes(num_features, num_classes)
    layers = []
    for index, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes)):
        uniform = streams.generator(study_seed, streams.Stream.INIT, replicate, index).random(
            (fan_in, fan_out)
        )
        kernel = kernel_from_uniform(settings.kernel_initializer, uniform)
        layers.append(Layer(kernel, np.zeros(fan_out, np.float32)))
    return tuple(layers)


def kernel_from_uniform(
    initializer: KernelInitializer, uniform: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Turns uniform numbers into a kernel by the inverse of the distribution function.

    Variances are 2 / (fan_in + fan_out) for glorot (Glorot & Bengio 2010), 2 / fan_in for he
    (He et al. 2015) and 1 / fan_in for lecun (LeCun et al. 1998), as in
    ``keras.initializers``. The normal variants are cut off at two standard deviations of the
    normal that is cut, and widened so that the variance holds after the cut.

    Args:
        initializer: a name of ``keras.initializers``.
        uniform: shape (fan_in, fan_out), in [0, 1).
    """
    fan_in, fan_out = uniform.shape
    family, distribution = initializer.rsplit("_", 1)
    if family == "random":
        if distribution == "uniform":
            kernel = (2.0 * uniform - 1.0) * RANDOM_UNIFORM_LIMIT
        else:
            from scipy.special import ndtri

            kernel = ndtri(np.maximum(uniform, SMALLEST_UNIFORM)) * RANDOM_NORMAL_SD
        return kernel.astype(np.float32)
    variance = {
        "glorot": 2.0 / (fan_in + fan_out),
        "he": 2.0 / fan_in,
        "lecun": 1.0 / fan_in,
    }[family]
    if distribution == "uniform":
        kernel = (2.0 * uniform - 1.0) * math.sqrt(3.0 * variance)
    else:
        from scipy.special import ndtr, ndtri

        low, high = ndtr(-2.0), ndtr(2.0)
        kernel = ndtri(low + uniform * (high - low)) * (math.sqrt(variance) / TRUNCATED_NORMAL_SD)
    return kernel.astype(np.float32)


def learning_rates(settings: DenseSettings, num_train: int) -> Callable[[int], NDArray[np.float64]]:
    """The learning rate of every step, by epoch.

    With S steps per epoch, T = ``epochs`` · S steps in all, W = round(``warmup_epochs`` · S)
    steps of warm-up and D = T - W steps after it, step t (0-based over the whole run) has::

        t < W         lr · t / W
        constant      lr
        cosine        lr · ½ · (1 + cos(π · (t - W) / D))
        exponential   lr · decay_rate ^ ((t - W) / D)

    which is, in Keras 3, for W = 0 ``CosineDecay(lr, decay_steps=D)`` and ``ExponentialDecay(lr,
    decay_steps=D, decay_rate=decay_rate)``, and for W > 0 ``CosineDecay(0.0, decay_steps=D,
    warmup_target=lr, warmup_steps=W)``; Keras has no warm-up for the other two, they get the
    same linear one. As in Keras, the first step of a warm-up has learning rate 0. A half is
    rounded to the even neighbour, as Python's ``round`` does.

    Args:
        settings: of the candidate.
        num_train: examples in the training part, at least 1.

    Returns:
        a function from the epoch (0-based) to float64 learning rates, shape (S,).
    """
    per_epoch = steps_per_epoch(num_train, settings.batch_size)
    num_warmup = round(settings.warmup_epochs * per_epoch)
    num_decay = settings.epochs * per_epoch - num_warmup
    peak = settings.learning_rate

    def of_epoch(epoch: int) -> NDArray[np.float64]:
        step = np.arange(epoch * per_epoch, (epoch + 1) * per_epoch, dtype=np.float64)
        # Both denominators are at least 1: where one is 0, no step uses its branch.
        done = np.clip((step - num_warmup) / max(num_decay, 1), 0.0, 1.0)
        if settings.schedule == "cosine":
            after = peak * 0.5 * (1.0 + np.cos(math.pi * done))
        elif settings.schedule == "exponential":
            after = peak * settings.decay_rate**done
        else:
            after = np.full(per_epoch, peak)
        return np.where(step < num_warmup, peak * step / max(num_warmup, 1), after)

    return of_epoch
