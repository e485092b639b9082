"""What a model may be given, and under what: one rule for all types, the same numbers always."""

import contextlib

import numpy as np
import pytest
import torch
from sklearn.pipeline import make_pipeline
from sklearn.utils._set_output import ADAPTERS_MANAGER

import isthmus as ist
from isthmus.data.values import as_values
from isthmus.families import FAMILIES, family
from isthmus.latent.codes import features, vectors

TINY = {
    "kmeans": {"n_clusters": 4},
    "pca": {"n_components": 3},
    "nmf": {"n_components": 3, "max_iter": 5},
    "som": {"grid": (2, 2), "max_iter": 3},
    "autoencoder": {"latent_dim": 3, "hidden": (8,), "epochs": 1},
    "vae": {"latent_dim": 3, "hidden": (8,), "epochs": 1},
    "gan": {"latent_dim": 3, "generator": (8,), "discriminator": (8,), "epochs": 1}
    | {"encoder_epochs": 1},
    "classifier": {"n_features": 3, "hidden": (8,), "epochs": 1},
    "pixelnet": {"n_attributes": 3, "channels": 2, "epochs": 1, "batch_size": 32},
}
PIXELS = np.random.default_rng(0).integers(0, 256, (40, 6, 5), dtype=np.uint8)
LABELS = np.arange(40) % 2


def made(name, **parameters):
    return family(name)(random_state=0, **TINY[name] | parameters)


@pytest.fixture(scope="module", params=list(FAMILIES))
def model(request):
    return made(request.param).fit(PIXELS, LABELS)


