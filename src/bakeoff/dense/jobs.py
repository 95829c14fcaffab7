"""From a request to the arrays an engine takes: scaling, initial weights, order, learning rates.

What the runs of a replicate share is made once and shared between the threads.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff import streams
from bakeoff.data.splits import set_aside
from bakeoff.dense.base import Job, Layer, Scaling, steps_per_epoch
from bakeoff.dense.settings import DenseSettings, KernelInitializer
from bakeoff.errors import UsageError
from bakeoff.records import Replicate
from bakeoff.trainables.base import NUM_SPLITS, Request, StudyData

# Enough for the orders of twelve replicates of ten epochs of MNIST, and a bound for larger data.
ORDER_CACHE_BYTES = 64 * 2**20
NUM_SCALINGS = 64

# 256 bytes squared sum to at most 256 · 255² = 16,646,400 < 2²⁴, so float32 holds them exactly.
_EXACT_ROWS = 256
_CHUNK_ROWS = 1024
_BYTE_MAX = 255.0

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


def fit_scaling(
    features: NDArray[Any], train_rows: NDArray[np.int32], scale: str, *, pictures: bool = False
) -> Scaling:
    """Shift and factor such that the network sees ``(x - shift) * factor``.

    - ``none``: the features as they are; shapes (1,).
    - ``unit``: bytes divided by 255, shapes (1,); else every feature by its largest absolute
      value in the training part, shapes (num_features,), or all pixels of pictures by one, shapes
      (1,); a feature that is 0 everywhere stays so.
    - ``standard``: mean 0 and standard deviation 1 (ddof 0) per feature over the training part,
      computed in float64; a constant feature is only shifted; shapes (num_features,).

    Args:
        features: shape (num_examples, num_features), uint8 or float32, finite.
        train_rows: rows of the training part, not empty.
        scale: none, unit or standard.
        pictures: whether the features are the pixels of pictures.

    Raises:
        UsageError: another word for ``scale``, or no training rows.
    """
    if scale == "none":
        return _scaling(np.zeros(1), np.ones(1))
    if len(train_rows) == 0:
        raise UsageError(f"scale: {scale!r} needs a training part, but got no rows")
    if scale == "unit":
        largest = np.array([_BYTE_MAX])
        if features.dtype != np.uint8:
            largest = _largest(features, train_rows)
            largest = largest.max(keepdims=True) if pictures else largest
        return _scaling(np.zeros(len(largest)), _reciprocal(largest))
    if scale == "standard":
        moments = _byte_moments if features.dtype == np.uint8 else _float_moments
        mean, sd = moments(features, train_rows)
        return _scaling(mean, _reciprocal(sd))
    raise UsageError(f"scale: must be none, unit or standard, but got {scale!r}")


def _scaling(shift: NDArray[np.float64], factor: NDArray[np.float64]) -> Scaling:
    arrays = shift.astype(np.float32), factor.astype(np.float32)
    for array in arrays:
        array.setflags(write=False)
    return Scaling(*arrays)


def _reciprocal(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """1/x, and 1 where x is zero or so small that float32 cannot hold its reciprocal."""
    smallest = 1.0 / float(np.finfo(np.float32).max)
    return np.divide(1.0, values, out=np.ones_like(values), where=values > smallest)


def _chunks(features: NDArray[Any], rows: NDArray[np.int32], size: int) -> Iterator[NDArray[Any]]:
    """The training rows, a few at a time: the matrix is never copied as a whole."""
    for start in range(0, len(rows), size):
        yield features[rows[start : start + size]]


def _largest(features: NDArray[Any], rows: NDArray[np.int32]) -> NDArray[np.float64]:
    """Of the absolute values of every feature, shape (num_features,)."""
    largest = np.zeros(features.shape[1])
    for chunk in _chunks(features, rows, _CHUNK_ROWS):
        np.maximum(largest, np.abs(chunk).max(axis=0), out=largest)
    return largest


def _byte_moments(
    features: NDArray[Any], rows: NDArray[np.int32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and sd of bytes from exact integer sums.

    Each chunk's sums are whole numbers below 2²⁴, so a float32 matrix product, the fastest way
    through the bytes, rounds nothing in whatever order it adds.
    """
    num_features = features.shape[1]
    total, squares = np.zeros(num_features), np.zeros(num_features)
    for chunk in _chunks(features, rows, _EXACT_ROWS):
        values = chunk.astype(np.float32)
        ones = np.ones(len(values), np.float32)
        total += ones @ values
        squares += ones @ np.square(values, out=values)
    count = len(rows)
    # n·Σx² - (Σx)² is the variance times n², in whole numbers below 2⁵³ up to 370,000 rows.
    variance = np.maximum(count * squares - np.square(total), 0.0) / float(count) ** 2
    return total / count, np.sqrt(variance)


def _float_moments(
    features: NDArray[Any], rows: NDArray[np.int32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and sd in two passes; exact constants get an sd of exactly zero."""
    num_features = features.shape[1]
    total = np.zeros(num_features)
    low, high = np.full(num_features, np.inf), np.full(num_features, -np.inf)
    for chunk in _chunks(features, rows, _CHUNK_ROWS):
        total += chunk.sum(axis=0, dtype=np.float64)
        np.minimum(low, chunk.min(axis=0), out=low)
        np.maximum(high, chunk.max(axis=0), out=high)
    # A rounded mean must not make a constant feature look as if it varied.
    mean = np.where(low == high, low, total / len(rows))
    squares = np.zeros(num_features)
    for chunk in _chunks(features, rows, _CHUNK_ROWS):
        squares += np.square(chunk - mean).sum(axis=0)
    return mean, np.sqrt(squares / len(rows))


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
