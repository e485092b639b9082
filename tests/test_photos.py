"""Everyday jobs on a folder of photographs with umlauts, several sizes and damage in it."""

import csv
import io
import re
import shlex
import sys
import unicodedata

import numpy as np
import pytest
from PIL import Image

import isthmus as ist
from isthmus.data.names import Finder

SIZES = (16, 16), (24, 16), (20, 20)


def photograph(rng, bright, size):
    """Return a picture of noise, bright at the top or at the bottom."""
    width, height = size
    pixels = rng.integers(0, 80, (height, width, 3), dtype=np.uint8)
    half = slice(0, height // 2) if bright == "Himmel" else slice(height // 2, None)
    pixels[half] += 150
    return Image.fromarray(pixels)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a folder of 40 photographs in two classes, and two files that are none."""
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for name in ("Himmel", "Straßen"):
        (folder / name).mkdir()
        for i in range(20):
            picture = photograph(rng, name, SIZES[i % 3])
            picture.save(folder / name / f"Größe {name[0]}{i:02d}.png")
    (folder / "kaputt.png").write_bytes((folder / "Himmel" / "Größe H00.png").read_bytes()[:60])
    (folder / "Notizen.txt").write_text("nichts")
    images = ist.load_images(folder, size=16)
    ist.PCA(4).fit(images.train).save(folder.parent / "pca.safetensors")
    return folder


@pytest.fixture
def model(made):
    return made.parent / "pca.safetensors"


def lines_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_file_several_and_a_pattern_are_sources(made, monkeypatch):
    one = made / "Himmel" / "Größe H03.png"
    found = ist.load_images(one)
    assert (found.names.tolist(), found.shape) == (["Größe H03.png"], (1, 16, 16, 3))
    several = ist.load_images([one, made / "Straßen" / "Größe S03.png"])
    assert several.names.tolist() == ["Himmel/Größe H03.png", "Straßen/Größe S03.png"]
    assert several.classes == ["Himmel", "Straßen"]
    every = ist.load_images(str(made / "*" / "*.png"), size=16)
    assert every.names.tolist() == ist.load_images(made).names.tolist()
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{one}\n\n{made / 'kaputt.png'}\n"))
    listed = ist.load_images("-")
    assert [name for name, _ in listed.skipped] == ["kaputt.png"]
    assert len(listed) == 1
    with pytest.raises(ValueError, match="no file matches"):
        ist.load_images(str(made / "*.gif"))
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n"))
    with pytest.raises(ValueError, match="no paths on standard input"):
        ist.load_images("-")


def test_a_name_finds_its_image_however_it_is_spelled(made):
    finder = Finder(ist.load_images(made))
    for word in (
        "Himmel/Größe H03.png",
        "Größe H03.png",
        "Größe H03",
        f"{made}/Himmel/Größe H03.png",
    ):
        assert finder.rows(word) == [3]
        assert finder.rows(unicodedata.normalize("NFD", word)) == [3]
    assert finder.rows("Straßen/*1?.png") == list(range(30, 40))
    assert finder.rows("H03.png") == []
    assert "Größe H03.png" in finder.hint("Grosse H03.png")


def test_find_this_picture(made, model, run, tmp_path):
    asked = ("nearest", model, made / "Himmel" / "Größe H03.png", "--among", made, "-n", 3)
    code, out, err = run(*asked, "-o", "n.csv", "-o", "n.png")
    assert code == 0, err
    assert "on 1 image the model never saw" in out
    assert "query class" not in out  # nobody knows it
    rows = lines_of(tmp_path / "n.csv")
    assert [row["query"] for row in rows] == ["Größe H03.png"] * 3
    assert rows[0]["name"] == "Himmel/Größe H03.png"
    assert {row["class"] for row in rows} == {"Himmel"}
    files = [made / "Himmel" / f"Größe H0{i}.png" for i in (1, 2)]
    assert run("nearest", model, *files, "--among", made, "-n", 1)[0] == 0
    names = "Größe S05.png,Himmel/Größe H03"
    assert run("reconstruct", model, made, "--images", names, "-o", "r.npy")[0] == 0
    images = ist.load_images(made, like=ist.load_model(model))
    back = ist.reconstruct(ist.load_model(model), images[[25, 3]])
    np.testing.assert_allclose(np.load(tmp_path / "r.npy"), back, atol=1e-6)
    code, _, err = run("nearest", model, made, "--images", "Größe S5.png")
    assert code == 2
    assert "did you mean Größe S" in err


def test_captions_of_a_sheet_do_not_touch():
    from isthmus.plots.strips import labelled_rows

    images = np.ones((3, 8, 8))
    plain = labelled_rows({"a": images})
    wide = labelled_rows({"a": images}, captions={"a": ["Wiesenblüte", "b", "a" * 99]})
    assert wide.width > plain.width
    ink = (np.asarray(wide)[-22:-12] < 128).all(-1).any(0)  # columns of the captions
    gaps = np.diff(np.flatnonzero(np.diff(np.flatnonzero(ink)) > 10))
    assert len(gaps) == 1  # two gaps between three captions


def test_a_study_ends_by_saying_what_to_take_and_what_to_type(made, run, tmp_path):
    asked = ("study", made, "-o", "x", "--models", "pca,kmeans", "--width", 2, "--size", 8)
    code, out, err = run(*asked, "--budget", "20m")
    assert code == 0, err
    last = out.splitlines()[-1]
    assert re.match(r"to classify take \w+ \(\d+ % ± \d+, chance 50[;)]", last), last
    assert ", to compress take " in last
    command = shlex.split(last.partition("; next: ")[2])
    assert command[:2] == ["isthmus", "probe"]
    code, _, err = run(*command[1:], "--kinds", "knn")
    assert code == 0, err
    folder = command[2].partition("/models/")[0]
    code, _, err = run("reconstruct", folder, made, "--images", "0-3", "-o", "r.png")
    assert (code, (tmp_path / "r.png").is_file()) == (0, True), err


def test_groups_are_laid_out_in_folders(made, model, run, tmp_path):
    asked = ("cluster", model, made, "-k", 2)
    code, _, err = run(*asked, "-o", "groups", "--copy")
    assert code == 0, err
    rows = lines_of(tmp_path / "groups" / "clusters.csv")
    assert list(rows[0])[:4] == ["name", "cluster", "confidence", "class"]
    for row in rows:
        copied = tmp_path / "groups" / f"cluster-{row['cluster']}" / row["name"].split("/")[1]
        assert copied.read_bytes() == (made / row["name"]).read_bytes()
    assert run(*asked, "-o", "links", "--link")[0] == 0
    links = sorted((tmp_path / "links").glob("cluster-?/*.png"))
    assert len(links) == 40
    assert all(link.is_symlink() and link.exists() for link in links)
    assert run("cluster", model, "glyphs", "--copy", "--link", "-o", "x")[0] == 2


def test_images_that_are_no_files_are_laid_out_as_png(tmp_path):
    images = ist.load_images("digits").evenly(40)
    pca = ist.PCA(4).fit(images)
    found = ist.cluster(pca, images, n_clusters=3, copy=True, verbose=False)
    found.save(tmp_path / "groups")
    assert len(list((tmp_path / "groups").glob("cluster-?/*.png"))) == 40
    with pytest.raises(ValueError, match="no files of their own"):
        ist.cluster(pca, images, n_clusters=3, link=True, verbose=False)


def test_the_number_of_clusters_is_found():
    rng = np.random.default_rng(0)
    for k in (3, 6):
        middles = 12 * rng.normal(size=(k, 5))
        Z = (middles[np.arange(120) % k] + rng.normal(size=(120, 5))).astype(np.float32)
        found = ist.cluster(ist.PCA(5).fit(Z), Z, n_clusters="auto", verbose=False)
        assert found.scores["clusters"] == k
        assert "silhouette" in found.scores["chosen"]
    with pytest.raises(ValueError, match="expected a number, or 'auto'"):
        ist.cluster(ist.PCA(2).fit(Z), Z, n_clusters="all")


@pytest.fixture(scope="module")
def table(made):
    """Return a table of labels of half of the images, as a spreadsheet writes it."""
    path = made.parent / "labels.csv"
    names = [f"Größe {c}{i:02d}.png" for i in range(0, 20, 2) for c in "HS"]
    lines = [f"{name};{'oben hell' if 'H' in name else 'unten hell'}" for name in names]
    path.write_bytes("\r\n".join(["Name;Label", *lines]).encode("cp1252"))
    return path


def test_labels_come_from_a_table(made, table, model):
    images = ist.load_images(made, size=16, labels=table)
    assert images.classes == ["oben hell", "unten hell"]
    assert (images.y >= 0).sum() == 20
    assert images.y[:3].tolist() == [0, -1, 0]
    np.testing.assert_array_equal(images.is_test, ist.load_images(made).split().is_test)
    found = ist.probe(ist.load_model(model), images, kinds=["knn"], verbose=False)
    plain = ist.load_images(made, like=ist.load_model(model))
    again = ist.probe(ist.load_model(model), plain, labels=table, kinds=["knn"], verbose=False)
    assert found.accuracies["knn"].n_test == again.accuracies["knn"].n_test


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("a,b,c\n1,2,3", "has the columns a, b, c"),
        ("name,label\nnobody.png,x", "no name finds an image"),
        ("name,label\nGröße H01.png,x\nGröße H01,y", "has the labels x and y"),
    ],
)
def test_tables_that_cannot_be_read_say_why(made, tmp_path, text, message):
    path = tmp_path / "l.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        ist.load_images(made, size=16, labels=path)


def test_label_few_predict_many(made, model, run, tmp_path):
    code, _, err = run("pick", model, made, "-n", "25%", "-o", "to_label.csv", "-o", "p.png")
    assert code == 0, err
    rows = lines_of(tmp_path / "to_label.csv")
    assert [list(rows[0]), len(rows)] == [["name", "label", "stands for"], 10]
    assert sum(int(row["stands for"]) for row in rows) == 40
    filled = [f"{row['name']},{'hell' if 'H' in row['name'] else 'dunkel'}" for row in rows]
    (tmp_path / "l.csv").write_text("\n".join(["name,label", *filled]), encoding="utf-8")
    few = ("--labels", "l.csv", "--size", 16, "--max-steps", 30, "--split", "all")
    code, _, err = run("fit", "classifier", made, *few, "-o", "c.safetensors")
    assert code == 0, err
    asked = ("predict", "c.safetensors", made, "-o", "p.csv", "-o", "x.png")
    code, out, err = run(*asked)
    assert code == 0, err
    found = lines_of(tmp_path / "p.csv")
    assert {row["class"] for row in found} <= {"hell", "dunkel"}
    assert list(found[0]) == ["name", "class", "probability", "unsure", "p dunkel", "p hell"]
    for row in found:
        assert float(row["probability"]) == max(float(row["p dunkel"]), float(row["p hell"]))
        assert (row["unsure"] == "yes") == (float(row["probability"]) < 0.8)
    assert "unsure" in out
    assert "accuracy" not in out  # the classes of the folder are other ones
    more = ("pick", model, made, "-n", 10, "--labels", "l.csv", "-o", "more.csv")
    assert run(*more)[0] == 0
    again = {row["name"] for row in lines_of(tmp_path / "more.csv")}
    assert not again & {row["name"] for row in rows}
    assert run("predict", model, made)[0] == 2
    for wrong in ("0%", "41", "many"):
        assert run("pick", model, made, "-n", wrong)[0] == 2


def test_predictions_are_called_as_labels_were_given(made):
    images = ist.load_images(made, size=16)
    named = ist.Classifier(4, max_steps=20, random_state=0).fit(images.train)
    assert set(named.predict(images)) <= {"Himmel", "Straßen"}
    assert named.classes_.tolist() == ["Himmel", "Straßen"]
    right = (named.predict(images) == np.array(images.classes)[images.y]).mean()
    assert named.score(images) == pytest.approx(right)
    numbered = ist.Classifier(4, max_steps=20, random_state=0).fit(images.train, images.train.y)
    assert set(numbered.predict(images)) <= {0, 1}
    np.testing.assert_allclose(named.predict_proba(images), numbered.predict_proba(images))


@pytest.mark.parametrize("by", ["typical", "cover", "unsure"])
def test_every_way_to_pick_takes_each_image_once(made, by):
    images = ist.load_images(made, size=16)
    model = ist.Classifier(4, max_steps=5, random_state=0).fit(images)
    found = ist.pick(model, images, 40, by=by)
    assert sorted(found.rows.tolist()) == list(range(40))
    train = ist.pick(model, images, 8, by=by, split="train")
    assert not images.split().is_test[train.rows].any()
    if by == "typical":
        assert len({images.y[row] for row in ist.pick(model, images, 2).rows}) == 2


@pytest.mark.parametrize("suffix", ["csv", "parquet", "npz", "npy"])
def test_codes_are_written_for_pandas_and_taken_back(made, model, run, tmp_path, suffix):
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
    code, _, err = run("encode", model, made, "-o", f"c.{suffix}")
    assert code == 0, err
    assert run("decode", model, f"c.{suffix}", "-o", "back.npy")[0] == 0
    pca = ist.load_model(model)
    images = ist.load_images(made, like=pca)
    codes = ist.encode(pca, images)
    np.testing.assert_allclose(np.load("back.npy"), pca.decode(codes), atol=1e-6)
    np.testing.assert_array_equal(ist.decode(pca, f"c.{suffix}"), np.load("back.npy"))
    assert run("decode", model, f"c.{suffix}", "-o", "back")[0] == 0
    back = tmp_path / "back"
    called = {path.relative_to(back).as_posix() for path in back.rglob("*.png")}
    assert ("Himmel/Größe H03.png" in called, len(called)) == (suffix != "npy", 40)
    if suffix == "csv":
        rows = lines_of(tmp_path / "c.csv")
        assert list(rows[0]) == ["image", "class", "split", *pca.get_feature_names_out()]
        assert [row["image"] for row in rows] == images.names.tolist()
        held = [row["split"] == "test" for row in rows]
        assert held == images.split().is_test.tolist()
        kept = (tmp_path / "c.csv").read_text(encoding="utf-8").replace(",pca0", ",other")
        (tmp_path / "c.csv").write_text(kept, encoding="utf-8")
        code, _, err = run("decode", model, "c.csv", "-o", "no.npy")
        assert (code, "has no column pca0" in err) == (2, True)
    if suffix == "npz":
        with np.load(tmp_path / "c.npz") as found:
            assert found["image"].tolist() == images.names.tolist()
            assert found["class"][0] == "Himmel"


def test_indices_are_a_column_called_code(tmp_path):
    images = ist.load_images("digits").evenly(60)
    model = ist.KMeans(5, random_state=0).fit(images)
    codes = ist.encode(model, images)
    back = ist.decode(model, codes.save(tmp_path / "codes.csv"))
    np.testing.assert_array_equal(back, model.decode(codes))
