"""One job of one library, timed in a process of its own: `python bench/contestants.py NAME`.

Every job reads MNIST's 60,000 training images as float32 in [0, 1], warms up on a few of them,
and prints one line of JSON: seconds, and a figure that says how well the job was done.
"""

import itertools
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
        output="sigmoid",
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


def _second_epoch(model, X):
    """Return the seconds of the faster epoch after the first, and its loss."""
    model.set_params(epochs=3, schedule="constant", validation_fraction=0, random_state=0).fit(X)
    return min(np.diff([0, *model.history_["seconds"]])[1:]), model.history_["loss"][1]


def ours_vae(X):
    """784-512-16-512-784, 829,232 weights."""
    return _second_epoch(ist.VAE(16, hidden=(512,), likelihood="bernoulli", batch_size=128), X)


def _pythae(X, encoder=None, decoder=None):
    """Seconds and loss of an epoch of pythae's own loop, its progress bars left out."""
    import importlib.machinery
    import logging
    import tempfile
    import types

    logging.disable(logging.INFO)
    for name in ("tqdm", "tqdm.auto"):  # it only draws bars
        module = sys.modules.setdefault(name, types.ModuleType(name))
        module.__spec__ = module.__spec__ or importlib.machinery.ModuleSpec(name, None)
        module.tqdm = lambda items=None, **_: items
    import torch
    from pythae.data.datasets import BaseDataset
    from pythae.models import VAE, VAEConfig
    from pythae.trainers import BaseTrainer, BaseTrainerConfig

    torch.manual_seed(0)
    config = VAEConfig(input_dim=(1, 28, 28), latent_dim=16, reconstruction_loss="bce")
    model = VAE(config, encoder and encoder(config), decoder and decoder(config))
    data = BaseDataset(torch.from_numpy(X).view(-1, 1, 28, 28), torch.zeros(len(X)))
    trainer = BaseTrainer(
        model, data, training_config=BaseTrainerConfig(
            output_dir=tempfile.mkdtemp(), num_epochs=1, per_device_train_batch_size=128,
            learning_rate=1e-3,
        ),
    )  # fmt: skip
    trainer.prepare_training()
    trainer.train_step(1)
    seconds, loss = timed(lambda: trainer.train_step(2))
    return seconds, float(loss)


def pythae_vae(X):
    return _pythae(X)


STEPS = 4
"""Steps of 128 images that are timed of the large convolutional VAE."""


def ours_conv_vae(X):
    """The network that pythae trains on MNIST: 17.2 million weights; seconds of one step."""
    from torch import nn

    from isthmus.nets.conv import FromPicture, ToPicture, conv_encoder
    from isthmus.nets.dense import dense
    from isthmus.nets.transposed import TransposedConv

    class Large(ist.VAE):
        def networks(self):
            up = [*dense((16, 4 * 4 * 1024), "relu"), ToPicture((4, 4, 1024))]
            for n_in, n_out, extra in ((1024, 512, 0), (512, 256, 1)):
                up += [TransposedConv(n_in, n_out, 3, 2, 1, extra), nn.BatchNorm2d(n_out)]
                up += [nn.ReLU()]
            up += [TransposedConv(256, 1, 3, 2, 1, 1), FromPicture()]
            down = conv_encoder((28, 28, 1), (128, 256, 512, 1024), (32,), "relu", norm=True)
            return {"encoder_": down, "decoder_": nn.Sequential(*up)}

    model = Large(16, architecture="conv", likelihood="bernoulli", batch_size=128)
    seconds, loss = _second_epoch(model, X[: 128 * STEPS].reshape(-1, 28, 28))
    return seconds / STEPS, loss


def pythae_conv_vae(X):
    from pythae.models.nn.benchmarks.mnist import Decoder_Conv_AE_MNIST, Encoder_Conv_VAE_MNIST

    seconds, loss = _pythae(X[: 128 * STEPS], Encoder_Conv_VAE_MNIST, Decoder_Conv_AE_MNIST)
    return seconds / STEPS, loss


def _large(X, n=64 * 30):
    """Return images of 64x64 pixels."""
    from isthmus.data.corrupt import resize

    return resize(X[:n].reshape(-1, 28, 28, 1), (64, 64))


def ours_burgess(X):
    """The network of the papers on disentangling, 64x64, beta 4; seconds of one image."""
    X = _large(X)
    model = ist.VAE(
        10, architecture="burgess", likelihood="bernoulli", beta=4.0, batch_size=64,
        learning_rate=5e-4,
    )  # fmt: skip
    seconds, loss = _second_epoch(model, X)
    return seconds / len(X), loss


