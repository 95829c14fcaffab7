"""Initial weights by Keras's formulas from bakeoff's own streams; knows nothing of training."""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray

from bakeoff.dense.base import Layer
from bakeoff.dense.settings import DenseSettings, KernelInitializer
from bakeoff.streams import Stream, generator

# Standard deviation of a standard normal cut off at ±2 (keras.initializers.VarianceScaling).
TRUNCATED_NORMAL_SD = 0.87962566103423978

# keras.initializers.RandomUniform and RandomNormal.
RANDOM_UNIFORM_LIMIT = 0.05
RANDOM_NORMAL_SD = 0.05

# Half of the distance between the uniform numbers that a generator can give: keeps the inverse
# of the normal distribution function finite where a uniform number is exactly 0.
SMALLEST_UNIFORM = 2.0**-54


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
        uniform = generator(study_seed, Stream.INIT, replicate, index).random((fan_in, fan_out))
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
