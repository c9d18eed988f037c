"""Time the published GLU-MIL detector in Keras, the library that its authors used.

``bench_training.py --keras PYTHON`` runs this with an interpreter that has tensorflow;
the project does not need it. Prints the number of weights, to be that which was
published, and the processor's time per clip and step of each epoch but the first.
"""

import json
import os
import sys
from time import process_time

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"

import keras
import numpy as np
import tensorflow as tf
from keras import layers

BATCH = 32


def make_network(n_frames: int, n_mels: int, n_classes: int) -> keras.Model:
    """Build the network up to the clip scores, the highest of each class's frames."""
    inputs = x = keras.Input((n_frames, n_mels, 1))
    for _ in range(3):
        x = layers.Conv2D(128, 3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        gate = layers.Activation("sigmoid")(x[..., 64:])
        x = layers.MaxPooling2D((1, 4))(layers.Multiply()([x[..., :64], gate]))
    x = layers.Reshape((n_frames, 64))(x)
    gru = layers.GRU(
        64,
        return_sequences=True,
        dropout=0.1,
        recurrent_dropout=0.1,
        reset_after=False,
    )
    x = layers.Dense(64, activation="relu")(layers.Bidirectional(gru)(x))
    frames = layers.Dense(n_classes, activation="sigmoid")(x)
    network = keras.Model(inputs, layers.GlobalMaxPooling1D()(frames))
    network.compile(keras.optimizers.RMSprop(1e-3), "binary_crossentropy")
    return network


def main() -> None:
    """Train on noise and print what it took, as JSON."""
    n_clips, n_epochs = map(int, sys.argv[1:])
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_clips, 431, 64, 1)).astype(np.float32)
    y = (rng.random((n_clips, 10)) < 0.25).astype(np.float32)
    network = make_network(431, 64, 10)
    ms = []
    for _ in range(n_epochs):
        start = process_time()
        network.fit(X, y, batch_size=BATCH, verbose=0)
        ms.append(1e3 * (process_time() - start) / n_clips)
    print(json.dumps({"n_weights": network.count_params(), "ms": ms[1:]}))


if __name__ == "__main__":
    main()
