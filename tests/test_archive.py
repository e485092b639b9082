"""A folder of image files made small, and back: names, sizes, colours, and what it may cost."""

import io
import json
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import isthmus as ist
from isthmus.codec import container
from isthmus.codec.contexts import Near, decoded, encoded
from isthmus.codec.entries import Entry, frames_of
from isthmus.codec.entropy import encoded as each_column_alone
from isthmus.codec.peers import Compared
from isthmus.codec.suited import Search, shortened
from isthmus.data.pictures import as_pictures
from isthmus.data.tiles import cut, joined
from test_codec import damaged


def photograph(height, width, seed):
    """Return smooth shades, lines and a little noise, from 0 to 1."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(20, 236, (6, 5, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)) / 255
    rows, columns = np.indices((height, width))
    lines = 0.15 * np.sin((rows * rng.uniform(-1, 1) + columns * rng.uniform(-1, 1)) / 2)
    found = smooth + lines[..., None] + rng.normal(scale=0.01, size=(height, width, 1))
    return found.clip(0, 1)


SIZES = [(75, 50), (48, 97), (64, 64), (33, 90), (81, 40), (60, 71)]


@pytest.fixture(scope="module", autouse=True)
def few():
    """Learn from few patches: they are of small images."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("isthmus.data.patches.MOST", 3000)
        patch.setattr("isthmus.codec.suited.PATCHES", 5000)
        yield


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """Folders with umlauts, many sizes; grey, transparency, 12 bits; one broken, one no image."""
    there = tmp_path_factory.mktemp("jobs") / "photos"
    for number, (height, width) in enumerate(
        [(75, 50), (48, 97), (64, 64), (33, 90), (81, 40), (60, 71)]
    ):
        path = there / ("Blüten" if number % 2 else "Küste") / f"Bild größer {number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = photograph(height, width, number)
        image = Image.fromarray(np.rint(255 * pixels).astype(np.uint8))
        if number == 2:
            image = image.convert("L")
        if number == 3:
            image.putalpha(Image.fromarray((np.indices((33, 90))[1] * 2).astype(np.uint8)))
        if number == 4:
            image = Image.fromarray(np.rint(4095 * pixels[..., 0]).astype(np.uint16))
        image.save(path)
    (there / "Küste" / "kaputt.png").write_bytes(
        (there / "Küste/Bild größer 0.png").read_bytes()[:500]
    )
    (there / "nichts.jpg").write_bytes(b"no image")
    return there


@pytest.fixture(scope="module")
def packed(photographs, tmp_path_factory):
    """Return a small file of them, made without a model."""
    path = tmp_path_factory.mktemp("packed") / "photos.isth"
    return ist.compress(None, photographs, path, quality=34, formats=())


def psnr_of(before, after):
    wrong = [(a.unit() - b.unit()).ravel() for a, b in zip(before, after, strict=True)]
    return -10 * np.log10(np.square(np.concatenate(wrong), dtype=np.float64).mean() + 1e-12)


def test_a_folder_made_small_and_back(photographs, run, tmp_path):
    code, out, err = run("compress", photographs, "-o", "photos.isth", "--quality", 33)
    assert code == 0, err
    assert "skipped Küste/kaputt.png" in err
    assert "in tiles of 8x8 side by side; by " in err
    assert "1 with transparency, which is kept exactly; 1 of 12 bits a value" in err
    assert "jpeg" in out
    assert "webp" in out
    assert run("decompress", "photos.isth", "-o", "back", "-o", "strip.png")[0] == 0
    before, after = as_pictures(photographs), as_pictures(tmp_path / "back")
    assert list(after.names) == list(before.names)
    assert after.modes == before.modes
    np.testing.assert_array_equal(after.sizes, before.sizes)
    for old, new in zip(before, after, strict=True):
        assert new.pixels.dtype == old.pixels.dtype
        assert old.alpha is None or (old.alpha == new.alpha).all()
    assert 33 <= psnr_of(before, after) < 33.1
    assert (tmp_path / "photos.isth").stat().st_size < before.n_bytes / 2
    code, out, _ = run("compress", photographs, "-o", "p.isth", "--json", "--formats", "none")
    assert json.loads(out)["files_bytes"] == before.n_bytes
    assert "beside" not in json.loads(out)


