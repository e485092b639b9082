import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from isthmus.contract import Contract
from isthmus.data.images import Images, to_unit
from isthmus.metrics.labels import Accuracy
from isthmus.metrics.table import studied
from isthmus.plots import (
    curves,
    draw,
    limits_of,
    palette,
    sheet,
)
from isthmus.plots.accuracies import accuracy_chart
from isthmus.plots.charts import draw_losses, losses_of, rate_against_error
from isthmus.plots.figures import on_background
from isthmus.plots.overlays import coloured
from isthmus.plots.pixels import BARS, to_pixels
from isthmus.plots.plots import chart
from isthmus.studies import learned
from isthmus.studies.pictures import Pictures
from isthmus.studies.report import render, write_report
from isthmus.studies.summary import DASH, summary
from isthmus.studies.walked import ordered
from isthmus.verbs.layouts import layout


class Axes(Contract):
    """PCA with the verbs of a model."""

    health_ = ()

    def __init__(self, width=4):
        self.pca = PCA(width, random_state=0)

    def fit(self, X):
        self.shape = self.image_shape_ = np.shape(X)[1:]
        self.pca.fit(flat(X))
        self.history_ = {"epoch": [1, 2, 3], "loss": [0.3, 0.2, 0.1], "val_loss": [0.3, None, 0.2]}
        return self

    @property
    def code_shape_(self):
        return (self.pca.n_components_,)

    def encode(self, X):
        return self.pca.transform(flat(X)).astype(np.float32)

    def decode(self, Z):
        return self.pca.inverse_transform(Z).astype(np.float32).reshape(-1, *self.shape)

    def sample(self, n, random_state=0):
        rng = np.random.default_rng(random_state)
        return self.decode(rng.normal(size=(n, self.pca.n_components_)))

    def parts(self):
        return {
            "components": self.pca.components_.reshape(-1, *self.shape),
            "mean": self.pca.mean_.reshape(1, *self.shape),
        }


class Centroids(Contract):
    """k-means with the verbs of a model."""

    def fit(self, X):
        self.shape = self.image_shape_ = np.shape(X)[1:]
        self.kmeans = KMeans(5, n_init=1, random_state=0).fit(flat(X))
        self.health_ = ["2 clusters are empty: lower n_clusters"]
        return self

    def encode(self, X):
        return self.kmeans.predict(flat(X))

    def transform(self, X):
        return self.kmeans.transform(flat(X))

    code_shape_ = ()

    def decode(self, Z):
        return self.kmeans.cluster_centers_[Z].reshape(-1, *self.shape)


class EncodesOnly(Contract):
    """A model that can neither decode nor draw, with codes of any width or badness."""

    code_shape_ = (1,)

    def __init__(self, code=lambda x: x[:, :1]):
        self.encode = lambda X: code(flat(X))

    def fit(self, X):
        return self


class Painter(Contract):
    """A model that gives every pixel a code and a class."""

    codes_pixels, code_shape_, class_labels_ = True, (None, None, 4), ["0", "1"]

    def encode(self, X):
        return np.zeros((len(X), 8, 8, 4), np.float32)

    def predict(self, X):
        return np.zeros((len(X), 8, 8), int)


def flat(X):
    return to_unit(np.asarray(X)).reshape(len(X), -1)


def digits(n=120, **known):
    bunch = load_digits()
    data = (bunch.images[:n] * 255 / 16).astype(np.uint8)
    known = {"y": bunch.target[:n], "classes": [str(i) for i in range(10)], **known}
    return Images(data, source="digits", **known).split()


def photos():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 70, 60, 3))
    return Images(pixels.astype(np.uint8), source="a/folder/of/photos").split()


def study_of(images, models=None, scores=None, **about):
    models = {"pca": Axes(), "kmeans": Centroids()} if models is None else models
    models = {name: model.fit(images.train) for name, model in models.items()}
    if scores is None:
        scores = [
            {
                "model": name,
                "family": name,
                "parameters": {"k": 4},
                "mse": 0.01,
                "psnr": 20.0,
                "bits_per_image": 128.0,
                "seconds": 0.5,
                "code": "4 numbers",
            }
            for name in models
        ]
    known = {"notes": [], "command": None, "random_state": 0, **about}
    return SimpleNamespace(images=images, models=models, scores=scores, **known)


