"""The notebook's thirteen models as a Keras user writes them: ``python -m benchmarks.peers.notebook``.

Arguments: an NPZ file in the layout of Keras's own MNIST archive, and the number of epochs. Prints
one line of JSON with the test accuracies. The backend is ``KERAS_BACKEND``'s.
"""

from __future__ import annotations

import json
import sys

import keras
import numpy as np


def leaky() -> keras.layers.Layer:
    return keras.layers.LeakyReLU(negative_slope=0.1)


# label, divide by 255?, widths, activation, learning rate
MODELS = (
    ("1", False, (32,), "sigmoid", 0.1),
    ("2", True, (32,), "sigmoid", 0.1),
    ("3a", True, (64, 64), "sigmoid", 0.1),
    ("3b", True, (64, 64, 64), "sigmoid", 0.1),
    ("4a", True, (64, 64), "sigmoid", 0.001),
    ("4b", True, (64, 64), "sigmoid", 0.0001),
    ("5a", True, (128, 64), "sigmoid", 0.001),
    ("5b", True, (64, 128), "sigmoid", 0.001),
    ("6a", True, (128, 64), "tanh", 0.001),
    ("6b", True, (128, 64), "relu", 0.001),
    ("6c", True, (128, 64), leaky, 0.001),
    ("7", True, (128, 64), leaky, 0.01),
    ("8", True, (128, 64), leaky, 0.01),
)


def main() -> None:
    with np.load(sys.argv[1]) as archive:
        x_train, y_train = archive["x_train"].astype(np.float32), archive["y_train"]
        x_test, y_test = archive["x_test"].astype(np.float32), archive["y_test"]
    epochs = int(sys.argv[2])
    accuracies = {}
    for label, divided, widths, activation, rate in MODELS:
        factor = np.float32(1 / 255 if divided else 1)
        model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten()])
        for width in widths:
            if callable(activation):
                model.add(keras.layers.Dense(width))
                model.add(activation())
            else:
                model.add(keras.layers.Dense(width, activation=activation))
        model.add(keras.layers.Dense(10, activation="softmax"))
        model.compile(
            optimizer=keras.optimizers.SGD(rate),
            loss="sparse_categorical_crossentropy",
            metrics=["accuracy"],
        )
        model.fit(x_train * factor, y_train, epochs=epochs, validation_split=1 / 12, verbose=0)
        accuracies[label] = model.evaluate(x_test * factor, y_test, verbose=0)[1]
    print(json.dumps({"test_accuracy": accuracies, "keras": keras.__version__}))


if __name__ == "__main__":
    main()