def test_a_model_of_small_images_works_on_tiles(photographs, run, tmp_path):
    command = ("fit", "pca", photographs, "--per", "patch", "--size", 8, "--n-components", 24)
    assert run(*command, "-o", "pca.safetensors")[0] == 0
    assert run("compress", "pca.safetensors", photographs, "-o", "p.isth", "--quality", 26)[0] == 0
    assert run("decompress", "p.isth", "-o", "back")[0] == 0  # the model is where it was
    before, after = as_pictures(photographs), as_pictures(tmp_path / "back")
    assert 26 <= psnr_of(before, after) < 26.1
    sizes = [(tmp_path / "p.isth").stat().st_size]
    for rate in (300, 600):
        code, _, _ = run("compress", "pca.safetensors", photographs, "-o", "p.isth", "--force",
                         "--rate", rate, "--formats", "none")  # fmt: skip
        assert code == 0
        sizes.append((tmp_path / "p.isth").stat().st_size)
    assert sizes[1] < sizes[2] <= 6 * 600 + 1500
    kmeans = ist.KMeans(32, random_state=0).fit(ist.load_images(photographs, per="patch", size=4))
    ist.compress(kmeans, photographs, tmp_path / "k.isth")
    assert psnr_of(before, ist.decompress(tmp_path / "k.isth", kmeans).files) > 15
    grey = ist.PCA(8).fit(ist.load_images(photographs, per="patch", size=4, color="grey"))
    ist.compress(grey, photographs, tmp_path / "g.isth", embed=True, quality=24)
    files = ist.decompress(tmp_path / "g.isth").files
    assert [picture.mode for picture in files] == before.modes


def test_what_cannot_be_compressed_so_says_what_to_do(photographs, run, tmp_path):
    ist.PCA(2).fit(np.random.default_rng(0).random((9, 5))).save(tmp_path / "v.safetensors")
    ist.PCA(2).fit(ist.load_images(photographs, per="patch", size=8)).save(
        tmp_path / "p.safetensors"
    )
    for words, said in {
        ("digits",): "digits is no folder of image files: give a model, MODEL, before it",
        ("p.safetensors",): "p.safetensors is a model: say after it",
        ("p.safetensors", photographs, "--quality", 50): "is beyond this PCA, which reaches",
        (photographs, "--quality", 30, "--rate", 9): "are two ways to choose",
        (photographs, "--formats", "gif"): "--formats 'gif' must be",
        ("v.safetensors", photographs): "was fitted on vectors",
    }.items():
        code, _, err = run("compress", *words, "-o", "x.isth")
        assert code == 2, words
        assert said in err.splitlines()[-1], err
        assert not (tmp_path / "x.isth").exists()


def test_a_picture_is_reached_alone_and_seen(packed):
    files = ist.decompress(packed.path).files
    assert files[1].alpha is not None
    np.testing.assert_array_equal(files[5].pixels, list(files)[5].pixels)
    assert packed.picture().width > 600
    assert packed.scores["images"] == len(files) == 6


@pytest.mark.parametrize("grids", [[(1, 1)], [(1, 7)], [(5, 1), (3, 4)], [(6, 7), (1, 1), (2, 2)]])
def test_symbols_of_tiles_come_back(grids):
    n, rng = sum(rows * columns for rows, columns in grids), np.random.default_rng(0)
    smooth = np.cumsum(rng.integers(-1, 2, n))
    symbols = np.stack(
        [smooth, rng.integers(-2, 3, n), np.full(n, 7), rng.integers(-900, 900, n)], 1
    )
    near = Near.of(grids)
    content, bits = encoded(symbols, near)
    np.testing.assert_array_equal(decoded(content, near, 4), symbols)
    assert bits.shape == (n,)
    assert (bits >= 0).all()


