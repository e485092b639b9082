"""Tables of images: files and labels named in csv, JSON, COCO, and beside a folder."""

import json
import zipfile

import numpy as np
import pytest
from PIL import Image

import isthmus as ist
from isthmus.data.columns import check_columns, held_out, roles_of

N = 12
NAMES = [f"Bilder ä/b {i}.png" for i in range(N)]
PIXELS = np.random.default_rng(0).integers(0, 256, (N, 6, 5), dtype=np.uint8)
KINDS = ["dog" if i % 2 else "cat" for i in range(N)]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Return a folder of images in a folder, and tables beside it."""
    home = tmp_path_factory.mktemp("home")
    (home / NAMES[0]).parent.mkdir()
    for name, pixels in zip(NAMES, PIXELS, strict=True):
        Image.fromarray(pixels).save(home / name)
    rows = [f"{name};{kind};{i};{'test' if i > 8 else 'train'}"
            for i, (name, kind) in enumerate(zip(NAMES, KINDS, strict=True))]  # fmt: skip
    write(home / "photos.csv", "\n".join(["photo;Species;age;fold", *rows]))
    write(home / "ids.csv", "\n".join(["id,breed", *(f"b {i},{KINDS[i]}" for i in range(N))]))
    records = [{"file_name": NAMES[i], "label": i % 3, "w": i / 2} for i in range(N)]
    write(home / "list.jsonl", "\n".join(map(json.dumps, records)))
    write(home / "list.json", json.dumps(dict(zip(NAMES, KINDS, strict=True))))
    write(home / "coco.json", json.dumps(coco()))
    return home


def write(path, text):
    path.write_text(text, encoding="utf-8")


def coco():
    found = [{"image_id": i, "category_id": i % 2} for i in range(N - 1)]
    return {
        "images": [{"id": i, "file_name": f"b {i}.png"} for i in range(N)],
        "annotations": [*found, {"image_id": 0, "category_id": 1}],
        "categories": [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}],
    }


TABLES = {
    "photos.csv": ("label=Species", KINDS),
    "ids.csv": (None, KINDS),
    "list.jsonl": ({"label": "label"}, [str(i % 3) for i in range(N)]),
    "list.json": (None, KINDS),
    "coco.json": (None, [None, *KINDS[1:-1], None]),
}


def named(images):
    return [None if label < 0 else images.classes[label] for label in images.y]


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_a_source(name, home):
    columns, labels = TABLES[name]
    images = ist.load_images(home / name, columns=columns)
    np.testing.assert_array_equal(np.asarray(images)[..., 0], PIXELS)
    assert named(images) == labels
    assert images.meta["labels_from"].endswith(name)
    beside = ist.load_images(home / "Bilder ä", labels=home / name, columns=columns)
    order = [beside.names.tolist().index(f"b {i}.png") for i in range(N)]
    assert named(beside[order]) == labels


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_a_table_in_an_encoding_of_spreadsheets(home, tmp_path, encoding):
    rows = [f"Bilder ä/{name},{kind}ö" for name, kind in zip(NAMES, KINDS, strict=True)]
    text = "\n".join(["file,label", *rows]).replace("é", "e")
    (home / "odd.csv").write_text(text, encoding=encoding)
    assert named(ist.load_images(home / "odd.csv"))[:2] == [f"{kind}ö" for kind in KINDS[:2]]


@pytest.mark.parametrize(
    ("head", "comma", "more"),
    [
        ([], ",", []),
        (["# made by hand", "# of two, at least", "file,label"], ",", []),
        (["#file,label"], ",", []),
        (["file|label"], "|", []),
        (["file,label,red"], ",", ["1"]),
    ],
    ids=str,
)
def test_heads_of_tables(home, head, comma, more):
    """None at all, below comments, behind a mark: no image is lost for one."""
    lines = [comma.join([f"Bilder ä/{n}", k, *more]) for n, k in zip(NAMES, KINDS, strict=True)]
    write(home / "heads.csv", "\n".join([*head, *lines]))
    images = ist.load_images(home / "heads.csv")
    assert named(images) == KINDS
    assert list(images.attributes) == ["red"] * len(more)


@pytest.mark.parametrize(
    ("column", "words", "names"),
    [("tags", ["x", "y"], ["x", "tags y"]), ("labels", [0, 7], ["0", "7"])],
)
def test_lists_of_words_are_attributes(home, column, words, names):
    records = [{"file_name": f"Bilder ä/{NAMES[i]}", column: words[: i % 3]} for i in range(N)]
    write(home / "tags.jsonl", "\n".join(map(json.dumps, records)))
    images = ist.load_images(home / "tags.jsonl")
    assert images.y is None
    assert {name: cells.tolist() for name, cells in images.attributes.items()} == {
        names[0]: [int(i % 3 > 0) for i in range(N)],
        names[1]: [int(i % 3 > 1) for i in range(N)],
    }
    captions = [record | {"said": [f"picture {i}"]} for i, record in enumerate(records)]
    write(home / "said.jsonl", "\n".join(map(json.dumps, captions)))
    assert list(ist.load_images(home / "said.jsonl").attributes) == names


def test_a_column_says_what_is_held_out(home):
    images = ist.load_images(home / "photos.csv")
    assert images.is_test.tolist() == [False] * 9 + [True] * 3
    assert images.y is None
    assert images.names.tolist() == NAMES
    with pytest.raises(ValueError, match="the column age holds 0, 1, 10"):
        ist.load_images(home / "photos.csv", columns="split=age")
    with pytest.raises(ValueError, match=r"no column 'Spezies' for the label.*did you mean 'Spec"):
        ist.load_images(home / "photos.csv", columns={"label": "Spezies"})
    with pytest.raises(ValueError, match="must be one of 'image', 'label', 'split'"):
        check_columns("colour=age")


def test_metadata_beside_a_folder_is_read(home, tmp_path):
    for i, name in enumerate(NAMES):
        part = tmp_path / ("validation" if i > 8 else "train")
        part.mkdir(exist_ok=True)
        (part / name.rpartition("/")[2]).write_bytes((home / name).read_bytes())
    for part, rows in (("train", range(9)), ("validation", range(9, N))):
        lines = ["file_name,label", *(f"b {i}.png,{KINDS[i]}" for i in rows), "gone.png,cat"]
        write(tmp_path / part / "metadata.csv", "\n".join(lines))
    images = ist.load_images(tmp_path)
    order = [int(name.rpartition(" ")[2][:-4]) for name in images.names]
    assert named(images) == [KINDS[i] for i in order]
    assert images.is_test.tolist() == [i > 8 for i in order]
    assert [name for name, _ in images.skipped] == ["train/gone.png", "validation/gone.png"]


@pytest.mark.parametrize("name", ["metadata.csv", "labels.tsv", "labels.csv"])
def test_a_table_in_a_zip_is_read_as_in_a_folder(home, tmp_path, name):
    comma = "\t" if name.endswith("tsv") else ","
    lines = [
        f"{each.rpartition('/')[2]}{comma}{kind}" for each, kind in zip(NAMES, KINDS, strict=True)
    ]
    folder = tmp_path / "pictures"
    folder.mkdir()
    for each in NAMES:
        (folder / each.rpartition("/")[2]).write_bytes((home / each).read_bytes())
    write(folder / name, "\n".join([f"file{comma}kind", *lines]))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        for path in folder.iterdir():
            file.write(path, f"pictures/{path.name}")
    for source in (folder, tmp_path / "a.zip"):
        images = ist.load_images(source)
        wanted = dict(zip([n.rpartition("/")[2] for n in NAMES], KINDS, strict=True))
        assert named(images) == [wanted[n.rpartition("/")[2]] for n in images.names]
        assert images.skipped == []
    write(folder / name, f"a{comma}b\n1{comma}2")
    if name.startswith("labels"):
        assert ist.load_images(folder).skipped == [(name, "names none of the images")]


def test_numbers_in_a_table_are_images(tmp_path):
    lines = [f"{i % 3}," + ",".join(map(str, row.ravel()[:16])) for i, row in enumerate(PIXELS)]
    head = ",".join(["label", *(f"pixel{i}" for i in range(16))])
    write(tmp_path / "p.csv", "\n".join([head, *lines]))
    images = ist.load_images(tmp_path / "p.csv")
    np.testing.assert_array_equal(np.asarray(images).reshape(N, 16), PIXELS.reshape(N, 30)[:, :16])
    assert images.shape == (N, 4, 4, 1)
    lines = [f"{i % 2},{' '.join(map(str, row.ravel()[:16]))},{'Training' if i else 'PublicTest'}"
             for i, row in enumerate(PIXELS)]  # fmt: skip
    write(tmp_path / "fer.csv", "\n".join(["emotion,pixels,Usage", *lines]))
    images = ist.load_images(tmp_path / "fer.csv", columns="label=emotion")
    assert images.shape == (N, 4, 4, 1)
    assert images.is_test.tolist() == [True] + [False] * (N - 1)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "a,b,c\n1,2,3", "none names files of images"),
        ("a.csv", "", "is empty"),
        ("a.csv", "file,label\nx.png,1", "there is no such file"),
        ("a.json", "{", "is damaged"),
        ("a.json", "[]", "it is no table"),
        ("a.jsonl", "1\n2", "it is no table"),
    ],
)
def test_what_is_no_table_of_images_says_so(tmp_path, name, text, message):
    write(tmp_path / name, text)
    with pytest.raises(ValueError, match=message):
        ist.load_images(tmp_path / name)


def test_columns_are_known_by_names_and_cells():
    table = {"id": ["1", "2"], "Class": ["a", "b"], "where": ["x/1.JPG", "2.png"], "n": ["1", "2"]}
    assert roles_of(table, {}, "t") == ("where", "Class", None, ("id", "n"))
    assert held_out(["0", "1", "2"], "partition").tolist() == [False, False, True]
    assert held_out([True, False], "is_test").tolist() == [True, False]
    assert held_out(["a", "b"], "split") is None


def test_commands_take_tables(home, run, tmp_path):
    asked = (home / "photos.csv", "--columns", "label=Species")
    code, out, err = run("fit", "kmeans", *asked, "-k", 3, "-o", tmp_path / "k.safetensors")
    assert code == 0, err
    code, out, err = run("cluster", tmp_path / "k.safetensors", *asked, "-k", 2)
    assert (code, "ari" in out) == (0, True), err
    code, out, err = run("data", home / "Bilder ä", "--labels", home / "ids.csv")
    assert (code, "cat, dog" in out) == (0, True), err
    assert run("data", home / "photos.csv", "--columns", "label")[0] == 2
