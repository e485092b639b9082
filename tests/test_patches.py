"""Models of patches: closed forms, images of any size, one contract for all families."""

import numpy as np
import pytest
import sklearn.cluster
import sklearn.decomposition
from PIL import Image

import isthmus as ist
from isthmus.data import patches
from isthmus.data.images import CHUNK_BYTES
from isthmus.data.ondisk import OnDisk
from isthmus.data.patches import Cut, Lattice, cut
from isthmus.fitted.fingerprints import fingerprint
from isthmus.fitted.heldout import judged
from isthmus.latent.codes import features, remade, vectors
from isthmus.models import patchwise

SMALL = {
    "KMeans": {"n_clusters": 5},
    "SOM": {"grid": (3, 2), "max_iter": 3},
    "PCA": {"n_components": 4},
    "NMF": {"n_components": 4, "max_iter": 20},
    "Autoencoder": {"latent_dim": 4, "hidden": (8,), "max_steps": 5},
    "VAE": {"latent_dim": 4, "hidden": (8,), "max_steps": 5},
}


def drawn(*shape, dtype=np.uint8, seed=0):
    """Return random images that are smooth enough to be learnt."""
    rng = np.random.default_rng(seed)
    rough = rng.random((shape[0], -(-shape[1] // 4), -(-shape[2] // 4), *shape[3:]))
    smooth = rough.repeat(4, 1).repeat(4, 2)[:, : shape[1], : shape[2]]
    smooth = 0.8 * smooth + 0.2 * rng.random(shape)
    return (
        (smooth * np.iinfo(dtype).max).astype(dtype)
        if dtype != np.float32
        else smooth.astype(dtype)
    )


def by_hand(image, patch, stride):
    """Return the patches of one image (h, w, c), row by row, its edge repeated."""
    rows, columns = (max(0, -((patch - side) // stride)) + 1 for side in image.shape[:2])
    ends = [(0, (n - 1) * stride + patch) for n in (rows, columns)]
    more = [(0, max(0, end - side)) for (_, end), side in zip(ends, image.shape, strict=False)]
    whole = np.pad(image, [*more, (0, 0)], "edge")
    starts = [(y * stride, x * stride) for y in range(rows) for x in range(columns)]
    return np.stack([whole[y : y + patch, x : x + patch] for y, x in starts])


def mean_by_hand(parts, size, patch, stride):
    """Return the image in which every pixel is the mean of the patches that it is in."""
    columns = max(0, -((patch - size[1]) // stride)) + 1
    seen = [[[] for _ in range(size[1])] for _ in range(size[0])]
    for i, part in enumerate(parts):
        y, x = stride * (i // columns), stride * (i % columns)
        for dy, dx in np.ndindex(patch, patch):
            if y + dy < size[0] and x + dx < size[1]:
                seen[y + dy][x + dx].append(part[dy, dx])
    return np.array([[np.mean(each, 0) for each in row] for row in seen])


@pytest.mark.parametrize("size", [(8, 8), (16, 24), (9, 13), (3, 20), (1, 1)])
@pytest.mark.parametrize(("patch", "stride"), [(8, 8), (5, 2), (1, 1), (3, 3)])
def test_patches_are_cut_and_laid_as_by_hand(size, patch, stride):
    images, lattice = ist.Images(drawn(3, *size, 2)), Lattice(size, patch, stride)
    found = cut(images, lattice)
    known = [by_hand(image, patch, stride) for image in np.asarray(images)]
    np.testing.assert_array_equal(found, np.concatenate(known))
    rows = np.random.default_rng(0).permutation(len(found))[:7]
    np.testing.assert_array_equal(found[rows], np.concatenate(known)[rows])
    noise = np.random.default_rng(1).normal(size=found.shape)
    parts = noise.reshape(3, -1, *noise.shape[1:])
    laid = [mean_by_hand(each, size, patch, stride) for each in parts]
    np.testing.assert_allclose(lattice.laid(noise), laid, atol=1e-12)


@pytest.mark.parametrize("most", [2**26, 1000])
def test_images_in_a_file_are_read_as_patches_are_asked_for(most, monkeypatch, tmp_path):
    monkeypatch.setattr(patches, "BLOCK_BYTES", most)
    X, read = drawn(6, 16, 16, 3), []
    data = OnDisk(X.shape, X.dtype, lambda i, j: read.append(j - i) or X[i:j], (str(tmp_path),))
    found, lattice = ist.Images(data), Lattice((16, 16), 4, 4)
    known = np.asarray(cut(ist.Images(X), lattice))
    parts = cut(found, lattice)
    np.testing.assert_array_equal(parts[:20], known[:20])
    assert sum(read) == (2 if most > 1000 else 6)
    some = np.random.default_rng(0).permutation(len(known))
    np.testing.assert_array_equal(parts[some], known[some])
    model = ist.PCA(3, patch=4).fit(found)
    np.testing.assert_array_equal(model.components_, ist.PCA(3, patch=4).fit(X).components_)


def test_pca_of_patches_is_that_of_the_table_of_patches():
    X = drawn(12, 40, 24, 3)
    table = np.concatenate([by_hand(image, 8, 8) for image in X]).reshape(-1, 192) / 255
    ours = ist.PCA(24, patch=8).fit(X)
    theirs = sklearn.decomposition.PCA(24, svd_solver="full").fit(table)
    signs = np.sign((ours.components_ * theirs.components_).sum(1))
    np.testing.assert_allclose(ours.mean_, theirs.mean_, atol=1e-6)
    np.testing.assert_allclose(ours.explained_variance_, theirs.explained_variance_, rtol=1e-4)
    codes = ours.encode(X)
    assert codes.shape == (12, 5, 3, 24)
    known = theirs.transform(table) * signs
    np.testing.assert_allclose(codes.reshape(-1, 24), known, atol=2e-4)
    back = theirs.inverse_transform(theirs.transform(table)).reshape(-1, 8, 8, 3)
    laid = np.stack([mean_by_hand(part, (40, 24), 8, 8) for part in np.split(back, 12)])
    np.testing.assert_allclose(ours.decode(codes), laid, atol=1e-4)
    assert ours.score(X) == pytest.approx(-((laid - X / 255) ** 2).mean(), rel=1e-3)


@pytest.mark.parametrize("stride", [None, 3, 1])
def test_as_many_components_as_numbers_lose_nothing(stride):
    X = drawn(6, 21, 18, 2)
    model = ist.PCA(32, patch=4, stride=stride).fit(X)
    np.testing.assert_allclose(model.decode(model.encode(X)), X / 255, atol=1e-5)
    other = drawn(2, 5, 31, 2, seed=1)
    np.testing.assert_allclose(remade(model, other), other / 255, atol=1e-5)


def test_overlapping_patches_are_averaged():
    X = drawn(4, 17, 14, 1)
    model = ist.PCA(3, patch=6, stride=4).fit(X)
    parts = model.twin("decode")(model.twin("encode")(cut_all(X, 6, 4))).numpy()
    parts = np.split(parts.reshape(-1, 6, 6, 1), 4)
    laid = np.stack([mean_by_hand(part, (17, 14), 6, 4) for part in parts])
    np.testing.assert_allclose(remade(model, X), laid, atol=1e-5)
    assert model.score(X) == pytest.approx(-((laid - X / 255) ** 2).mean(), rel=1e-4)


def cut_all(X, patch, stride):
    """Return all patches of images as the private twins take them."""
    import torch

    return torch.from_numpy(np.concatenate([by_hand(image, patch, stride) for image in X]))


def test_kmeans_of_patches_of_one_pixel_is_that_of_pixels():
    X = drawn(2, 15, 11, 6)
    pixels = ist.Images(X).pixels()
    start = np.asarray(pixels)[:4] / 255
    ours = ist.KMeans(4, patch=1, init=start, tol=0).fit(X)
    theirs = sklearn.cluster.KMeans(4, init=start, n_init=1, tol=0).fit(np.asarray(pixels) / 255)
    np.testing.assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, atol=1e-5)
    np.testing.assert_array_equal(ours.encode(X).ravel(), theirs.labels_)
    of_pixels = ist.KMeans(4, init=start, tol=0).fit(pixels)
    for model in (ours, of_pixels):
        np.testing.assert_array_equal(
            ist.segment(model, X).label_maps.ravel(), theirs.labels_, err_msg=str(model)
        )


def test_pixels_without_data_are_told_in_segments_by_patches_of_one_pixel():
    X = drawn(1, 9, 8, 3, dtype=np.float32)
    model = ist.KMeans(3, patch=1, random_state=0).fit(X)
    known = model.encode(X)
    X[0, 2, 3, 1] = np.nan
    found = ist.segment(model, X).label_maps
    assert found[0, 2, 3] == -1
    X[0, 2, 3] = 0
    assert (found == known).sum() == known.size - 1


@pytest.mark.parametrize("family", SMALL)
def test_every_family_codes_images_of_any_size(family, tmp_path):
    X = drawn(5, 18, 13, 3)
    model = getattr(ist, family)(**SMALL[family], patch=4, random_state=0).fit(X)
    depth = (4,) if model.code_kind_ == "grid" else ()
    assert model.code_shape_ == (None, None, *depth)
    codes = model.encode(X)
    assert codes.shape == (5, 5, 4, *depth) == (5, *model.code_shape_of(X.shape[1:]))
    assert model.decode(codes).shape == X.shape
    other = drawn(2, 30, 7, 3, seed=1)
    assert model.decode(model.encode(other)).shape == (2, 32, 8, 3)  # all that patches cover
    assert remade(model, other).shape == other.shape
    assert model.decode(model.encode(other), size=(30, 7)).shape == other.shape
    assert model.encode(other[:0]).shape == (0, 8, 2, *depth)
    assert model.transform(X).shape == (5, model.code_width_)
    assert model.get_feature_names_out().shape == (model.code_width_,)
    assert [model.can(verb) for verb in ("encode", "decode", "sample")] == [True, True, False]
    model.save(tmp_path / "a.safetensors")
    again = ist.load_model(tmp_path / "a.safetensors")
    np.testing.assert_array_equal(again.encode(other), model.encode(other))
    np.testing.assert_array_equal(again.decode(codes), model.decode(codes))
    same = getattr(ist, family)(**SMALL[family], patch=4, random_state=0).fit(X)
    np.testing.assert_array_equal(same.encode(X), codes)
    assert fingerprint(same) == fingerprint(again)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("shape", [(30, 8, 8), (3, 20, 9, 6), (1, 33, 40, 2)])
def test_greys_bands_and_deep_values(dtype, shape):
    X = drawn(*shape, dtype=dtype)
    model = ist.PCA(9, patch=3).fit(X)
    back = model.decode(model.encode(X))
    assert back.shape == X.shape
    known = ist.PCA(9, patch=3).fit(X.reshape(*shape, 1) if len(shape) == 3 else X)
    np.testing.assert_allclose(known.explained_variance_, model.explained_variance_)
    if len(shape) == 3:  # as many components as a patch has numbers
        unit = X / np.iinfo(dtype).max if dtype != np.float32 else X
        np.testing.assert_allclose(back, unit, atol=1e-4)


def test_codes_of_an_image_are_pooled_in_one_way():
    X = drawn(6, 12, 12, 1)
    pca = ist.PCA(3, patch=4).fit(X)
    codes = pca.encode(X).reshape(6, -1, 3)
    pooled = np.concatenate([codes.mean(1), codes.std(1)], 1)
    index = ist.KMeans(4, patch=4, random_state=0).fit(X)
    counts = [np.bincount(grid.ravel(), minlength=4) / 9 for grid in index.encode(X)]
    for model, known in ((pca, pooled), (index, counts)):
        for found in (
            model.transform(X),
            model.pooled(model.encode(X)),
            features(model, ist.Images(X)),
            vectors(model, ist.Images(X)),
        ):
            np.testing.assert_allclose(found, known, atol=1e-6)


def test_images_of_several_sizes_are_learnt_from():
    several = [drawn(1, h, w, 3, seed=h)[0] for h, w in ((20, 17), (9, 30), (31, 31), (3, 3))]
    table = np.concatenate([by_hand(image, 4, 4) for image in several])
    ours, known = ist.PCA(5, patch=4).fit(several), ist.PCA(5, patch=4).fit(table)
    np.testing.assert_allclose(ours.components_, known.components_, atol=1e-5)
    assert judged(known, ist.Images(table)).seen == len(table)
    assert judged(ours, ist.Images(several[0][None])).seen is None
    vae = ist.VAE(2, patch=4, hidden=(8,), max_steps=5).fit(several)
    assert vae.encode(several[0][None]).shape == (1, 5, 5, 2)


def test_chance_chooses_where_there_are_too_many(monkeypatch):
    monkeypatch.setattr(patchwise, "MOST", 40)
    X = drawn(4, 40, 40, 1)
    fitted = [ist.PCA(3, patch=4, random_state=seed).fit(X) for seed in (0, 0, 1)]
    one, same, other = (model.components_ for model in fitted)
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 1e-3
    assert len(ist.KMeans(3, patch=4, random_state=0).fit(X).labels_) == 40


@pytest.mark.parametrize("family", ["PCA", "KMeans", "Autoencoder"])
def test_no_more_patches_than_a_chunk_are_cut_at_once(family, monkeypatch):
    sizes, gathered = [], patches._gathered

    def noted(*given):
        found = gathered(*given)
        sizes.append(4 * found.size)
        return found

    monkeypatch.setattr(patches, "_gathered", noted)
    X = drawn(2, 448, 448, 3)
    model = getattr(ist, family)(**SMALL[family], patch=4, stride=2, random_state=0)
    if family != "PCA":
        model.set_params(**{"KMeans": {"max_iter": 2}}.get(family, {"max_steps": 60}))
    model.fit(X)
    assert len(sizes) > 1
    assert max(sizes) <= CHUNK_BYTES


def test_what_was_learnt_from_is_known():
    X = ist.Images(drawn(10, 12, 12, 1))
    model = ist.PCA(3, patch=4).fit(X[:6])
    assert judged(model, X).seen == 6
    assert isinstance(model._check(X, reset=False).data, Cut)


def test_a_fit_of_whole_images_forgets_patches():
    X = drawn(10, 12, 12, 1)
    model = ist.PCA(3, patch=4).fit(X).set_params(patch=None).fit(X)
    assert (model.encode(X).shape, model.decode(model.encode(X)).shape) == ((10, 3), X.shape)
    assert not hasattr(model, "lattice_")
    apart = [ist.PCA(3, patch=4, stride=s).fit(X[:, :4, :4]) for s in (4, 2)]
    assert fingerprint(apart[0]) != fingerprint(apart[1])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"patch": 0}, "patch=0 must be a whole number of pixels, at least 1"),
        ({"patch": 2.5}, "patch=2.5 must be a whole number"),
        ({"patch": True}, "patch=True must be a whole number"),
        ({"patch": 4, "stride": 0}, "stride=0 must be a whole number"),
        ({"patch": 4, "stride": 5}, "stride=5 leaves pixels between patches of 4x4"),
        ({"stride": 2}, "stride=2 is of patches: give patch="),
    ],
)
def test_bad_patches_are_refused_in_one_line(given, words):
    with pytest.raises(ValueError, match=words) as error:
        ist.PCA(2, **given).fit(drawn(4, 8, 8, 1))
    assert "\n" not in str(error.value)


def test_what_models_of_patches_cannot_is_said_in_one_line():
    X = ist.Images(drawn(10, 12, 12, 1))
    pca, kmeans = ist.PCA(3, patch=4).fit(X), ist.KMeans(3, patch=4, random_state=0).fit(X)
    vae = ist.VAE(2, patch=4, hidden=(8,), max_steps=2).fit(X)
    for verb, words in (
        (lambda: ist.PCA(2, patch=4).fit(np.zeros((5, 64))), "needs images .* got vectors"),
        (lambda: pca.encode(drawn(2, 12, 12, 3)), "any height and width will do, with 1 chan"),
        (lambda: pca.decode(np.zeros((2, 3))), r"3 numbers a patch of 4x4, \(n, rows, columns, k"),
        (lambda: pca.decode(np.zeros((2, 3, 3, 4))), "3 numbers a patch of 4x4"),
        (lambda: pca.decode(np.zeros((2, 3, 3, 3)), size=(13, 12)), "4x3 patches, .* of 3x3"),
        (lambda: ist.PCA(3).fit(X).decode(np.zeros((2, 3)), size=(9, 9)), "without patch="),
        (lambda: kmeans.decode(np.zeros((2, 3, 3))), "indices"),
        (lambda: kmeans.decode(np.full((2, 3, 3), 3)), "indices 0 to 2"),
        (lambda: ist.morph(pca, X[0], X[1]), "no way between them"),
        (lambda: ist.generate(pca, 2), "which lie side by side"),
        (lambda: ist.generate(kmeans, 2, X), "which lie side by side"),
        (lambda: vae.elbo(X), "no likelihood of images"),
        (lambda: ist.export(pca, "a.onnx"), "one of whole images to export"),
        (lambda: ist.finetune(vae, X), "grids of codes"),
        (lambda: ist.PCA(2, patch=20).fit(X[:1]), "at least 2 patches, got 1"),
    ):
        with pytest.raises(ValueError, match=words) as error:
            verb()
        assert "\n" not in str(error.value)
    with pytest.raises(AttributeError) as missing:
        pca.sample(2)
    assert "draws no images" in str(missing.value.__cause__)


@pytest.mark.parametrize(("family", "how"), [
    ("PCA", {}), ("PCA", {"rate": 20.0}), ("PCA", {"lossless": True}),
    ("KMeans", {}), ("KMeans", {"lossless": True}),
])  # fmt: skip
def test_grids_of_patches_are_compressed(family, how, tmp_path):
    X = drawn(9, 19, 14, 3)
    model = getattr(ist, family)(**SMALL[family], patch=4, random_state=0).fit(X)
    some = drawn(7, 22, 30, 3, seed=3)
    found = ist.compress(model, some, tmp_path / "a.isth", **how)
    back = ist.decompress(tmp_path / "a.isth", model)
    if how.get("lossless"):
        np.testing.assert_array_equal(back, some)
    else:
        error = np.mean((np.asarray(back) - some / 255) ** 2)
        assert found.psnr == pytest.approx(-10 * np.log10(error), abs=1e-3)


@pytest.mark.parametrize("family", ["PCA", "KMeans", "SOM"])
def test_verbs_of_vectors_use_pooled_grids(family):
    digits = ist.load_images("digits")
    model = getattr(ist, family)(**SMALL[family], patch=3, random_state=0).fit(digits.train)
    some = digits.test[:80]
    assert ist.probe(model, digits, 300, kinds=["linear"]).accuracies["linear"].accuracy > 0.3
    assert ist.cluster(model, some, random_state=0).scores["accuracy"] > 0.2
    assert ist.Map.of(model, some, method="pca").points.shape == (80, 2)
    assert ist.nearest(model, some[:5], some, k=2).rows.shape == (5, 2)
    for by in ("error", "distance", "neighbours"):
        assert np.ptp(ist.novelty(model, some, by=by).scores) > 0
    with pytest.raises(ValueError, match="no grid"):
        ist.Map.of(ist.PCA(2, patch=3).fit(some), some, method="grid")


def test_photographs_of_several_sizes_by_the_command_line(run, tmp_path):
    sizes = ((40, 31), (25, 60), (33, 33))
    for i, size in enumerate(sizes):
        Image.fromarray(drawn(1, *size, 3, seed=i)[0]).save(tmp_path / f"{i}.png")
    to, back = tmp_path / "model.safetensors", tmp_path / "back"
    given = [str(tmp_path / f"{i}.png") for i in range(3)]
    code, _, err = run("fit", "pca", *given, "--patch", 8, "--n-components", 192, "-o", to)
    assert code == 0, err
    model = ist.load_model(to)
    assert (model.code_kind_, model.image_shape_) == ("grid", (8, 8, 3))
    code, _, err = run("reconstruct", to, *given, "-o", back)
    assert code == 0, err
    for i, size in enumerate(sizes):
        (found,) = back.glob(f"*{i}.png")
        with Image.open(found) as image:
            assert image.size == size[::-1]
            np.testing.assert_allclose(np.asarray(image), drawn(1, *size, 3, seed=i)[0], atol=1)
    for wrong in (0, -3):
        code, _, err = run("fit", "pca", *given, "--patch", wrong, "-o", to, "--force")
        assert code == 2
        assert f"patch={wrong} must be a whole number" in err
