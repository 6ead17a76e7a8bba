"""numpy-ml 0.1.2: the Embedding layer, where an id occurs twice in an example.

With pool "sum" or "mean" its backward pass says `dW[ids] += ...`, which counts an id once however often it occurs;
without pooling it goes through them one by one, and is right.
"""

from __future__ import annotations

import numpy as np

import fastcheck as fc
from benchmarks.gallery import older
from benchmarks.gallery.case import Case, show
from benchmarks.gallery.layers_numpy_ml import LIBRARY, layers, of_layer


def embedding(pool: str | None) -> fc.Problem:
    older.seed()
    ids = np.array([[0, 2, 2], [1, 3, 4]])
    return of_layer(layers.Embedding(n_out=3, vocab_size=5, pool=pool), ids)


CASES = (
    Case("Embedding", lambda: embedding(None)),
    Case('Embedding, pool="sum"', lambda: embedding("sum"), wrong=("W",), kinds="row"),
    Case('Embedding, pool="mean"', lambda: embedding("mean"), wrong=("W",), kinds="row"),
)

if __name__ == "__main__":
    show(LIBRARY, CASES)