def torch_burgess(X):
    """The loop that everybody writes, in float32."""
    import torch
    from torch import nn
    from torch.nn import functional

    torch.manual_seed(0)
    X = torch.from_numpy(_large(X)).view(-1, 1, 64, 64)
    sizes = (1, 32, 32, 64, 64)
    down, up = [], [nn.Linear(10, 256), nn.ReLU(), nn.Linear(256, 1024), nn.ReLU()]
    up.append(nn.Unflatten(1, (64, 4, 4)))
    for n_in, n_out in itertools.pairwise(sizes):
        down += [nn.Conv2d(n_in, n_out, 4, 2, 1), nn.ReLU()]
    for n_in, n_out in itertools.pairwise(sizes[::-1]):
        up += [nn.ConvTranspose2d(n_in, n_out, 4, 2, 1), nn.ReLU()]
    encoder = nn.Sequential(*down, nn.Flatten(), nn.Linear(1024, 256), nn.ReLU())
    encoder.append(nn.Linear(256, 20))
    decoder = nn.Sequential(*up[:-1], nn.Sigmoid())
    weights = [*encoder.parameters(), *decoder.parameters()]
    optimizer = torch.optim.Adam(weights, 5e-4)

    def epoch():
        total = 0.0
        for rows in torch.randperm(len(X)).split(64):
            x = X[rows]
            mean, log_var = encoder(x).chunk(2, 1)
            y = decoder(mean + (0.5 * log_var).exp() * torch.randn_like(mean))
            error = functional.binary_cross_entropy(y, x, reduction="sum")
            kl = -0.5 * torch.sum(1 + log_var - mean.pow(2) - log_var.exp())
            loss = (error + 4 * kl) / len(x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        return total / (len(X) / 64)

    epoch()
    runs = [timed(epoch) for _ in range(2)]
    return min(seconds for seconds, _ in runs) / len(X), runs[0][1]


def _streets():
    """Return 60 street scenes of 360x480 pixels with a class for every pixel."""
    return ist.load_images("camvid").train[:60]


def ours_pixelnet(_):
    """Deck C's network, an epoch of 60 scenes in batches of 4."""
    model = ist.PixelNet(
        20, channels=64, epochs=1, batch_size=4, validation_fraction=0.0, random_state=seed()
    )
    seconds, model = timed(lambda: model.fit(_streets()))
    return seconds, model.history_["loss"][-1]


def torch_pixelnet(_):
    """The same network in the loop that everybody writes, in float32."""
    import torch
    from torch import nn
    from torch.nn import functional

    torch.manual_seed(seed())
    images = _streets()
    X = torch.from_numpy(np.asarray(images)).permute(0, 3, 1, 2).contiguous()
    maps = torch.from_numpy(images.label_maps.astype(np.int64))

    def convolutions(*sizes):
        pairs = itertools.pairwise(sizes)
        return [part for n, m in pairs for part in (nn.Conv2d(n, m, 3, padding=1), nn.ReLU())]

    def larger(n):
        return [nn.ConvTranspose2d(n, 2 * n, 3, 2, 1, 1), nn.ReLU()]

    m = 64
    down = [*convolutions(3, m, m), nn.MaxPool2d(2), *convolutions(m, m, m), nn.MaxPool2d(2)]
    up = [*larger(m), *convolutions(2 * m, m, m), *larger(m), *convolutions(2 * m, m, m)]
    last = [*convolutions(m, 20), nn.Conv2d(20, int(maps.max()) + 1, 3, padding=1)]
    net = nn.Sequential(*down, *convolutions(m, m, m), *up, *last)
    assert sum(weight.numel() for weight in net.parameters()) == 569_296
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)

    def epoch():
        total = 0.0
        for rows in torch.randperm(len(X)).split(4):
            known = maps[rows]
            loss = functional.cross_entropy(
                net(X[rows] / 255), known, ignore_index=images.ignored_class
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        return total / len(X)

    return timed(epoch)


def ours_nmf(X):
    """Passes until the error of scikit-learn's fifty is reached."""
    ist.NMF(20, max_iter=2).fit(X[:1000])
    seconds, model = timed(lambda: ist.NMF(20, max_iter=28, tol=0, random_state=seed()).fit(X))
    return seconds, model.reconstruction_err_


def sklearn_nmf(X):
    from sklearn.decomposition import NMF

    make = NMF(20, init="nndsvda", max_iter=50, tol=0, random_state=seed())
    seconds, model = timed(lambda: make.fit(X))
    return seconds, model.reconstruction_err_


def _map_quality(units, X):
    """Return the quantisation error and the topographic error of a square map, added up."""
    side = round(len(units) ** 0.5)
    judge = ist.SOM(side, max_iter=1, init="random", random_state=0).fit(X[:2000])
    judge.codebook_ = np.ascontiguousarray(units, dtype=np.float32)
    return judge.quantization_error(X) + judge.topographic_error(X)


def ours_som(side, n, passes):
    def job(X):
        X = X[np.random.default_rng(seed()).permutation(len(X))[:n]]
        ist.SOM(4, max_iter=2).fit(X[:500])
        make = ist.SOM(side, max_iter=passes, random_state=seed())
        seconds, model = timed(lambda: make.fit(X))
        return seconds / (passes * n), _map_quality(model.codebook_, X)

    return job


def minisom(side, n, passes):
    def job(X):
        from minisom import MiniSom

        X = X[np.random.default_rng(seed()).permutation(len(X))[:n]]
        som = MiniSom(side, side, X.shape[1], random_seed=seed())
        som.pca_weights_init(X)
        seconds, _ = timed(lambda: som.train(X, passes * n, random_order=True))
        return seconds / (passes * n), _map_quality(som.get_weights().reshape(side**2, -1), X)

    return job


def seed():
    return int(os.environ.get("BENCH_SEED", "0"))


def photographs():
    """Return 40 views, 424 x 632, of the two photographs that come with scikit-learn."""
    from sklearn.datasets import load_sample_images

    whole = load_sample_images().images
    return np.stack([image[y : y + 424, x : x + 632] for image in whole for y in (0, 1, 2, 3)
                     for x in (0, 2, 4, 6, 8)])  # fmt: skip


def ours_patches(_):
    images = photographs()
    ist.PCA(24, patch=8).fit(images[:2])
    seconds, model = timed(lambda: ist.PCA(24, patch=8).fit(images))
    return seconds, model.explained_variance_ratio_.sum()


def sklearn_patches(_):
    from sklearn.decomposition import PCA
    from sklearn.feature_extraction.image import extract_patches_2d

    images, each = photographs(), (424 // 8) * (632 // 8)

    def fitted(some):
        cut = [extract_patches_2d(x, (8, 8), max_patches=each, random_state=seed()) for x in some]
        return PCA(24).fit(np.concatenate(cut).reshape(-1, 192) / np.float32(255))

    fitted(images[:2])
    seconds, model = timed(lambda: fitted(images))
    return seconds, model.explained_variance_ratio_.sum()


JOBS = {
    "ours-kmeans": ours_kmeans,
    "ours-kmeans-100": ours_kmeans_100,
    "sklearn-kmeans": sklearn_kmeans,
    "faiss-kmeans-100": faiss_kmeans_100,
    **{f"ours-pca-{k}": ours_pca(k) for k in (10, 50, 500)},
    **{f"sklearn-pca-{k}": sklearn_pca(k) for k in (10, 50, 500)},
    **{f"ours-pca-{k}-uint8": ours_pca(k, as_uint8) for k in (10, 50, 500)},
    **{f"sklearn-pca-{k}-uint8": sklearn_pca(k, as_uint8) for k in (10, 50, 500)},
    "ours-patches": ours_patches,
    "sklearn-patches": sklearn_patches,
    "ours-incremental-pca": ours_incremental_pca,
    "sklearn-incremental-pca": sklearn_incremental_pca,
    "ours-autoencoder": ours_autoencoder,
    "keras-jax-autoencoder": keras_autoencoder,
    "keras-torch-autoencoder": keras_autoencoder,
    "torch-autoencoder": torch_autoencoder,
    "ours-nmf": ours_nmf,
    "sklearn-nmf": sklearn_nmf,
    "ours-som-10": ours_som(10, 60_000, 1),
    "minisom-10": minisom(10, 60_000, 1),
    "ours-som-30": ours_som(30, 60_000, 3),
    "minisom-30": minisom(30, 6_000, 1),
    "ours-som-30-equal": ours_som(30, 6_000, 5),
    "minisom-30-equal": minisom(30, 6_000, 5),
    "ours-vae": ours_vae,
    "pythae-vae": pythae_vae,
    "ours-conv-vae": ours_conv_vae,
    "pythae-conv-vae": pythae_conv_vae,
    "ours-burgess": ours_burgess,
    "torch-burgess": torch_burgess,
    "ours-pixelnet": ours_pixelnet,
    "torch-pixelnet": torch_pixelnet,
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    seconds, quality = JOBS[sys.argv[1]](mnist())
    print(json.dumps({"seconds": float(seconds), "quality": float(quality)}))