def ramp(n, h, w):
    return np.linspace(0, 1, n * h * w, dtype=np.float32).reshape(n, h, w)


def test_a_sheet_magnifies_tiny_images_to_squares_with_transparent_gaps():
    picture = np.asarray(sheet(ramp(5, 8, 8), columns=3, gap=4))
    assert picture.shape == (2 * 48 + 4, 3 * 48 + 2 * 4, 4)
    assert (picture[:48, 48:52, 3] == 0).all()
    assert (picture[52:, 104:, 3] == 0).all()  # the sixth place is empty
    expected = np.rint(ramp(5, 8, 8)[1] * 255).repeat(6, axis=0).repeat(6, axis=1)
    np.testing.assert_array_equal(picture[:48, 52:100, 0], expected)


@pytest.mark.parametrize(
    ("shape", "tile"),
    [((28, 28), (56, 56)), ((64, 64), (64, 64)), ((256, 128), (128, 64)), ((1, 1), (48, 48))],
)
def test_every_image_ends_at_a_size_one_can_see(shape, tile):
    assert sheet(np.zeros((1, *shape))).size == tile[::-1]


def test_float_and_uint8_give_the_same_picture():
    images = np.arange(256, dtype=np.uint8).reshape(4, 8, 8)
    assert sheet(images).tobytes() == sheet(images / 255).tobytes()
    assert sheet(images).tobytes() == sheet(images[..., None]).tobytes()


def test_colour_survives_and_many_bands_are_stretched():
    colour = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3)).astype(np.uint8)
    np.testing.assert_array_equal(to_pixels(colour)[..., :3], colour)
    bands = np.random.default_rng(0).normal(900, 30, (4, 16, 16, 7))
    pixels = to_pixels(bands)[..., :3]
    assert pixels.min() == 0
    assert pixels.max() == 255
    np.testing.assert_array_equal(pixels, to_pixels(bands, limits_of(bands))[..., :3])
    assert to_pixels(bands[..., :2]).shape == (4, 16, 16, 4)


def test_zero_is_neutral_in_signed_pictures():
    grey = to_pixels(np.array([[[-2.0, 0.0, 2.0]]]), signed=True)[0, 0]
    assert len(set(grey[1, :3])) == 1
    assert grey[0, 2] > grey[0, 0]  # blue below
    assert grey[2, 0] > grey[2, 2]  # orange above
    assert grey[0, 3] == grey[2, 3] == 255
    colour = to_pixels(np.array([[[[-2.0, 0.0, 2.0]]]]), signed=True)[0, 0, 0]
    assert list(colour) == [0, 128, 255, 255]
    assert len(set(to_pixels(np.zeros((1, 4, 4)), signed=True)[..., :3].ravel())) == 1


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("width", [1, 4, BARS, BARS + 1, 100])
def test_vectors_have_pictures(width, signed):
    vectors = np.random.default_rng(0).normal(size=(3, width))
    picture = sheet(vectors, columns=3, signed=signed)
    assert picture.height >= 40
    assert np.asarray(picture)[..., 3].any()


