"""Layouts of codes, and places of new ones, against projections and neighbours."""

import math
import sys

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness
from sklearn.neighbors import KNeighborsClassifier

import isthmus as ist
from isthmus.latent.projections import components


@pytest.fixture(scope="module")
def pca(images):
    return ist.PCA(16).fit(images.train)


def agreement(found, placed, images, new):
    """Return how often what lies nearest on the map is of the same class."""
    vote = KNeighborsClassifier(5).fit(found.points, images.y)
    return vote.score(placed, new.y)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_principal_components_are_those_of_scikit_learn(pca, images, dimensions):
    found = ist.Map.of(pca, images.train, "pca", dimensions)
    theirs = PCA(dimensions, svd_solver="full").fit(pca.encode(images.train))
    np.testing.assert_allclose(
        np.abs(found.points), np.abs(theirs.transform(pca.encode(images.train))), atol=1e-3
    )
    placed = found.place(pca, images.test)
    np.testing.assert_allclose(
        np.abs(placed), np.abs(theirs.transform(pca.encode(images.test))), atol=1e-3
    )
    np.testing.assert_allclose(found.place(pca, images.train), found.points, atol=1e-4)


def test_components_of_wide_codes_are_orthonormal_and_few():
    codes = np.random.default_rng(0).normal(size=(5, 30))
    mean, axes = components(codes, 6)
    np.testing.assert_allclose(axes[:4] @ axes[:4].T, np.eye(4), atol=1e-9)
    assert not axes[4:].any()  # five codes span four axes around their mean
    centred = codes - mean
    np.testing.assert_allclose(centred @ axes.T @ axes, centred, atol=1e-9)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_t_sne_places_new_images_among_their_like(pca, images, dimensions):
    few, new = images.train[:400], images.test[:60]
    found = ist.Map.of(pca, few, "tsne", dimensions)
    assert found.points.shape == (400, dimensions)
    placed = found.place(pca, new)
    assert placed.shape == (60, dimensions)
    assert agreement(found, placed, few, new) > 0.8


def test_without_open_tsne_scikit_learn_lays_out_and_neighbors_place(pca, images, monkeypatch):
    monkeypatch.setitem(sys.modules, "openTSNE", None)
    few, new = images.train[:300], images.test[:60]
    found = ist.Map.of(pca, few, "tsne")
    assert trustworthiness(found.codes, found.points) > 0.95
    placed = found.place(pca, new)
    assert agreement(found, placed, few, new) > 0.8
    apart = found.place(pca, few[:30]) - found.points[:30]
    assert np.abs(apart).max() < 0.02 * np.ptp(found.points)


def test_what_was_laid_out_is_placed_where_it_is(pca, images):
    few = images.train[:300]
    found = ist.Map.of(pca, few, "tsne")
    again = found.place(pca, few[:30])
    span = np.ptp(found.points, axis=0).max()
    apart = np.linalg.norm(again - found.points[:30], axis=1) / span
    assert np.median(apart) < 0.02


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_a_map_from_a_file_places_as_the_one_that_was_saved(pca, images, tmp_path, method):
    found = ist.Map.of(pca, images.train[:150], method, random_state=3)
    found.save(tmp_path / "map.npz")
    loaded = ist.Map.load(tmp_path / "map.npz")
    for name in ("points", "codes", "mean", "axes", "y"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(found, name))
    assert (loaded.method, loaded.classes, loaded.random_state) == (method, images.classes, 3)
    np.testing.assert_array_equal(
        loaded.place(pca, images.test[:20]), found.place(pca, images.test[:20])
    )
    with np.load(tmp_path / "map.npz", allow_pickle=False) as file:
        assert all(file[name].dtype != object for name in file.files)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_umap_places_by_its_own_transform(pca, images, tmp_path, dimensions):
    umap = pytest.importorskip("umap", reason="umap-learn, an optional extra, is not installed")
    few, new = images.train[:300], images.test[:40]
    found = ist.Map.of(pca, few, "umap", dimensions)
    assert found.method == "umap"
    fresh = umap.UMAP(
        n_components=dimensions, n_neighbors=15, random_state=0, n_jobs=1
    ).fit(found.codes.astype(np.float32))  # fmt: skip
    np.testing.assert_allclose(found.points, fresh.embedding_, atol=1e-4)
    placed = found.place(pca, new)
    np.testing.assert_allclose(placed, fresh.transform(pca.encode(new)), atol=1e-3)
    found.save(tmp_path / "map.npz")
    np.testing.assert_array_equal(ist.Map.load(tmp_path / "map.npz").place(pca, new), placed)
    assert agreement(found, placed, few, new) > 0.8