def test_neighbours_tell_how_uncertain_a_number_is():
    rng = np.random.default_rng(0)
    loud = np.repeat(np.repeat(rng.integers(0, 2, (8, 8)), 8, 0), 8, 1).ravel()
    symbols = np.rint(rng.normal(scale=np.where(loud, 6, 0.3)[:, None], size=(4096, 6))).astype(
        int
    )
    content, bits = encoded(symbols, Near.of([(64, 64)]))
    assert len(content) < 0.85 * len(each_column_alone(symbols)[0])
    assert bits.sum() / 8 < len(content) < bits.sum() / 8 + 300


def test_tiles_side_by_side_cover_an_image():
    image = np.random.default_rng(0).random((13, 22, 3))
    tiles = cut(image, (4, 5))
    assert tiles.shape == (4 * 5, 4, 5, 3)
    np.testing.assert_array_equal(joined(tiles, (13, 22)), image)
    assert [len(rows) for rows in frames_of(np.array([[2048, 2048]] * 3))] == [1, 1, 1]


def test_coarse_components_change_little(photographs):
    patches = ist.load_images(photographs, per="patch", size=8)
    true = np.asarray(patches) / 255

    def error(model):
        return float(np.square(model.decode(model.encode(patches)) - true).mean())

    model = ist.PCA(40).fit(patches)
    short, exact = shortened(model, 30, 1e-3), ist.PCA(30).fit(patches)
    assert short.components_.shape == (30, 192)
    assert len(np.unique(short.components_)) < 2000
    assert error(model) < error(exact) < error(short) < error(exact) + 1e-4


def test_the_table_is_at_equal_quality_and_counts_files_as_they_are(packed):
    compared = Compared.of(packed.job)
    assert len(compared.pictures) == 5  # formats hold 8 bits
    rows = {row["format"]: row for row in compared.beside(["jpeg", "webp"])}
    quality = int(rows["jpeg"]["setting"].split()[1].strip(","))
    subsampling = 2 if "4:2:0" in rows["jpeg"]["setting"] else 0
    size = []
    for near in (quality - 1, quality):
        files = [io.BytesIO() for _ in compared.pictures]
        for picture, file in zip(compared.pictures, files, strict=True):
            image = Image.fromarray(picture.pixels.squeeze())
            image.save(file, "JPEG", quality=near, subsampling=subsampling, optimize=True,
                       progressive=True)  # fmt: skip
        size.append(sum(len(file.getvalue()) for file in files) / len(files))
    assert size[0] - 1 <= rows["jpeg"]["bytes an image"] <= size[1] + 1
    assert rows["webp"]["PSNR in dB"] == rows["isthmus"]["PSNR in dB"]
    whole = packed.nbytes - packed.job.alpha_bytes
    assert sum(compared.ours.nbytes) < whole
    assert rows["isthmus"]["bytes an image"] == round(sum(compared.ours.nbytes) / 5)


@pytest.mark.parametrize("kind", ["tiny", "flat", "one"])
def test_few_small_or_plain_pictures_are_compressed_too(kind, tmp_path):
    rng = np.random.default_rng(0)
    found = {
        "tiny": [rng.integers(0, 256, (5, 6, 3)), rng.integers(0, 256, (1, 3, 3))],
        "flat": [np.zeros((20, 9, 3)), np.zeros((3, 40, 3))],
        "one": [255 * photograph(20, 17, 0)],
    }[kind]
    for number, pixels in enumerate(found):
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / f"{number}.png")
    before, path = as_pictures(tmp_path), tmp_path / "x.isth"
    packed = ist.compress(None, before, path, quality=30, formats=("jpeg",))
    assert psnr_of(before, ist.decompress(path).files) >= min(30, packed.psnr)
    assert packed.psnr >= 30
    assert "larger than these files" in packed.said
    assert packed.table()[0]["isthmus takes"] == "100%"


