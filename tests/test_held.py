"""What people hold in Python: data sets, loaders, tables, generators, by their interface alone."""

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

import isthmus as ist
from isthmus.data import piles
from isthmus.data.held import is_held

N = 12
PIXELS = np.random.default_rng(0).integers(0, 256, (N, 6, 5), dtype=np.uint8)
Y = np.arange(N) % 3
PICTURES = [Image.fromarray(pixels) for pixels in PIXELS]
KINDS = ["ant", "bee", "cow"]
PAIRS = list(zip(PICTURES, Y.tolist(), strict=True))


class Items:
    """As a Dataset of torch: a length, and items by their number."""

    classes = KINDS

    def __init__(self, pictures=PICTURES):
        self.pictures = pictures

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, row):
        return self.pictures[row], int(Y[row])


class Pairs(Items):
    """As a Dataset of torch: tensors, and what comes with each."""

    def __init__(self, beside, classes=None):
        self.beside, self.classes = beside, classes

    def __len__(self):
        return N

    def __getitem__(self, row):
        if row >= N:
            raise IndexError(row)
        return torch.from_numpy(PIXELS[row][None]), self.beside[row]


class Folder(Items):
    """As ImageFolder of torchvision: the paths of all files, with their labels."""

    transform = target_transform = None
    loader = staticmethod(Image.open)

    def __init__(self, folder):
        self.samples = []
        for row, picture in enumerate(PICTURES):
            path = folder / KINDS[Y[row]] / f"b {row}.png"
            path.parent.mkdir(exist_ok=True)
            picture.save(path)
            self.samples.append((str(path), int(Y[row])))


class Frame(dict):
    """As a DataFrame."""

    @property
    def columns(self):
        return list(self)

    dtypes = None


class Feature:
    names = KINDS


class Arrow:
    """As a Dataset of Hugging Face: an Arrow table, and what its columns are."""

    column_names = ("image", "label")

    def __init__(self, rows=slice(None)):
        self.rows = rows
        self.features = {"image": object(), "label": Feature()}

    def with_format(self, kind):
        assert kind == "arrow"
        return self

    def __len__(self):
        return len(table()[self.rows])

    def __getitem__(self, rows):
        return table()[self.rows]


def encoded(picture):
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def table():
    cells = [{"bytes": encoded(p), "path": f"{i}.png"} for i, p in enumerate(PICTURES)]
    return pa.table({"image": cells, "label": Y, "age": Y + 2})


