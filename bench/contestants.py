"""One job of one library, timed in a process of its own: `python bench/contestants.py NAME`.

Every job reads MNIST's 60,000 training images as float32 in [0, 1], warms up on a few of them,
and prints one line of JSON: seconds, and a figure that says how well the job was done.
"""

import json
import os
import sys
import time
import warnings

import numpy as np

import isthmus as ist

K = 100


def mnist():
    images = ist.load_images("mnist").train
    return (np.asarray(images).reshape(len(images), -1) / np.float32(255)).astype(np.float32)


def timed(job):
    started = time.perf_counter()
    result = job()
    return time.perf_counter() - started, result


def ours_kmeans(X, tol=1e-3):
    ist.KMeans(10, max_iter=2).fit(X[:1000])
    seconds, model = timed(
        lambda: ist.KMeans(K, max_iter=100, tol=tol, random_state=seed()).fit(X)
    )
    return seconds, model.inertia_


def ours_kmeans_100(X):
    return ours_kmeans(X, tol=0)


def sklearn_kmeans(X):
    from sklearn.cluster import KMeans

    KMeans(10, max_iter=2, n_init=1).fit(X[:1000])
    make = KMeans(K, max_iter=100, tol=1e-3, n_init=1, random_state=seed())
    seconds, model = timed(lambda: make.fit(X))
    return seconds, float(model.inertia_)


def faiss_kmeans_100(X):
    import faiss

    model = faiss.Kmeans(
        X.shape[1], K, niter=100, max_points_per_centroid=10**9, seed=seed(), verbose=False
    )
    seconds, _ = timed(lambda: model.train(X))
    distance, _ = model.index.search(X, 1)
    return seconds, float(distance.sum(dtype=np.float64))


def _linear(make, prepare, X):
    """Fit, encode and decode three times; the least counts: first touches of memory are noise."""

    def job():
        data = prepare(X)
        model = make().fit(data)
        return model.inverse_transform(model.transform(data))

    runs = [timed(job)[0] for _ in range(3)]
    back, unit = job(), as_float(X)
    return min(runs), float(np.mean((back - unit) ** 2, dtype=np.float64))


def as_float(X):
    return X if X.dtype == np.float32 else X.astype(np.float32) / np.float32(255)


def as_uint8(X):
    return np.round(X * 255).astype(np.uint8)


def as_given(X):
    return X


def ours_pca(k, given=as_given):
    return lambda X: _linear(lambda: ist.PCA(k), as_given, given(X))


def sklearn_pca(k, given=as_given):
    from sklearn.decomposition import PCA

    return lambda X: _linear(lambda: PCA(k, svd_solver="covariance_eigh"), as_float, given(X))


def _on_disk(X):
    path = f"/tmp/isthmus-bench-{os.getpid()}.npy"
    np.save(path, X)
    try:
        return np.load(path, mmap_mode="r")
    finally:
        os.unlink(path)


def _explained(components, X):
    centred = X - X.mean(0)
    return float(((centred @ components.T) ** 2).sum(dtype=np.float64) / len(X))


def ours_incremental_pca(X):
    mapped = _on_disk(X)
    ist.PCA(50).fit(X[:2000])
    seconds, model = timed(lambda: ist.PCA(50).fit(mapped))
    return seconds, _explained(model.components_, X)


def sklearn_incremental_pca(X):
    from sklearn.decomposition import IncrementalPCA

    mapped = _on_disk(X)
    seconds, model = timed(lambda: IncrementalPCA(50, batch_size=4096).fit(mapped))
    return seconds, _explained(model.components_, X)


def ours_autoencoder(X):
    """Seconds of one epoch: the second of two, as the peers' is."""
    model = ist.Autoencoder(
        20, hidden=(), code_activation="relu", optimizer="sgd", learning_rate=0.01, batch_size=100,
        epochs=3, schedule="constant", validation_fraction=0, random_state=0,
    ).fit(X)  # fmt: skip
    seconds = model.history_["seconds"]
    return min(np.diff(seconds)), model.history_["loss"][1]


def keras_autoencoder(X):
    import keras

    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((784,)),
            keras.layers.Dense(20, activation="relu"),
            keras.layers.Dense(784, activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.SGD(0.01), "mse")
    model.fit(X, X, batch_size=100, epochs=1, verbose=0)
    runs = [timed(lambda: model.fit(X, X, batch_size=100, epochs=1, verbose=0)) for _ in range(2)]
    return min(seconds for seconds, _ in runs), runs[0][1].history["loss"][0]


def torch_autoencoder(X):
    """The loop that everybody writes."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(784, 20), nn.ReLU(), nn.Linear(20, 784), nn.Sigmoid())
    optimizer = torch.optim.SGD(net.parameters(), 0.01)
    X = torch.from_numpy(X)

    def epoch():
        total = 0.0
        for rows in torch.randperm(len(X)).split(100):
            x = X[rows]
            loss = nn.functional.mse_loss(net(x), x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        return total / (len(X) / 100)

    epoch()
    runs = [timed(epoch) for _ in range(2)]
    return min(seconds for seconds, _ in runs), runs[0][1]


def seed():
    return int(os.environ.get("BENCH_SEED", "0"))


JOBS = {
    "ours-kmeans": ours_kmeans,
    "ours-kmeans-100": ours_kmeans_100,
    "sklearn-kmeans": sklearn_kmeans,
    "faiss-kmeans-100": faiss_kmeans_100,
    **{f"ours-pca-{k}": ours_pca(k) for k in (10, 50, 500)},
    **{f"sklearn-pca-{k}": sklearn_pca(k) for k in (10, 50, 500)},
    **{f"ours-pca-{k}-uint8": ours_pca(k, as_uint8) for k in (10, 50, 500)},
    **{f"sklearn-pca-{k}-uint8": sklearn_pca(k, as_uint8) for k in (10, 50, 500)},
    "ours-incremental-pca": ours_incremental_pca,
    "sklearn-incremental-pca": sklearn_incremental_pca,
    "ours-autoencoder": ours_autoencoder,
    "keras-jax-autoencoder": keras_autoencoder,
    "keras-torch-autoencoder": keras_autoencoder,
    "torch-autoencoder": torch_autoencoder,
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    seconds, quality = JOBS[sys.argv[1]](mnist())
    print(json.dumps({"seconds": float(seconds), "quality": float(quality)}))
