"""Keras models that tests bring."""

import keras


def build(input_shape, num_classes, *, hidden=16, norm=False, compiled=False, fail=""):
    if fail:
        raise ValueError(fail)
    layers = [keras.Input(shape=input_shape), keras.layers.Dense(hidden, activation="relu")]
    if norm:
        layers += [keras.layers.BatchNormalization(), keras.layers.Dropout(0.1)]
    model = keras.Sequential([*layers, keras.layers.Dense(num_classes, activation="softmax")])
    if compiled:
        model.compile(keras.optimizers.Adam(0.01), "categorical_crossentropy", metrics=["acc"])
    return model