def test_bars_are_as_high_as_their_values():
    pixels = to_pixels(np.array([[0.0, 0.5, 1.0, 0.25]]))[0]
    heights = (pixels[..., 3] == 255).sum(axis=0)[:: BARS // 4]
    assert list(heights) == [0, BARS // 2, BARS, BARS // 4]


def test_what_is_no_number_is_transparent():
    pixels = to_pixels(np.array([[[np.nan, 1.0]]]))
    assert pixels[0, 0].tolist() == [[0, 0, 0, 0], [255, 255, 255, 255]]


def test_a_background_leaves_nothing_transparent():
    picture = np.asarray(sheet(ramp(3, 8, 8), columns=2, background="white"))
    assert (picture[..., 3] == 255).all()
    assert on_background(sheet(ramp(1, 8, 8)), "black").getpixel((0, 0)) == (0, 0, 0, 255)


def test_captions_add_a_line_and_must_match():
    plain, told = sheet(ramp(2, 8, 8)), sheet(ramp(2, 8, 8), captions=["one", "a long second"])
    assert told.height > plain.height
    assert told.width == plain.width
    with pytest.raises(ValueError, match="1 captions for 2 images"):
        sheet(ramp(2, 8, 8), captions=["one"])


@pytest.mark.parametrize("bad", [np.zeros(3), np.zeros((0, 8, 8)), np.zeros((1, 2, 2, 2, 2))])
def test_what_cannot_be_drawn_is_refused(bad):
    with pytest.raises(ValueError, match="cannot draw"):
        sheet(bad)


def test_limits_are_those_of_the_values():
    assert limits_of(np.full((2, 4, 4), 7, dtype=np.uint8)) == (0, 1)
    low, high = limits_of(np.linspace(-5, 5, 1000).reshape(10, 10, 10))
    assert -5 < low < -4.9 < 4.9 < high < 5
    assert limits_of(np.full((1, 4, 4), np.nan)) == (0, 1)


@pytest.mark.parametrize("n", [1, 2, 3, 10, 60])
@pytest.mark.parametrize("width", [1, 2, 3, 70])
@pytest.mark.parametrize("method", ["auto", "pca", "tsne"])
def test_layouts_have_two_columns_whatever_the_codes(n, width, method):
    codes = np.random.default_rng(0).normal(size=(n, width))
    places = layout(codes, method)
    assert places.shape == (n, 2)
    assert places.dtype == np.float32
    assert np.isfinite(places).all()
    if width == 2:
        np.testing.assert_array_equal(places, codes.astype(np.float32))
    if width == 1:
        np.testing.assert_array_equal(places[:, 0], codes[:, 0].astype(np.float32))


def test_layouts_repeat_and_leave_the_global_generator_alone(capfd):
    codes = np.random.default_rng(0).normal(size=(80, 6))
    np.random.seed(3)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first = layout(codes, random_state=1)
    np.testing.assert_array_equal(first, layout(codes, random_state=1))
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002
    assert capfd.readouterr() == ("", "")


def test_the_components_of_wide_and_of_tall_codes_are_the_same():
    codes = np.random.default_rng(0).normal(size=(20, 19)) * np.linspace(5, 1, 19)
    wide = np.pad(codes, ((0, 0), (0, 11)))
    np.testing.assert_allclose(layout(codes, "pca"), layout(wide, "pca"), atol=1e-3)
    np.testing.assert_allclose(
        np.abs(layout(codes, "pca")), np.abs(PCA(2).fit_transform(codes)), atol=1e-3
    )


def test_bad_layouts_are_refused():
    with pytest.raises(ValueError, match="method='umap'"):
        layout(np.zeros((3, 3)), "umap")
    with pytest.raises(ValueError, match="NaN"):
        layout(np.full((3, 3), np.nan))
    with pytest.raises(ValueError, match="for 4 images"):
        draw(np.zeros((3, 2)), np.zeros((4, 8, 8)))


def test_dense_codes_and_equal_codes_can_be_laid_out():
    assert layout(np.zeros((60, 3, 3, 2))).shape == (60, 2)
    assert not layout(np.zeros((60, 5)), "tsne").any()


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((30, 8, 8)),
        np.ones((30, 5, 7, 1)),
        np.full((30, 64, 48, 3), 0.5),
        np.zeros((30, 4)),
        np.zeros((30, 50)),
        np.full((30, 200, 300), 128, dtype=np.uint8),
    ],
)
def test_a_map_has_the_asked_width_for_all_kinds_of_images(images):
    places = np.random.default_rng(0).normal(size=(30, 2))
    y = np.arange(30) % 4 - 1
    for labels in (None, y):
        picture = draw(places, images, labels, ["a", "b", "c"], size=300)
        assert picture.mode == "RGBA"
        assert picture.width == 300
        assert 100 <= picture.height <= 300


def test_images_on_a_map_are_tinted_in_the_colour_of_their_class():
    white = np.zeros((2, 8, 8))
    white[:, 2:6, 2:6] = 1
    picture = np.asarray(draw([[0, 0], [1, 0]], white, [0, 1], size=200))
    colours = {tuple(pixel) for pixel in picture[picture[..., 3] == 255][:, :3]}
    assert {"#{:02x}{:02x}{:02x}".format(*colour) for colour in colours} == set(palette(2))


def test_one_outlier_does_not_shrink_a_map():
    places = np.random.default_rng(0).normal(size=(300, 2))
    places[0] = 1000
    solid = np.asarray(draw(places, np.full((300, 8, 8), 0.5), size=400))[..., 3] > 0
    assert solid.any(axis=0).mean() > 0.5


