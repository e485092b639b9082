"""The verbs over codes on the command line, for every family that has them."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

import isthmus as ist

VECTORS = ("pca", "nmf", "autoencoder", "vae", "gan")


@pytest.fixture(scope="module")
def models(images, tmp_path_factory):
    """Return files of small models of digits by the names of their families."""
    folder = tmp_path_factory.mktemp("models")
    small = {"hidden": (20,), "epochs": 2, "random_state": 0}
    net = {"generator": (20,), "discriminator": (20,), "epochs": 1, "encoder_epochs": 1}
    fitted = {
        "pca": ist.PCA(6),
        "nmf": ist.NMF(5, random_state=0, max_iter=20),
        "autoencoder": ist.Autoencoder(4, **small),
        "vae": ist.VAE(4, **small),
        "gan": ist.GAN(5, random_state=0, **net),
        "som": ist.SOM((4, 5), max_iter=3, random_state=0),
        "kmeans": ist.KMeans(8, random_state=0),
    }
    for name, model in fitted.items():
        model.fit(images.train).save(folder / f"{name}.safetensors")
    return {name: folder / f"{name}.safetensors" for name in fitted}


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def test_morph_writes_what_morph_returns(run, models, images):
    files = [models[name] for name in VECTORS]
    asked = ("digits", "--images", "3,17,40", "--steps", 4, "--how", "spherical")
    code, out, err = run("morph", *files, *asked, "-o", "m.npy", "--json")
    assert code == 0, err
    assert json.loads(out)["models"] == list(VECTORS)
    written = np.load("m.npy")
    assert written.shape == (5, 7, 8, 8, 1)
    for row, path in zip(written, files, strict=True):
        way = ist.morph(ist.load_model(path), images[[3, 17, 40]], steps=4, how="spherical")
        np.testing.assert_allclose(row, way, atol=1e-5)


def test_morph_draws_a_strip_and_moves(run, models, tmp_path):
    two = (models["pca"], models["vae"], "digits", "--images", "3,17", "--steps", 5)
    for name in ("m.png", "m.gif", "m.webp"):
        code, _, err = run("morph", *two, "-o", name)
        assert code == 0, err
    assert Image.open("m.png").width > 5 * 48
    for name in ("m.gif", "m.webp"):
        moving = Image.open(name)
        assert moving.n_frames == 8  # there, and back without the ends
        moving.seek(0)
        first = np.asarray(moving.convert("L")).astype(int)
        moving.seek(4)
        assert np.abs(np.asarray(moving.convert("L")).astype(int) - first).max() > 50
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.gif", "m.png", "m.webp"]


def test_a_way_leads_to_an_image_of_another_set(run, models, images, tmp_path):
    np.save(tmp_path / "last.npy", np.asarray(images)[17:18])
    asked = (models["pca"], "digits", "--images", 3, "--to", "last.npy", "--steps", 4)
    assert run("morph", *asked, "-o", "m.npy")[0] == 0
    way = ist.morph(ist.load_model(models["pca"]), images[3], images[17], 4)
    np.testing.assert_allclose(np.load("m.npy"), way[None], atol=1e-5)
    assert way.heads == ["image 0", "", "", "another"]
    code, _, err = run("morph", models["pca"], "digits", "-o", "all.npy")
    assert (code, err.count("1,000 at most")) == (2, 1)


@pytest.mark.parametrize("family", VECTORS)
def test_edit_follows_the_direction_of_the_training_images(run, models, images, family):
    asked = ("--from", 3, "--to", "8", "--by", "probe", "--strengths", "-1,0,1.5")
    code, out, err = run("edit", models[family], "digits", *asked, "-o", "e.npy", "--json")
    assert code == 0, err
    facts = json.loads(out)
    model, train = ist.load_model(models[family]), images.train
    assert (images.y[facts["images"]] == 3).all()
    assert images.is_test[facts["images"]].all()
    both = train[np.flatnonzero(np.isin(train.y, [3, 8]))]
    direction = ist.directions(model.encode(both), both.y == 8).probe
    shown = ist.edit(model, images[facts["images"]], direction, [-1, 0, 1.5])
    np.testing.assert_allclose(np.load("e.npy"), shown, atol=1e-4)
    assert run("edit", models[family], "digits", *asked, "-o", "e.png")[0] == 0
    assert pixels("e.png").max() == 255


@pytest.mark.parametrize("family", VECTORS)
def test_traverse_orders_numbers_and_changes_one(run, models, images, family):
    asked = ("--images", 7, "-n", 2, "--steps", 3)
    code, out, err = run("traverse", models[family], "digits", *asked, "-o", "t.npy", "--json")
    assert code == 0, err
    dims, model = json.loads(out)["dims"], ist.load_model(models[family])
    codes = model.encode(images)
    use = codes.var(0) if model.kl_ is None else model.kl_
    assert dims == np.argsort(-use, kind="stable")[:2].tolist()
    shown = np.load("t.npy")
    np.testing.assert_allclose(
        shown, ist.traverse(model, images[7], dims, 3, among=images), atol=1e-2
    )
    assert np.abs(shown[:, 0] - shown[:, -1]).max() > 0.01


@pytest.mark.parametrize("start", ["random", "classes", "4"])
@pytest.mark.parametrize("family", ["vae", "nmf", "som", "kmeans"])
def test_traverse_starts_anywhere(run, models, family, start):
    to = ("-o", "t.png", "--json", "--images", start, "--steps", 3)
    code, out, err = run("traverse", models[family], "digits", *to)
    assert code == 0, err
    rows = {"vae": 4, "nmf": 5, "som": 2, "kmeans": 1}[family]
    if start == "classes":
        rows = 10 * min(rows, 2)
    assert json.loads(out)["shape"] == [rows, 3, 8, 8, 1]
    assert Image.open("t.png").height > 48 * rows
    assert run("traverse", models[family], "digits", *to[:-2], "--steps", 3, "--force")[0] == 0


def test_random_starts_follow_the_seed(run, models):
    for name, seed in (("a.npy", 1), ("b.npy", 1), ("c.npy", 2)):
        run("traverse", models["pca"], "digits", "--images", "random", "--seed", seed, "-o", name)
    a, b, c = (np.load(name) for name in ("a.npy", "b.npy", "c.npy"))
    np.testing.assert_array_equal(a, b)
    assert not np.allclose(a, c)


@pytest.mark.parametrize(
    ("family", "method", "dimensions"),
    [("pca", "auto", 2), ("vae", "pca", 3), ("som", "auto", 2), ("kmeans", "pca", 2)],
)
def test_map_draws_and_keeps_the_layout(run, models, images, family, method, dimensions):
    asked = ("--method", method, "--dimensions", dimensions, "-n", 120, "--split", "test")
    to = ("-o", "m.png", "--data", "m.npz", "--json")
    code, out, err = run("map", models[family], "digits", *asked, *to)
    assert code == 0, err
    expected = {"pca": "tsne", "som": "grid"}.get(family, "pca")
    assert json.loads(out)["method"] == expected
    found, few = ist.Map.load("m.npz"), images.test.evenly(120)
    again = ist.Map.of(ist.load_model(models[family]), few, method, dimensions)
    np.testing.assert_allclose(found.points, again.points, atol=1e-3)
    np.testing.assert_array_equal(found.y, few.y)
    assert len(np.unique(pixels("m.png").reshape(-1, 3), axis=0)) > 20


def test_new_images_are_placed_on_a_map(run, models, images):
    pytest.importorskip("pyarrow", reason="pyarrow, of the extra files, is not installed")
    from pyarrow import parquet

    model = models["pca"]
    run("map", model, "digits", "--split", "train", "-n", 100, "-o", "a.png", "--data", "a.npz")
    on = ("map", model, "digits", "--split", "test", "-n", 30, "--on", "a.npz")
    code, out, err = run(*on, "-o", "b.png", "--data", "b.parquet", "--json")
    assert code == 0, err
    assert json.loads(out)["shape"] == [30, 2]
    table = parquet.read_table("b.parquet").to_pydict()
    placed = ist.Map.load("a.npz").place(ist.load_model(model), images.test.evenly(30))
    np.testing.assert_allclose(np.column_stack([table["x"], table["y"]]), placed, atol=1e-5)
    assert table["label"] == images.test.evenly(30).y.tolist()
    np.save("others.npy", np.asarray(images.test)[:12])
    code, out, err = run("map", model, "digits", "-n", 60, "--place", "others.npy", "-o", "c.png",
                         "--method", "pca", "--json")  # fmt: skip
    assert code == 0, err
    assert json.loads(out)["shape"] == [12, 2]


def test_a_map_takes_colours_from_a_factor():
    rng = np.random.default_rng(0)
    turned = ist.Images(rng.random((60, 6, 6)), factors={"angle": rng.random(60)})
    model = ist.PCA(3).fit(turned)
    plain = ist.map(model, turned, "pca")
    scaled = ist.map(model, turned, "pca", color_by="angle")
    assert scaled.picture().height > plain.picture().height + 30  # the scale is below
    with pytest.raises(ValueError, match="did you mean 'angle'"):
        ist.map(model, turned, color_by="angel")


def test_nearest_finds_what_nearest_returns(run, models, images):
    asked = ("digits", "--images", "3,17", "-n", 4)
    code, out, err = run("nearest", models["pca"], *asked, "-o", "n.csv", "--json")
    assert code == 0, err
    facts, model = json.loads(out), ist.load_model(models["pca"])
    found = ist.nearest(model, images[[3, 17]], images, 4, without=[3, 17])
    assert facts["rows"] == found.rows.tolist()
    right = (images.y[found.rows] == images.y[[3, 17]][:, None]).mean()
    assert facts["precision at k"] == pytest.approx(right)
    with open("n.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["row"]) for row in rows] == found.rows.ravel().tolist()
    assert [row["class"] for row in rows] == [str(images.y[row]) for row in found.rows.ravel()]
    for family in ("som", "vae", "kmeans"):
        to = ("-o", f"{family}.png", "--json")
        code, out, err = run("nearest", models[family], *asked, *to)
        assert code == 0, err
        assert len(json.loads(out)["rows"]) == 2


def test_nearest_among_other_images(run, models, images):
    np.save("others.npy", np.asarray(images)[[9, 17, 3, 40]])
    asked = ("--images", "3,17", "-n", 1, "--among", "others.npy", "-o", "n.png", "--json")
    code, out, err = run("nearest", models["pca"], "digits", *asked)
    assert code == 0, err
    facts = json.loads(out)
    assert facts["rows"] == [[2], [1]]  # the same image, in another set
    assert "precision at k" not in facts  # it has no labels


@pytest.mark.parametrize("family", ["pca", "autoencoder"])
def test_territory_reports_shares_and_confusion(run, models, images, family):
    asked = ("--dims", "1,0", "--resolution", 12, "-n", 40, "--copies", 2, "--start", 5)
    code, out, err = run("territory", models[family], "digits", *asked, "-o", "t.png", "--json")
    assert code == 0, err
    facts, model, few = json.loads(out), ist.load_model(models[family]), images.evenly(40)
    start = model.encode(images[5])[0]
    found = ist.territory(model, few, 12, dims=(1, 0), start=start)
    by_class = found.of_classes(few.y)
    for name, share in facts["shares"].items():
        assert share == pytest.approx(by_class[int(name)], abs=1e-4)
    assert -1 <= facts["rank correlation of distance and confusion"] <= 1
    assert Image.open("t.png").width > 900


def test_territory_of_glyphs_names_what_cannot_be_seen(run, tmp_path):
    ist.PCA(2).fit(ist.load_images("glyphs")).save(tmp_path / "g.safetensors")
    asked = ("--noise", "bit_flip", "--level", 0.1, "--resolution", 20, "-o", "t.png")
    code, out, err = run("territory", "g.safetensors", "glyphs", *asked)
    assert code == 0
    assert err == ""
    assert "\x7f" not in out


BAD = [
    ("morph {pca} digits --images 3 -o m.png", "at least 2 images, got 1"),
    ("morph {pca} digits --images 3,9999 -o m.png", "there are 1797 images, 0 to 1796"),
    ("morph {pca} digits --images three,4 -o m.png", "expected numbers as 3,17,40"),
    (
        "morph {pca} digits --images 3,4 -o m.jpg",
        "must end in .png, .gif, .webp, .apng, .mp4, .webm or .npy",
    ),
    ("morph {pca} digits --images 3,4 --how round -o m.png", "--how 'round'"),
    ("morph {pca} digits --images 3,4 --steps 1 -o m.png", "--steps 1 must be at least 2"),
    ("morph {som} digits --images 3,4 -o m.png", "SOM has codes of shape ()"),
    ("decode {pca} 1,2,3 -o m.npy", "numbers, got an array of shape (3,)"),
    ("morph {pca} nowhere --images 3,4 -o m.png", "neither a file or folder"),
    ("edit {pca} digits --from 3 --to eleven -o e.png", "the classes are 0, 1, 2"),
    ("edit {pca} plain.npy --from 3 --to 8 -o e.png", "has no labels"),
    ("edit {pca} digits --from 3 --to 8 --by median -o e.png", "'mean', 'probe'"),
    ("edit {pca} digits --from 3 --to 8 --strengths much -o e.png", "several as 0.1,0.5"),
    ("edit {pca} digits --from 3 -o e.png", "a direction is needed"),
    ("edit {pca} digits --from 3 --to 3 -o e.png", "a group is empty"),
    ("edit {kmeans} digits --from 3 --to 8 -o e.png", "not a vector of numbers"),
    ("traverse {pca} digits --images here -o t.png", "expected numbers as 3,17,40"),
    ("traverse {pca} plain.npy --images classes -o t.png", "has no labels"),
    ("traverse {pca} digits --dims 0,6 -o t.png", "some of 0 to 5"),
    ("traverse {som} digits --dims 2 -o t.png", "some of 0 to 1"),
    ("traverse {pca} digits --steps 1 -o t.png", "--steps 1 must be at least 2"),
    ("map {pca} digits --method isomap -o m.png", "'tsne'"),
    ("map {pca} digits --method grid -o m.png", "PCA has no grid"),
    ("map {pca} digits --dimensions 4 -o m.png", "must be 2, a plane"),
    ("map {pca} digits --color-by hue --method pca -o m.png", "is known: label"),
    ("map {pca} digits --place digits --onto m.npz -o m.png", "give one"),
    ("map {pca} digits --onto none.npz -o m.png", "there is no file none.npz"),
    ("map {pca} digits --onto plain.npy -o m.png", "not a map"),
    ("map {pca} digits -o m.csv", ".npz or .parquet"),
    ("nearest {pca} digits --images 3 -n 0 -o n.png", "--count 0 must be 1 to 1796"),
    ("nearest {pca} digits --images 3 -o n.txt", "must end in .png or .csv"),
    ("territory {pca} digits --dims 0 -o t.png", "two different ones of 0 to 5"),
    ("territory {pca} digits --dims a,b -o t.png", "expected whole numbers as"),
    ("territory {som} digits -o t.png", "two numbers an image"),
    ("territory {pca} digits --noise fog --resolution 5 -o t.png", "gaussian"),
    ("territory {pca} digits --copies 0 --resolution 5 -o t.png", "--copies 0"),
    ("territory {pca} digits --start 5000 -o t.png", "there are 1797 images"),
    ("territory {pca} digits -o plain.npy", "must end in .png"),
]


@pytest.mark.parametrize(("line", "words"), BAD)
def test_errors_are_one_line_and_exit_code_2(run, models, images, tmp_path, line, words):
    np.save("plain.npy", np.asarray(images)[:60])
    code, _, err = run(*line.format(**models).split())
    assert (code, err.count("\n")) == (2, 1), err
    assert words in err
    assert [path.name for path in tmp_path.iterdir()] == ["plain.npy"]


@pytest.mark.parametrize("verb", ["morph", "edit", "traverse", "map", "nearest", "territory"])
def test_nothing_is_overwritten_without_force(run, models, tmp_path, verb):
    (tmp_path / "x.png").write_text("mine")
    more = {"morph": ["--images", "1,2"], "nearest": ["--images", "1"],
            "edit": ["--from", "1", "--to", "2"]}  # fmt: skip
    code, _, err = run(verb, models["pca"], "digits", *more.get(verb, []), "-o", "x.png")
    assert (code, err.count("\n")) == (2, 1)
    assert "--force" in err
    assert (tmp_path / "x.png").read_text() == "mine"


def test_a_sheet_of_many_has_some_each_below_what_it_was_made_from():
    images = ist.load_images("digits")
    model = ist.PCA(4).fit(images)
    back = ist.reconstruct(model, images)
    assert max(back.picture().size) < 2000
    assert "200 of 1,797 images" in back._title(200)
    few = ist.reconstruct(model, images[:2]).in_tiles(8)
    tiles, _, scale = few._tiles(np.array([0, 1]))
    assert scale == 1
    np.testing.assert_allclose(tiles[:, :8], images.data[:2] / np.float32(255))
    np.testing.assert_array_equal(tiles[:, 10:], np.asarray(few))
    assert ist.reconstruct(model, images[:1]).in_tiles(8).picture().size == (8, 8)