def saved(folder, rows=slice(None)):
    """Write a folder as `save_to_disk` does."""
    folder.mkdir(parents=True)
    features = {"label": {"names": KINDS, "_type": "ClassLabel"}}
    known = json.dumps({"info": {"features": features}})
    found = table()[rows].replace_schema_metadata({"huggingface": known})
    with pa.ipc.new_stream(str(folder / "data-00000-of-00001.arrow"), found.schema) as stream:
        stream.write_table(found)
    (folder / "dataset_info.json").write_text(known)
    listed = {"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}
    (folder / "state.json").write_text(json.dumps(listed))
    return folder


def in_parts(folder):
    saved(folder / "train", slice(0, 8))
    saved(folder / "test", slice(8, N))
    (folder / "dataset_dict.json").write_text(json.dumps({"splits": ["train", "test"]}))
    return folder


def shards(folder):
    (folder / "data").mkdir(parents=True)
    pq.write_table(table()[:8], folder / "data" / "train-00000-of-00001.parquet")
    pq.write_table(table()[8:], folder / "data" / "test-00000-of-00001.parquet")
    return folder


def loader(**more):
    tensors = torch.from_numpy(PIXELS)[:, None], torch.from_numpy(Y)
    data = torch.utils.data.TensorDataset(*tensors)
    return torch.utils.data.DataLoader(data, batch_size=5, **more)


def own_batch(items):
    return torch.stack([x for x, _ in items]), torch.tensor([int(y) for _, y in items])


HELD = {
    "list of pictures": lambda folder: PICTURES,
    "pairs": lambda folder: PAIRS,
    "records": lambda folder: [{"img": p, "label": KINDS[k]} for p, k in PAIRS],
    "Dataset": lambda folder: Items(),
    "Dataset of tensors": lambda folder: Items([torch.from_numpy(p)[None] for p in PIXELS]),
    "Dataset of arrays": lambda folder: Items(PIXELS),
    "Subset": lambda folder: torch.utils.data.Subset(Items(), range(N)),
    "ImageFolder": Folder,
    "DataLoader": lambda folder: loader(),
    "DataLoader that shuffles": lambda folder: loader(shuffle=True),
    "DataLoader with its own batches": lambda folder: loader(collate_fn=own_batch),
    "generator of arrays": lambda folder: (p for p in PIXELS),
    "generator of pairs": lambda folder: ((p, k) for p, k in zip(PIXELS, Y, strict=True)),
    "generator of pictures": lambda folder: (p for p in PICTURES),
    "generator of batches": lambda folder: ((PIXELS[i : i + 5], Y[i : i + 5]) for i in (0, 5, 10)),
    "generator of files": lambda folder: (encoded(p) for p in PICTURES),
    "Frame of paths": lambda folder: Frame(
        path=[path for path, _ in Folder(folder).samples], label=Y
    ),
    "Frame of pictures": lambda folder: Frame(picture=PICTURES, kind=Y, label=Y),
    "Dataset of Hugging Face": lambda folder: Arrow(),
    "DatasetDict": lambda folder: {"train": Arrow(slice(0, 8)), "test": Arrow(slice(8, N))},
    "parts of data sets": lambda folder: {"train": Items(), "test": iter([])},
    "folder of save_to_disk": lambda folder: saved(folder / "set"),
    "folder of a DatasetDict": lambda folder: in_parts(folder / "sets"),
    "folder of parquet": lambda folder: shards(folder / "sets"),
    "Arrow file": lambda folder: saved(folder / "set") / "data-00000-of-00001.arrow",
    "dict of arrays": lambda folder: {"images": PIXELS, "labels": Y},
}
NO_LABELS = ("list of pictures", "generator of arrays", "generator of pictures",
             "generator of files")  # fmt: skip
PARTED = ("DatasetDict", "folder of a DatasetDict", "folder of parquet")


@pytest.mark.parametrize("kind", HELD)
def test_what_is_held_is_read_right(kind, tmp_path):
    images = ist.load_images(HELD[kind](tmp_path))
    assert images.shape == (N, 6, 5, 1)
    np.testing.assert_array_equal(np.asarray(images)[..., 0], PIXELS)
    if kind in NO_LABELS:
        assert images.y is None
    else:
        assert images.y.tolist() == Y.tolist()
    if kind in PARTED:
        assert images.is_test.tolist() == [row >= 8 for row in range(N)]
    assert ist.KMeans(3, max_iter=2, random_state=0).fit(images).encode(images).shape == (N,)


def test_names_and_classes_come_along(tmp_path):
    images = ist.load_images(Folder(tmp_path))
    assert images.names[:2].tolist() == ["ant/b 0.png", "bee/b 1.png"]
    assert images.classes == KINDS
    assert ist.load_images(saved(tmp_path / "set")).classes == KINDS
    assert ist.load_images(Arrow()).names[3] == "3.png"
    digits = ist.load_images(load_digits())
    assert digits.shape == (1797, 8, 8, 1)
    assert len(digits.classes) == 10


SIZES = [(6, 5), (8, 5), (6, 9)]


def mixed():
    return [np.full(SIZES[i % 3], 20 * i, np.uint8) for i in range(6)]


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("kind", ["pictures", "arrays", "generator", "floats"])
def test_pictures_of_several_sizes_get_one(kind, fit):
    given = mixed()
    if kind == "pictures":
        given = [Image.fromarray(each) for each in given]
    given = [each / np.float32(255) for each in given] if kind == "floats" else given
    given = iter(given) if kind == "generator" else given
    images = ist.load_images(given, size=(4, 7), resize=fit)
    assert images.shape == (6, 4, 7, 1)
    assert images.sizes[:3].tolist() == [list(size) for size in SIZES]
    middle = np.asarray(images)[:, 2, 3, 0].astype(float)
    wanted = np.arange(6) * 20
    np.testing.assert_allclose(middle, wanted / 255 if kind == "floats" else wanted, atol=1e-3)


def test_sizes_that_differ_become_the_median():
    assert ist.load_images(mixed()).shape == (6, 6, 5, 1)
    mixture = [mixed()[0], np.zeros((6, 5, 3), np.uint8)]
    assert ist.load_images(mixture).shape == (2, 6, 5, 3)


def test_many_images_are_streamed_to_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ISTHMUS_CACHE", str(tmp_path))
    monkeypatch.setattr(piles, "memory_allowed", lambda: 100)
    for _ in range(2):
        images = ist.load_images((p, k) for p, k in zip(PIXELS, Y, strict=True))
        assert isinstance(images.data.base, np.memmap)
        np.testing.assert_array_equal(np.asarray(images)[..., 0], PIXELS)
        assert len(list((tmp_path / "images").iterdir())) == 1  # the same images, the same file
    with pytest.raises(ValueError, match="give images of one kind, or say size="):
        ist.load_images(iter([*PIXELS, np.zeros((3, 3), np.uint8)]))
    assert len(list((tmp_path / "images").iterdir())) == 1


def test_loaders_leave_the_random_state_alone():
    before = torch.get_rng_state()
    ist.load_images(loader(shuffle=True, collate_fn=own_batch))
    assert torch.equal(before, torch.get_rng_state())


def test_pictures_of_every_mode_are_read_as_their_files(tmp_path):
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK"):
        picture = Image.fromarray(np.stack([PIXELS[0], PIXELS[1], PIXELS[2]], -1)).convert(mode)
        path = tmp_path / f"a.{'tif' if mode == 'CMYK' else 'png'}"
        picture.save(path)
        given, file = ist.load_images([picture] * 2), ist.load_images(path)
        np.testing.assert_array_equal(np.asarray(given[:1]), np.asarray(file), mode)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (iter([]), "nothing came"),
        (iter([object()]), "object is no image"),
        ([{"a": 1}], "none of a is an image"),
        (
            Frame(a=["x", "y"], b=["u", "v"], c=[1, 2]),
            "a, b, c, of which none names files of images",
        ),
        ([PICTURES[0], PIXELS[1]], "array among pictures"),
    ],
)
def test_what_is_no_set_of_images_says_so(given, message):
    with pytest.raises(ValueError, match=message):
        ist.load_images(given)