@pytest.mark.parametrize("n", [0, 1, 12, 13, 102])
def test_a_palette_has_distinct_colours(n):
    colours = palette(n)
    assert len(set(colours)) == n
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in colours)


def test_curves_follow_the_page_and_name_their_axes():
    history = {"epoch": [1, 2, 3], "loss": [9, 3, 0.01], "val_loss": [9, 4, 1]}
    svg = curves(history)
    assert svg.startswith("<svg")
    assert "currentColor" in svg
    assert "stroke-dasharray" in svg
    for word in ("epoch", "loss", "training", "validation", "0.01"):
        assert f">{word}<" in svg
    assert svg == curves(history)


def test_report_and_recipes_draw_the_same_curves():
    history = {"epoch": [1, 2, 3], "loss": [3.0, 2.0, None], "val_loss": [3.0, 0.5, 0.1]}
    axis = Figure().subplots()
    draw_losses(axis, history)
    assert axis.get_yscale() == "log"
    assert [line.get_label() for line in axis.lines] == ["training", "validation"]
    assert [line.get_linestyle() for line in axis.lines] == ["-", "--"]
    np.testing.assert_array_equal(axis.lines[0].get_ydata(), [3, 2, np.nan])
    paths = re.findall(r'<path d="(M[^"]*)" fill="none" stroke="#', curves(history))
    assert [path.count("L") for path in paths] == [1, 2]  # no line to what is no number


@pytest.mark.parametrize(
    "history",
    [
        {"iteration": [1, 2], "inertia": [5.0, 1.0]},
        {"<b>": [2.0, 1.0]},
        {"loss": [np.nan, 1.0, np.inf]},
        {"loss": [np.nan]},
        {"epoch": [1], "loss": [0.0]},
        {"epoch": [1, 2], "generator_loss": [1, 2], "discriminator_loss": [-2, 1]},
        {"loss": [1e-9, 1e9]},
    ],
)
def test_curves_survive_odd_histories(history):
    svg = curves(history)
    assert "<b>" not in svg
    assert "nan" not in svg
    assert "inertia" in svg or "inertia" not in history
    with pytest.raises(ValueError, match="no losses"):
        curves({"epoch": [1]})


def test_a_notebook_shows_charts_and_sheets_by_itself():
    found = {"linear": Accuracy(0.9, 0.83, 0.94, 50, 100, {})}
    for made in (accuracy_chart(found, "Digits"), chart()[0], sheet(np.zeros((2, 4, 4, 1)), 2)):
        assert made._repr_png_().startswith(b"\x89PNG")


def test_losses_are_told_from_the_clock():
    history = {"epoch": [1], "seconds": [2], "loss": [3], "val_loss": [None], "norm": [1]}
    assert list(losses_of(history)) == ["loss", "val_loss"]
    assert losses_of({"iteration": [1], "inertia": [3]}) == {"inertia": [3.0]}


@pytest.mark.parametrize(
    "rates",
    [
        {"a": [(1, 2)]},
        {"a": [(0, 20)], "b": [(0, 20)]},
        {"a": [(6.6, 14)], "b": [(1e6, 30)], "c": [(1e5, 20), (1e6, 30.01)]},
    ],
)
def test_rate_against_error_names_every_model(rates):
    svg = rate_against_error(rates)
    assert all(f">{name}<" in svg for name in rates)
    small = rate_against_error(rates, ["a"], 14, small=True)
    assert [f">{name}<" in small for name in rates] == [name == "a" for name in rates]


def test_the_best_value_of_every_measure_is_marked():
    alike = {"likelihood_of": "density", "likelihood_draws": 5}
    low = {"model": "low", **alike} | {measure.key: 0.25 for measure in studied()}
    high = {"model": "high", **alike} | {measure.key: 0.75 for measure in studied()}
    tables = summary([low, high])["tables"]
    assert [m for table in tables for m in table["measures"]] == list(studied())
    for table in tables:
        for measure, cell in zip(table["measures"], table["rows"][0]["cells"], strict=True):
            assert cell["best"] == (measure.better == "lower"), measure.key


def test_measures_that_nobody_has_are_left_out_and_gaps_are_dashes():
    table = summary([{"model": "a", "mse": 0.1, "nmi": None}, {"model": "b", "mse": np.nan}])
    assert [measure.key for measure in table["measures"]] == ["mse"]
    assert [row["cells"][0]["text"] for row in table["tables"][0]["rows"]] == ["0.100"]
    table = summary([{"model": "a", "mse": 0.1, "ssim": 0.5}, {"model": "b", "ssim": 0.5}])
    assert [row["cells"][0]["text"] for row in table["tables"][0]["rows"]] == ["0.100", DASH]