@contextlib.contextmanager
def default_dtype(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


# every kind of images, and the values that are right for it, in words of numpy alone
DEEP = PIXELS.astype(np.uint16) * 257 + 3
WHOLE = PIXELS.astype(np.int64) - 9
FLOAT = (PIXELS / 255).astype(np.float32)
KINDS = {
    "bool": (PIXELS > 127, (PIXELS > 127).astype(np.float32)),
    "uint16": (DEEP, (DEEP / 65535).astype(np.float32)),
    "big-endian uint16": (DEEP.astype(">u2"), (DEEP / 65535).astype(np.float32)),
    "int8": (WHOLE.clip(-128, 127).astype(np.int8), WHOLE.clip(-128, 127).astype(np.float32)),
    "int64": (WHOLE, WHOLE.astype(np.float32)),
    "uint32": (PIXELS.astype(np.uint32), FLOAT),
    "wide int64": (WHOLE * 2**30, (WHOLE * 2**30).astype(np.float64)),
    "float16": (FLOAT.astype(np.float16), FLOAT.astype(np.float16).astype(np.float32)),
    "big-endian": (FLOAT.astype(">f4"), FLOAT),
    "big-endian float64": (FLOAT.astype(">f8"), FLOAT.astype(np.float64)),
    "long double": (FLOAT.astype(np.longdouble), FLOAT.astype(np.float64)),
    "Fortran": (np.asfortranarray(FLOAT), FLOAT),
    "reversed": (PIXELS[::-1, ::-1], FLOAT[::-1, ::-1]),
    "sliced": (PIXELS[:, ::2], FLOAT[:, ::2]),
    "list of pictures": (list(PIXELS), FLOAT),
    "objects that are pictures": (np.array([*PIXELS, None], object)[:-1], FLOAT),
    "list of tensors": ([torch.from_numpy(picture) for picture in PIXELS], FLOAT),
    "uint8 tensor": (torch.from_numpy(PIXELS), FLOAT),
    "bool tensor": (torch.from_numpy(PIXELS > 127), (PIXELS > 127).astype(np.float32)),
    "int64 tensor": (torch.from_numpy(WHOLE), WHOLE.astype(np.float32)),
    "tensor with gradient": (torch.from_numpy(FLOAT).requires_grad_(), FLOAT),
    "bfloat16 tensor": (
        torch.from_numpy(FLOAT).bfloat16(),
        torch.from_numpy(FLOAT).bfloat16().float().numpy(),
    ),
    "float8 tensor": (
        torch.from_numpy(FLOAT).to(torch.float8_e4m3fn),
        torch.from_numpy(FLOAT).to(torch.float8_e4m3fn).float().numpy(),
    ),
    "permuted tensor": (torch.from_numpy(FLOAT).permute(0, 2, 1), FLOAT.transpose(0, 2, 1)),
    "unmasked": (np.ma.masked_array(PIXELS), FLOAT),
}


def as_given(values):
    """Return the values of a model's input: uint8 stands for 0 to 1."""
    return values.astype(np.float32) / np.float32(255) if values.dtype == np.uint8 else values


@pytest.mark.parametrize("kind", KINDS)
def test_one_rule_for_every_type_of_images(kind):
    given, right = KINDS[kind]
    images = ist.Images(given)
    assert images.dtype.isnative
    np.testing.assert_allclose(as_given(np.asarray(images))[..., 0], right, rtol=1e-6)
    pca = ist.PCA(3).fit(given)
    flat = right.reshape(len(right), -1).astype(np.float64)
    spread = np.linalg.svd(flat - flat.mean(0), compute_uv=False)[:3] ** 2 / (len(flat) - 1)
    np.testing.assert_allclose(pca.explained_variance_, spread, rtol=1e-3)
    for other in (ist.Images(given), ist.load_images(right)):
        np.testing.assert_allclose(
            pca.encode(other), pca.encode(given), rtol=1e-3, atol=1e-5 * spread[0] ** 0.5
        )


@pytest.mark.parametrize("kind", ["int64", "uint16", "float16", "reversed", "bfloat16 tensor"])
@pytest.mark.parametrize("name", list(FAMILIES))
def test_every_family_takes_every_type(name, kind):
    given, right = KINDS[kind]
    if name == "nmf":
        given, right = (abs(given), abs(right)) if kind == "int64" else (given, right)
    np.testing.assert_array_equal(
        made(name).fit(given, LABELS).encode(given), made(name).fit(right, LABELS).encode(right)
    )


def test_the_rule_is_that_of_load_images():
    for given in (PIXELS > 127, WHOLE, PIXELS, FLOAT.astype(">f8"), FLOAT.astype(np.float16)):
        loaded, packed = ist.load_images(given), ist.Images(given)
        assert loaded.dtype == packed.dtype
        np.testing.assert_array_equal(loaded, packed)
    # the depth of 16 bits is kept where it can be, and within half a level where bytes are asked
    deep = ist.load_images(DEEP, dtype="float32")
    np.testing.assert_array_equal(deep, ist.Images(DEEP))
    packed = np.asarray(ist.load_images(DEEP)) / 255
    assert np.abs(packed - np.asarray(deep)).max() < 0.5 / 254


def test_integers_in_vectors_are_numbers():
    counts = np.random.default_rng(0).integers(0, 2**30, (30, 4))
    for dtype, read in ((np.int16, np.float32), (np.uint16, np.float32), (np.int64, np.float64)):
        given = (counts % 2**15).astype(dtype)
        assert as_values(given).dtype == read
        pca = ist.PCA(2).fit(given)
        right = np.linalg.eigvalsh(np.cov(given.T.astype(float)))[::-1][:2]
        np.testing.assert_allclose(pca.explained_variance_, right, rtol=1e-4)
    assert (as_values(counts) == counts).all()


def test_labels_and_maps_may_be_tensors():
    labels = torch.from_numpy(LABELS)
    images = ist.Images(PIXELS, y=labels, is_test=labels == 1)
    assert images.y.tolist() == LABELS.tolist()
    assert len(images.test) == 20
    one, other = (made("classifier").fit(PIXELS, y) for y in (LABELS, labels))
    np.testing.assert_array_equal(one.predict(PIXELS), other.predict(PIXELS))
    maps = torch.from_numpy((PIXELS > 99).astype(np.int64))
    net = made("pixelnet").fit(PIXELS, maps)
    assert net.predict(PIXELS).shape == PIXELS.shape


def test_codes_may_be_tensors(model):
    if not hasattr(model, "decode"):
        pytest.skip(f"{type(model).__name__} cannot decode")
    codes = model.encode(PIXELS)
    given = torch.from_numpy(codes)
    given = given.requires_grad_() if given.is_floating_point() else given
    np.testing.assert_array_equal(model.decode(given), model.decode(codes))
    np.testing.assert_allclose(
        model.decode(codes[::-1]), model.decode(codes)[::-1], rtol=1e-5, atol=1e-6
    )


def test_verbs_take_tensors_as_they_take_arrays():
    pca, given = ist.PCA(3).fit(PIXELS), torch.from_numpy(FLOAT).requires_grad_()
    for verb in (
        lambda X: ist.morph(pca, X[0], X[1], 4),
        lambda X: ist.traverse(pca, X[0], steps=3, among=X),
        lambda X: ist.nearest(pca, X, X[:3], k=2, verbose=False).rows,
        lambda X: ist.novelty(pca, X, verbose=False).scores,
    ):
        np.testing.assert_array_equal(verb(given), verb(FLOAT))


def test_reversed_and_stepped_images(model, tmp_path):
    np.save(tmp_path / "x.npy", PIXELS)
    mapped = ist.load_images(tmp_path / "x.npy")
    for images in (ist.Images(PIXELS, y=LABELS), mapped, mapped[np.arange(40)]):
        name = next(name for name in FAMILIES if FAMILIES[name] == type(model).__name__)
        back = made(name).fit(images[::-1], LABELS[::-1])
        again = made(name).fit(np.ascontiguousarray(PIXELS[::-1]), LABELS[::-1])
        np.testing.assert_array_equal(back.encode(images[::2]), again.encode(PIXELS[::2]))
    assert isinstance(mapped[::-1].data, np.memmap)


def test_centroids_to_start_from_may_be_reversed():
    starts = PIXELS[:4].reshape(4, -1) / 255
    one, other = (ist.KMeans(4, init=init).fit(PIXELS) for init in (starts, starts[::-1]))
    assert one.inertia_ == pytest.approx(other.inertia_, rel=1e-5)


@pytest.mark.parametrize(
    ("X", "words"),
    [
        (PIXELS.astype(object), "values of type object: expected numbers"),
        (PIXELS.astype(str), "values of type <U"),
        (PIXELS.astype(complex), "values of type complex128"),
        (PIXELS.astype("m8[s]"), "values of type timedelta64"),
        ([PIXELS[0], PIXELS[1, :3]], r"different shapes \(\(3, 5\), \(6, 5\)\)"),
        ([[[1, 2], [3, 4]], [[1, 2]]], "no array of numbers"),
        (np.ma.masked_less(PIXELS, 9), "values are masked"),
        (torch.from_numpy(PIXELS).to_sparse(), r"layout torch.sparse_coo: give X.to_dense\(\)"),
        (torch.empty(40, 6, 5, device="meta"), "give an array of numbers"),
    ],
)
def test_what_is_no_array_of_numbers_is_one_clear_error(X, words):
    reads = [] if "different shapes" in words else [ist.load_images]  # brings them to one size
    for refused in (ist.PCA(2).fit, ist.Images, *reads, ist.PCA(2).fit(PIXELS).encode):
        with pytest.raises(ValueError, match=words) as caught:
            refused(X)
        assert "\n" not in str(caught.value)


def test_no_images_have_no_codes_of_the_right_shape_and_type(model):
    codes = model.encode(PIXELS)
    distances = model.transform(PIXELS)
    for none in (PIXELS[:0], ist.Images(PIXELS)[:0], torch.from_numpy(PIXELS[:0])):
        empty = model.encode(none)
        assert (empty.shape, empty.dtype) == ((0, *codes.shape[1:]), codes.dtype)
        empty = model.transform(none)
        assert (empty.shape, empty.dtype) == ((0, *distances.shape[1:]), distances.dtype)
    for named in (features, vectors):
        right, empty = named(model, ist.Images(PIXELS)), named(model, ist.Images(PIXELS)[:0])
        assert (empty.shape, empty.dtype) == ((0, *right.shape[1:]), right.dtype)
    if hasattr(model, "decode"):
        images = model.decode(codes[:0])
        assert (images.shape, images.dtype) == ((0, 6, 5), model.decode(codes).dtype)
    if hasattr(model, "elbo"):
        assert model.elbo(PIXELS[:0]).shape == (0,)
    with pytest.raises(ValueError, match=r"minimum of 1|at least 1"):
        model.score(PIXELS[:0], LABELS[:0])


class Table(np.ndarray):
    """An array with names of its columns: what a data frame is to these tests."""


class TableAdapter:
    container_lib = "table"

    def create_container(self, X_output, X_original, columns, inplace=True):
        table = np.asarray(X_output).view(Table)
        table.columns = list(columns() if callable(columns) else columns)
        return table

    def is_supported_container(self, X):
        return isinstance(X, Table)


@pytest.fixture
def table(monkeypatch):
    """A container that scikit-learn's `set_output` knows, on machines without pandas too."""
    monkeypatch.setitem(ADAPTERS_MANAGER.adapters, "table", TableAdapter())


def names_of(model):
    n = model.transform(PIXELS).shape[1]
    return [f"{type(model).__name__.lower()}{i}" for i in range(n)]


def test_transform_gives_the_container_asked_for(model, table):
    right = model.transform(PIXELS)
    assert right.ndim == 2
    assert model.get_feature_names_out().tolist() == names_of(model)
    try:
        found = model.set_output(transform="table").transform(PIXELS)
    finally:
        model.set_output(transform="default")
    assert isinstance(found, Table)
    assert found.columns == names_of(model)
    np.testing.assert_array_equal(np.asarray(found), right)
    assert type(model.encode(PIXELS)) is np.ndarray


def test_transform_gives_a_data_frame(model):
    pandas = pytest.importorskip("pandas")
    try:
        frame = model.set_output(transform="pandas").transform(PIXELS)
    finally:
        model.set_output(transform="default")
    assert isinstance(frame, pandas.DataFrame)
    assert frame.columns.tolist() == names_of(model)


def test_data_frames_of_numbers_are_vectors():
    pandas = pytest.importorskip("pandas")
    X = np.random.default_rng(0).normal(size=(30, 4))
    frame = pandas.DataFrame(X, columns=list("abcd"))
    pca = ist.PCA(2).fit(frame)
    assert pca.feature_names_in_.tolist() == list("abcd")
    np.testing.assert_allclose(pca.encode(frame), ist.PCA(2).fit(X).encode(X))
    assert ist.PCA(2).fit((frame * 100).astype(int)).components_.dtype == np.float64


@pytest.mark.parametrize("name", list(FAMILIES))
def test_every_family_is_a_step_of_a_pipeline(name):
    from sklearn.linear_model import LogisticRegression

    pipe = make_pipeline(made(name), LogisticRegression(max_iter=20)).fit(PIXELS, LABELS)
    assert pipe.predict(PIXELS).shape == (40,)
    assert 0 <= pipe.score(PIXELS, LABELS) <= 1


AMBIENT = {
    "inference mode": torch.inference_mode,
    "no gradients": torch.no_grad,
    "float64": lambda: default_dtype(torch.float64),
    "bfloat16": lambda: default_dtype(torch.bfloat16),
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "meta device": lambda: torch.device("meta"),
}


def said(model):
    """Return everything that a model says of some images, and draws."""
    codes = model.encode(PIXELS)
    found = [codes, model.transform(PIXELS), np.array(model.score(PIXELS, LABELS))]
    if hasattr(model, "decode"):
        found.append(model.decode(codes))
    if hasattr(model, "sample"):
        found.append(model.sample(3, random_state=0))
    if hasattr(model, "elbo"):
        found.append(model.elbo(PIXELS[:8], refine=2))
    return found


@pytest.mark.parametrize("state", AMBIENT)
def test_the_same_numbers_whatever_torch_is_told_around_them(model, state, tmp_path):
    name = next(name for name in FAMILIES if FAMILIES[name] == type(model).__name__)
    model.save(tmp_path / "model.safetensors")
    right = said(model)
    with AMBIENT[state]():
        dtype = torch.get_default_dtype()
        others = [
            said(model),
            said(made(name).fit(PIXELS, LABELS)),
            said(ist.load_model(tmp_path / "model.safetensors")),
        ]
        assert torch.get_default_dtype() == dtype
    for other in others:
        for one, two in zip(right, other, strict=True):
            np.testing.assert_array_equal(one, two)
            assert one.dtype == two.dtype
