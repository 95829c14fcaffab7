"""JAX without a framework: a whole epoch as one compiled ``lax.scan``."""

from __future__ import annotations

import itertools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.clock import EpochClock
from benchmarks.workloads import Arrays, Workload


def versions() -> dict[str, str]:
    return {"jax": jax.__version__, "device": str(jax.devices()[0])}


def trainer(workload: Workload, arrays: Arrays) -> Any:
    sizes = (arrays.scaled.shape[1], *workload.hidden, arrays.num_classes)
    num_train, batch_size = len(arrays.labels), workload.batch_size
    num_full = num_train // batch_size
    x_all, y_all = jnp.asarray(arrays.scaled), jnp.asarray(arrays.labels)
    adam = workload.optimizer == "adam"

    def initial(seed: int) -> Any:
        rng = np.random.Generator(np.random.PCG64(seed))
        layers = []
        for fan_in, fan_out in itertools.pairwise(sizes):
            limit = math.sqrt(6.0 / (fan_in + fan_out))
            kernel = rng.uniform(-limit, limit, (fan_in, fan_out)).astype(np.float32)
            layers.append((jnp.asarray(kernel), jnp.zeros(fan_out, jnp.float32)))
        zeros = jax.tree.map(jnp.zeros_like, layers)
        return (layers, zeros, zeros, jnp.int32(0)) if adam else (layers,)

    def logits(layers: Any, x: Any) -> Any:
        for kernel, bias in layers[:-1]:
            x = x @ kernel + bias
            x = jnp.where(x > 0, x, 0.1 * x)
        return x @ layers[-1][0] + layers[-1][1]

    def loss(layers: Any, x: Any, y: Any) -> Any:
        log_p = jax.nn.log_softmax(logits(layers, x))
        return -jnp.take_along_axis(log_p, y[:, None], axis=1).mean()

    def step(state: Any, x: Any, y: Any, rate: Any) -> Any:
        layers = state[0]
        value, gradient = jax.value_and_grad(loss)(layers, x, y)
        if not adam:
            return (jax.tree.map(lambda w, g: w - rate * g, layers, gradient),), value
        _, first, second, count = state
        count = count + 1
        first = jax.tree.map(lambda m, g: m + (g - m) * 0.1, first, gradient)
        second = jax.tree.map(lambda v, g: v + (g * g - v) * 0.001, second, gradient)
        scale = rate * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
        layers = jax.tree.map(
            lambda w, m, v: w - scale * m / (jnp.sqrt(v) + 1e-7), layers, first, second
        )
        return (layers, first, second, count), value

    # The data are arguments: closed over, they would become a constant of the program, and
    # compiling it would take many times as long.
    @jax.jit
    def epoch(state: Any, x_all: Any, y_all: Any, permutation: Any, rate: Any) -> Any:
        full = permutation[: num_full * batch_size].reshape(num_full, batch_size)
        state, losses = jax.lax.scan(
            lambda s, rows: step(s, x_all[rows], y_all[rows], rate), state, full
        )
        total = losses.sum() * batch_size
        if num_train % batch_size:
            rest = permutation[num_full * batch_size :]
            state, last = step(state, x_all[rest], y_all[rest], rate)
            total += last * (num_train % batch_size)
        return state, total / num_train

    val_x = jnp.asarray(arrays.val_scaled)

    def train(rate: float, seed: int, clock: EpochClock) -> None:
        state = initial(seed)
        rng = np.random.Generator(np.random.PCG64(seed + 1000))
        go_on = True
        while go_on:
            clock.begin()
            permutation = rng.permutation(num_train).astype(np.int32)
            state, _ = jax.block_until_ready(
                epoch(state, x_all, y_all, permutation, np.float32(rate))
            )
            layers = state[0]
            go_on = clock.end(
                lambda layers=layers: float(
                    (np.asarray(logits(layers, val_x)).argmax(axis=1) == arrays.val_labels).mean()
                )
            )

    return train