def assert_whole(page, study):
    """Check what holds for every report: all models are named, nothing is fetched."""
    for name in study.models:
        assert name in page
    fetched = re.findall(r"""(?:src|href|xlink:href|action|data)\s*=\s*["']([^"']*)""", page)
    assert all(target.startswith(("data:", "#")) for target in fetched)
    assert "@import" not in page
    assert "url(http" not in page
    assert "fetch(" not in page
    assert "None" not in re.sub(r"data:image/[^\"]*", "", page)


def test_the_report_shows_everything(tmp_path):
    study = study_of(digits(), command="isthmus study digits", notes=["ended early"])
    path = write_report(study, tmp_path / "new" / "report.html")
    page = path.read_text(encoding="utf-8")
    assert_whole(page, study)
    for words in (
        "isthmus study digits", "ended early", "2 clusters are empty", "All models",
        "Originals and reconstructions", "Samples", "Map of the codes", "What each model learned",
        "Walks through the codes", "Error curves", "Rate against error", "Health", "Settings",
        "(height",
        "models/pca.safetensors", "kmeans, which cannot draw new images",
    ):  # fmt: skip
        assert words in page
    cards, reconstructions, samples, maps, parts, traversals, morphs = 1, 3, 1, 2, 2, 1, 2
    pictures = cards, reconstructions, samples, maps, parts, traversals, morphs
    assert page.count("<img") == sum(pictures)
    assert page.count("<img") == page.count("alt=")


def test_a_page_of_a_study_that_goes_on_loads_itself_again_and_draws_nothing_twice(monkeypatch):
    study = study_of(digits(), done=False, drawn={}, map_seconds=0.0)
    study.schedule = SimpleNamespace(
        kept=["pca", "kmeans", "vae"], left_out=["gan"], is_late=lambda: False
    )
    page = render(study)
    for words in ('http-equiv="refresh"', "2 of 3 models", "next is vae", "gan (no time"):
        assert words in page
    assert "principal components in place" not in page  # of 24 images that is how maps are made

    def drawn_twice(*args, **options):
        raise AssertionError

    drawing = ("studies.learned._figures", "plots.maps.draw")
    for verb in (*drawing, "studies.walked._traversal", "studies.report._strip"):
        monkeypatch.setattr(f"isthmus.{verb}", drawn_twice)
    assert render(study) == page
    study.done = True
    assert 'http-equiv="refresh"' not in render(study)


def test_what_was_chosen_and_left_out_is_said():
    plan = [{"model": "pca", "width": 16, "why": "few images"}]
    page = render(study_of(digits(), plan=plan, left_out=dict.fromkeys(("gan", "vae"), "no time")))
    for words in ("few images", "What was chosen, and why", "gan, vae (no time)"):
        assert words in page


def test_walks_are_ordered_by_use():
    codes = np.array([[0.0, 5.0, 1.0], [0.0, -5.0, 2.0]])
    assert ordered(None, codes) == [1, 2, 0]
    assert ordered(SimpleNamespace(kl_=np.array([0.1, 0.0, 3.0])), codes) == [2, 0, 1]


def test_label_maps_are_drawn_beside_the_truth():
    images = Images(
        np.zeros((20, 8, 8, 3), np.uint8), label_maps=np.ones((20, 8, 8), np.uint8),
        map_classes=["sky", "road"],
    ).split()  # fmt: skip
    study = SimpleNamespace(
        images=images, models={"painter": Painter()}, scores=[], notes=[], command=None,
        random_state=0,
    )  # fmt: skip
    page = render(study)
    assert "Label maps" in page
    assert "road" in page
    assert coloured(images.label_maps[:1], 2)[0, 0, 0].tolist() == [232, 135, 30]


def test_grids_keep_rows_and_columns_and_planes_have_a_scale():
    grid = np.zeros((2, 3, 8, 8, 1), np.float32)
    model = SimpleNamespace(parts=lambda: {"map": grid}, planes=lambda: {"U-matrix": np.eye(4)})
    images = Images(np.zeros((20, 8, 8), np.uint8)).split()
    found = learned.shown({"som": model}, Pictures(images))["som"]
    assert found[0]["width"] > 1.4 * found[0]["height"]
    assert "<svg" in found[1]["svg"]
    assert "U-matrix" in found[1]["svg"]