def test_without_umap_one_error_says_what_to_install(pca, images, monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ImportError, match=r"pip install 'isthmus\[umap\]', or use"):
        ist.Map.of(pca, images.test, "umap")


@pytest.mark.parametrize("topology", ["rectangular", "hexagonal"])
def test_the_grid_of_a_map_is_its_layout(images, topology):
    few = images.train[:300]
    som = ist.SOM((4, 5), topology=topology, max_iter=3, random_state=0).fit(few)
    found = ist.Map.of(som, few)  # auto
    assert found.method == "grid"
    row, column = som.locate(few).T
    hexagonal = topology == "hexagonal"
    height = math.sqrt(0.75) if hexagonal else 1.0
    centres = np.column_stack([column + 0.5 * hexagonal * (row % 2), -row * height])
    assert np.linalg.norm(found.points - centres, axis=1).max() < 0.5
    assert len(np.unique(found.points.round(5), axis=0)) == 300  # no two at one place
    new = som.locate(images.test[:9])
    placed = found.place(som, images.test[:9])
    assert np.abs(placed[:, 1] + new[:, 0] * height).max() < 0.5


def test_narrow_codes_are_laid_out_as_they_are(images):
    two = ist.PCA(2).fit(images.train)
    found = ist.Map.of(two, images.train)
    assert found.method == "as is"
    np.testing.assert_array_equal(found.points, two.encode(images.train))
    np.testing.assert_array_equal(found.place(two, images.test), two.encode(images.test))
    one = ist.PCA(1).fit(images.train)
    placed = ist.Map.of(one, images.train).place(one, images.test)
    np.testing.assert_array_equal(placed[:, :1], one.encode(images.test))


def test_a_codebook_is_laid_out_by_distances(images):
    model = ist.KMeans(20, random_state=0).fit(images.train)
    found = ist.Map.of(model, images.test[:80], "pca")
    assert found.codes.shape == (80, 2)
    assert found.mean.shape == (20,)
    np.testing.assert_allclose(found.place(model, images.test[:80]), found.points, atol=1e-4)


def test_labels_are_kept(pca, images):
    found = ist.Map.of(pca, images.test[:60], "pca")
    np.testing.assert_array_equal(found.y, images.test.y[:60])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda m, x: ist.Map.of(m, x, "isomap"), "'umap'"),
        (lambda m, x: ist.Map.of(m, x, dimensions=4), "dimensions=4 must be 2"),
        (lambda m, x: ist.Map.of(m, x, "grid"), "PCA has no grid"),
        (lambda m, x: ist.Map.of(ist.PCA(2).fit(x), x, dimensions=3), "use dimensions=2"),
        (lambda m, x: ist.Map.of(m, x).place(ist.PCA(3).fit(x), x), "codes of 16 numbers"),
        (lambda m, x: ist.Map.of(m, x).save("map.txt"), "must end in .npz"),
    ],
)
def test_bad_input(pca, images, wrong, words):
    with pytest.raises(ValueError, match=words):
        wrong(pca, images.test[:40])


def test_bad_files(tmp_path):
    with pytest.raises(FileNotFoundError):
        ist.Map.load(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("no map")
    np.savez(tmp_path / "other.npz", points=np.zeros((3, 2)))
    for name in ("text.npz", "other.npz"):
        with pytest.raises(ValueError, match="not a map"):
            ist.Map.load(tmp_path / name)
