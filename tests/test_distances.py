"""Distances far from the origin, where written-out squares cancel, against float64."""

import numpy as np
import pytest
import torch

import isthmus as ist
from isthmus.tensors import squared_distances

OFFSETS = [0, 3e3, 1e5, 1e6]


def groups(offset, dtype=np.float32, k=4, n=25, d=12):
    """Images around k middles, each 1 from the others, at an offset of all values."""
    rng = np.random.default_rng(0)
    middles = np.eye(k, d) * np.sqrt(0.5)
    X = middles.repeat(n, axis=0) + 0.01 * rng.standard_normal((k * n, d))
    return (X + offset).astype(dtype), np.arange(k).repeat(n)


def two_places(dtype=np.float32):
    """The same groups near the origin and far from it: no one origin suits all."""
    near, y = groups(0, dtype)
    far, _ = groups(3e3, dtype)
    return np.concatenate([near, far]), np.concatenate([y, y + 4])


def exact(x, c):
    x, c = np.asarray(x, dtype=np.float64), np.asarray(c, dtype=np.float64)
    return np.sqrt(((x[:, None] - c) ** 2).sum(2))


SETS = [*((f"offset {offset:g}", groups(offset)) for offset in OFFSETS), ("two", two_places())]
sets = pytest.mark.parametrize(("X", "y"), [given for _, given in SETS], ids=[n for n, _ in SETS])


@sets
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_squares_are_those_of_the_differences(X, y, dtype):
    x = torch.from_numpy(X).to(dtype)
    c = x[::7]
    found = squared_distances(x, c)
    np.testing.assert_allclose(found, exact(x, c) ** 2, rtol=2e-3)
    assert float(found.diagonal(dim1=0, dim2=1)[0]) == 0  # of a row to itself
    np.testing.assert_allclose(found, squared_distances(x, c, (x * x).sum(1)), rtol=2e-3)


@pytest.mark.parametrize(
    ("value", "dtype"), [(1e30, np.float32), (1e38, np.float32), (1e200, np.float64)]
)
def test_squares_beyond_the_type_are_refused(value, dtype):
    x = torch.from_numpy(np.array([[value, 0], [0, value]], dtype))
    with pytest.raises(ValueError, match="too large: sums of them or of their squares overflow"):
        squared_distances(x, x)
    with pytest.raises(ValueError, match="too large"):
        squared_distances(x[:1], 0 * x[:1])
    assert squared_distances(x[:0], 0 * x[:1]).shape == (0, 1)


@pytest.mark.parametrize("offset", OFFSETS)
def test_exported_distances_hold_too(offset, monkeypatch):
    """An exported model looks at no values, so it always takes both about the mean of the rows."""
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    x = torch.from_numpy(groups(offset)[0])
    found = squared_distances(x, x[::7])
    np.testing.assert_allclose(found, exact(x, x[::7]) ** 2, rtol=2e-3, atol=1e-6)


def same_groups(labels, y):
    """Whether two clusterings are one and the same but for the names."""
    return len(set(zip(labels, y, strict=True))) == len(set(labels)) == len(set(y))


@sets
@pytest.mark.parametrize("init", ["k-means++", "given"])
def test_kmeans(X, y, init):
    k = y.max() + 1
    start = X[np.unique(y, return_index=True)[1]] if init == "given" else init
    model = ist.KMeans(k, init=start, n_init=10, random_state=0).fit(X)
    distances = exact(X, model.cluster_centers_)
    assert same_groups(model.labels_, y)
    np.testing.assert_array_equal(model.labels_, distances.argmin(1))
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    np.testing.assert_allclose(model.transform(X), distances, rtol=2e-3)
    assert model.inertia_ == pytest.approx((distances.min(1) ** 2).sum(), rel=2e-3)
    means = [X[model.labels_ == i].mean(0, dtype=np.float64) for i in range(k)]
    np.testing.assert_allclose(model.cluster_centers_, means, rtol=2e-7, atol=1e-6)


@sets
@pytest.mark.parametrize("rule", ["batch", "online"])
def test_som(X, y, rule):
    grid = (1, 2 * int(y.max() + 1))
    model = ist.SOM(grid, rule=rule, max_iter=20, random_state=0).fit(X)
    distances = exact(X, model.codebook_)
    nearest = distances.argmin(1)
    np.testing.assert_array_equal(model.encode(X), nearest)
    np.testing.assert_array_equal(model.counts_, np.bincount(nearest, minlength=grid[1]))
    np.testing.assert_allclose(model.transform(X), distances, rtol=2e-3)
    assert model.quantization_error(X) == pytest.approx(distances.min(1).mean(), rel=1e-3)
    assert model.quantization_error_ == pytest.approx(distances.min(1).mean(), rel=1e-3)
    apart = exact(model.codebook_, model.codebook_)
    beside = [
        apart[i, [j for j in (i - 1, i + 1) if 0 <= j < grid[1]]].mean() for i in range(grid[1])
    ]
    np.testing.assert_allclose(model.u_matrix()[0], beside, rtol=2e-3, atol=1e-6)
    # as well as in float64, and every group has units of its own
    wide = ist.SOM(grid, rule=rule, max_iter=20, random_state=0).fit(X.astype(np.float64))
    assert model.quantization_error_ < 1.1 * wide.quantization_error_


@pytest.mark.parametrize("value", [1e30, 1e38])
@pytest.mark.parametrize(
    "model",
    [
        ist.KMeans(3, random_state=0),
        ist.KMeans(3, init="random", random_state=0),
        ist.SOM(2, random_state=0),
        ist.SOM(2, init="random", rule="online", random_state=0),
    ],
    ids=["kmeans", "kmeans-random", "som", "som-online"],
)
def test_huge_values_are_right_or_refused(model, value):
    X = (np.random.default_rng(0).random((30, 6)) * value).astype(np.float32)
    with pytest.raises(ValueError, match="values are too large"):
        model.fit(X)
    wide = model.fit(X.astype(np.float64))
    distances = exact(X, wide.codebook_)
    np.testing.assert_array_equal(wide.encode(X.astype(np.float64)), distances.argmin(1))
    np.testing.assert_allclose(wide.transform(X.astype(np.float64)), distances, rtol=1e-6)
    small = model.fit(X / np.float32(value))
    for verb in (small.encode, small.transform):
        with pytest.raises(ValueError, match="values are too large"):
            verb(X)