def test_arrays_and_lists_of_numbers_are_none_of_these():
    assert not is_held(PIXELS)
    assert not is_held([[0.0, 1.0], [1.0, 2.0]])
    assert not is_held(torch.zeros(2, 3))


def test_verbs_take_what_is_held():
    model = ist.KMeans(3, max_iter=2, random_state=0).fit(PIXELS)
    same = ist.encode(model, Items())
    np.testing.assert_array_equal(same, model.encode(PIXELS))


HOT = (np.arange(N * 3).reshape(N, 3) % 4 > 1).astype(int)
MAPS = np.random.default_rng(1).integers(0, 3, (N, 6, 5))


@pytest.mark.parametrize("batched", [False, True])
def test_several_labels_of_an_item_are_attributes(batched):
    several = Pairs(torch.from_numpy(HOT), KINDS)
    images = ist.load_images(torch.utils.data.DataLoader(several, 5) if batched else several)
    assert images.y is None
    assert {k: v.tolist() for k, v in images.attributes.items()} == dict(
        zip(KINDS, HOT.T.tolist(), strict=True)
    )
    one = ist.load_images(Pairs(torch.eye(3).int()[torch.from_numpy(Y)], KINDS))
    assert (one.y.tolist(), one.classes) == (Y.tolist(), KINDS)


@pytest.mark.parametrize(
    "beside",
    [
        torch.from_numpy(MAPS),
        torch.from_numpy(MAPS[:, None]).float(),
        [Image.fromarray(each.astype(np.uint8)) for each in MAPS],
    ],
)
def test_masks_beside_images_are_label_maps(beside):
    images = ist.load_images(Pairs(beside))
    np.testing.assert_array_equal(images.label_maps, MAPS)
    larger = ist.load_images(Pairs(beside), size=(12, 10))
    np.testing.assert_array_equal(larger.label_maps, MAPS.repeat(2, 1).repeat(2, 2))


TAGS = [["round", "red"], [], ["red"], None] * 3
SOME = [[0], [0, 2], [], [1]] * 3


def with_lists(tmp_path, as_object):
    """As data sets have several labels of an image, boxes, and several pictures."""
    boxes = [[[1.0, 2.0, 3.0, 4.0]]] * N
    found = table().append_column("tags", pa.array(TAGS)).append_column("boxes", pa.array(boxes))
    found = found.append_column("kinds", pa.array(SOME)).drop_columns(["label"])
    if as_object:
        features = {"kinds": [Feature()], "tags": object()}
        return type("Own", (Arrow,), {"__getitem__": lambda self, rows: found[rows]})(), features
    listed = {"feature": {"names": KINDS, "_type": "ClassLabel"}, "_type": "List"}
    known = json.dumps({"info": {"features": {"kinds": listed}}})
    pq.write_table(found.replace_schema_metadata({"huggingface": known}), tmp_path / "a.parquet")
    return tmp_path / "a.parquet", None