def test_a_report_repeats():
    study = study_of(digits())
    assert render(study) == render(study)


def test_names_are_escaped():
    images = digits(classes=[f"<script>alert({i})</script>" for i in range(10)])
    images.source = "<i>set</i>"
    images.skipped = [("<u>" * 60, "a & b")]
    study = study_of(images, {"<b>x": Axes()}, notes=["<em>"], command="study '<a>'")
    study.models["<b>x"].health_ = ["<hr>"]
    page = render(study)
    for bad in ("<script>alert", "<i>set", "<u>", "<b>x", "<em>", "<a>"):
        assert bad not in page
    assert "&lt;script&gt;alert(3)" in page
    assert "a &amp; b" in page


ODD = {
    "no labels": lambda: study_of(digits(y=None, classes=None)),
    "labels without names": lambda: study_of(digits(classes=None)),
    "some unlabelled": lambda: study_of(digits(y=np.arange(120) % 3 - 1, classes=["a", "b"])),
    "all unlabelled": lambda: study_of(digits(y=np.full(120, -1), classes=None)),
    "many classes": lambda: study_of(digits(y=np.arange(120) % 60, classes=["c"] * 60)),
    "narrow vectors": lambda: study_of(
        Images(np.random.default_rng(0).normal(size=(40, 6))).split()
    ),
    "wide vectors": lambda: study_of(
        Images(np.random.default_rng(0).normal(size=(40, 90))).split()
    ),
    "photos": lambda: study_of(photos()),
    "bands": lambda: study_of(Images(np.random.default_rng(0).normal(size=(20, 9, 9, 5))).split()),
    "two images": lambda: study_of(digits(2), {"one": EncodesOnly()}),
    "one model": lambda: study_of(digits(), {"alone": Axes(2)}),
    "eight models": lambda: study_of(digits(), {f"pca-{i}": Axes(i + 1) for i in range(8)}),
    "encodes only": lambda: study_of(digits(), {"mute": EncodesOnly()}),
    "index only": lambda: study_of(digits(), {"index": EncodesOnly(lambda x: np.arange(len(x)))}),
    "no finite codes": lambda: study_of(digits(), {"lost": EncodesOnly(lambda x: x * np.nan)}),
    "no scores": lambda: study_of(digits(), scores=[]),
    "empty scores": lambda: study_of(
        digits(), scores=[{"model": "pca", "psnr": None}, {"model": "kmeans"}]
    ),
    "infinite scores": lambda: study_of(
        digits(), {"pca": Axes()}, scores=[{"model": "pca", "mse": 0.0, "psnr": np.inf}]
    ),
}


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("case", ODD)
def test_odd_studies_have_a_report(case):
    study = ODD[case]()
    assert_whole(render(study), study)


def test_what_a_model_cannot_do_is_said():
    page = render(study_of(digits(), {"mute": EncodesOnly(lambda x: x * np.nan)}))
    assert "mute, which cannot decode a code" in page
    assert "mute, which gave no finite vectors" in page


def test_a_model_no_better_than_the_mean_image_is_noted():
    page = render(study_of(digits(), {"bad": Axes()}, scores=[{"model": "bad", "mse": 9.0}]))
    assert "no better than answering every image with the mean" in page


def test_skipped_files_are_listed_and_cut_off():
    images = digits()
    images.skipped = [(f"file-{i}.txt", "not an image") for i in range(50)]
    page = render(study_of(images))
    assert "file-19.txt" in page
    assert "file-20.txt" not in page
    assert "and 30 more" in page


def test_originals_and_reconstructions_stand_in_the_same_columns():
    images = digits()
    pictures = Pictures(images)
    wide = pictures.sheet(np.asarray(images.test[:7]), 300)
    assert wide["width"] == pictures.sheet(to_unit(np.asarray(images.test[:7])), 300)["width"]
    assert wide["width"] <= 300


def test_views_load_no_heavy_library_when_imported():
    import subprocess

    code = (
        "import sys, isthmus.plots;"
        "print([m for m in ('matplotlib', 'PIL', 'openTSNE', 'jinja2', 'sklearn', 'torch')"
        " if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