def test_a_quality_is_searched_between_steps_that_reach_it_and_such_that_do_not():
    search = Search(1.0, 30.0)
    while not search.ends(psnr := np.floor(40 - 13 * search.step)):  # no smooth way there
        pass
    assert psnr >= 30
    assert 0.69 < search.step <= 10 / 13


def test_what_an_entry_says_is_checked():
    assert Entry("a", 3, 4, "LA;16", 12).checked().alpha_bytes == 24
    for wrong in (
        ("a", 0, 4, "L", 8),
        ("a", 10**6, 10**6, "L", 8),
        ("a", 4.0, 4, "L", 8),
        ("a", 4, 4, "CMYK", 8),
        ("a", 4, 4, "L", 99),
        ("a\0b", 4, 4, "L", 8),
        (7, 4, 4, "L", 8),
    ):
        with pytest.raises(ValueError, match="an image"):
            Entry(*wrong).checked()


def rewritten(path, changed, header=None):
    """Write a file again, with right checksum, its sections and header changed."""
    found, sections = container.read_sections(path)
    content = b"".join(container.sections_of(found | (header or {}), changed(list(sections)), 2))
    path.write_bytes(content)


def test_files_are_not_written_again_where_that_would_take_too_long(packed, tmp_path):
    from isthmus.codec.suited import written_pictures

    asked = []

    def is_over(ahead):
        asked.append(ahead)
        return True

    written_pictures(None, packed.images, tmp_path / "a.isth", quality=30.0, is_over=is_over)
    assert len(asked) <= 1
    assert all(seconds > 0 for seconds in asked)
    assert (tmp_path / "a.isth").is_file()


def test_damaged_and_crafted_files_are_one_clear_error(packed, tmp_path):
    whole, path = packed.path.read_bytes(), tmp_path / "x.isth"
    right = [picture.pixels for picture in ist.decompress(packed.path).files]
    rng = np.random.default_rng(0)
    for _ in range(40):
        path.write_bytes(damaged(whole, rng))
        with pytest.raises(ValueError, match=r"x\.isth"):
            list(ist.decompress(path).files)
    for _ in range(40):  # the checksum is right, the content is not
        path.write_bytes(whole)
        which = int(rng.integers(5))

        def changed(sections, which=which):
            sections[which] = damaged(sections[which], rng)
            return sections

        rewritten(path, changed)
        try:
            found = [picture.pixels.shape for picture in ist.decompress(path).files]
        except ValueError as error:
            assert "x.isth" in str(error)  # noqa: PT017
        else:
            assert found == [pixels.shape for pixels in right]
    for header in ({"tile": [4, 4, 3]}, {"count": 10**12}, {"range": [1, 0]}, {"count": 0}):
        path.write_bytes(whole)
        rewritten(path, lambda sections: sections, header)
        with pytest.raises(ValueError, match="is damaged"):
            list(ist.decompress(path).files)


def test_names_never_leave_the_folder(packed, run, tmp_path):
    path = tmp_path / "x.isth"
    path.write_bytes(packed.path.read_bytes())

    def changed(sections):
        about = json.loads(zlib.decompress(sections[2]))
        about[1][0] = "../../outside.png"
        return [*sections[:2], zlib.compress(json.dumps(about).encode()), *sections[3:]]

    rewritten(path, changed)
    code, _, err = run("decompress", "x.isth", "-o", "out")
    assert code == 2
    assert "leads elsewhere" in err
    assert not (tmp_path / "out").exists()


def test_older_readers_refuse_such_files(packed):
    assert packed.path.read_bytes()[5] == 2


def test_files_of_this_layout_are_read_for_ever():
    golden = Path(__file__).parent / "golden" / "archive-2"
    with np.load(golden / "expected.npz") as expected:
        files = list(ist.decompress(golden / "tiles.isth").files)
        assert [picture.name for picture in files] == sorted(expected)
        for picture in files:  # another processor may round a pixel the other way
            then = expected[picture.name]
            assert picture.values.dtype == then.dtype
            assert np.abs(picture.values.astype(int) - then).max() <= 1