@pytest.mark.parametrize("as_object", [True, False])
def test_lists_of_labels_in_a_data_set_are_attributes(tmp_path, as_object):
    source, features = with_lists(tmp_path, as_object)
    if as_object:
        source.features = features
    images = ist.load_images(source)
    np.testing.assert_array_equal(images.data[..., 0], PIXELS)
    assert images.y is None
    assert {name: column[:4].tolist() for name, column in images.attributes.items()} == {
        "age": [2, 3, 4, 2], "red": [1, 0, 1, 0], "round": [1, 0, 0, 0],
        "ant": [1, 1, 0, 0], "bee": [0, 0, 0, 1], "cow": [0, 1, 0, 0]}  # fmt: skip


@pytest.mark.parametrize("kind", [".parquet", ".arrow", "object"])
def test_masks_in_a_data_set_are_label_maps(tmp_path, kind):
    masks = [
        {"bytes": encoded(Image.fromarray(each.astype(np.uint8))), "path": ""} for each in MAPS
    ]
    found = table().append_column("annotation", pa.array(masks))
    source = tmp_path / f"a{kind}"
    if kind == "object":
        source = type("Own", (Arrow,), {"__getitem__": lambda self, rows: found[rows]})()
    elif kind == ".parquet":
        pq.write_table(found, source)
    else:
        with pa.ipc.new_file(str(source), found.schema) as file:
            file.write_table(found)
    images = ist.load_images(source)
    np.testing.assert_array_equal(images.data[..., 0], PIXELS)
    np.testing.assert_array_equal(images.label_maps, MAPS)
    assert images.y.tolist() == Y.tolist()


def test_a_transform_of_a_data_set_is_carried_out():
    class Transformed(Arrow):
        format = {"type": "custom"}  # noqa: RUF012

        def __getitem__(self, row):
            return {"image": PIXELS[row, :3], "label": int(Y[row])}

    images = ist.load_images(Transformed())
    np.testing.assert_array_equal(images.data[..., 0], PIXELS[:, :3])
    assert (images.y.tolist(), images.classes) == (Y.tolist(), KINDS)


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy, lambda pixels: pixels[..., None]])
def test_images_and_labels_are_a_pair(kind):
    images = ist.load_images((kind(PIXELS), Y))
    np.testing.assert_array_equal(images.data[..., 0], PIXELS)
    assert images.y.tolist() == Y.tolist()
    parts = ((kind(PIXELS[:8]), Y[:8]), (kind(PIXELS[8:]), Y[8:].tolist()))
    for source in (parts, dict(zip(("train", "test"), parts, strict=True))):
        images = ist.load_images(source)
        np.testing.assert_array_equal(images.data[..., 0], PIXELS)
        assert (images.y.tolist(), images.is_test.sum()) == (Y.tolist(), 4)
    assert ist.encode(ist.PCA(2).fit(PIXELS), (kind(PIXELS), Y)).shape == (N, 2)


def test_joined_data_sets_have_the_classes_of_both():
    both = torch.utils.data.ConcatDataset([Items(), Items()])
    assert ist.load_images(both).classes == KINDS
    other = Items()
    other.classes = KINDS[::-1]
    assert ist.load_images(torch.utils.data.ConcatDataset([Items(), other])).classes == list("012")


def test_what_cannot_be_kept_of_an_item_is_said():
    with pytest.warns(UserWarning, match="of 12 of 12 items the first picture is read and the"):
        ist.load_images(Pairs([torch.zeros(3, 6, 5)] * N))
    with pytest.raises(ValueError, match=r"holds fractions: give whole .*PILToTensor"):
        ist.load_images(Pairs(torch.from_numpy(MAPS[:, None]) / 255))


def test_pictures_are_read_as_their_files_are(tmp_path):
    colors = np.random.default_rng(2).integers(0, 256, (4, 6, 5, 3), dtype=np.uint8)
    rgb = [Image.fromarray(each) for each in colors]
    for mode in ("P", "RGBA", "CMYK", "LA"):
        pictures = [each.convert(mode) for each in rgb]
        np.testing.assert_array_equal(ist.Images(pictures), ist.load_images(pictures))
    palettes = [each.quantize(4) for each in rgb]
    assert ist.KMeans(2, random_state=0).fit(palettes).image_shape_ == (6, 5, 3)
