"""A budget of time: what is done in it is kept, and what is not is said."""

from importlib.util import find_spec

import numpy as np
import pytest

import isthmus as ist
from isthmus.explorer.manifest import View
from isthmus.verbs.within import FEW, Limit


@pytest.fixture(scope="module")
def images():
    return ist.load_images("digits").evenly(200)


@pytest.fixture(scope="module")
def model(images):
    return ist.PCA(4).fit(images)


class Watch:
    """A clock that goes on when it is told."""

    now = 0.0

    def __call__(self):
        return self.now

    def works(self, seconds):
        def work(images):
            self.now += seconds * len(images)

        return work


def test_there_is_time_for_some_of_the_images(images):
    watch = Watch()
    limit = Limit(20, watch)
    with pytest.warns(UserWarning, match=r"budget=20 s: there is time for \d+ of 200 images"):
        rows = limit.rows(images, watch.works(0.1))
    # 2 and 16 images took 1.8 s; 0.8 of the other 18.2
    assert len(rows) == 145
    assert (rows[0], rows[-1]) == (0, 199)


def test_with_time_enough_or_without_a_limit_all_are_taken(images):
    watch = Watch()
    assert Limit(100, watch).rows(images, watch.works(0.1)) is None
    assert Limit(None, watch).rows(images, watch.works(9)) is None
    assert Limit(1, watch).rows(images[:FEW], watch.works(9)) is None


def test_what_goes_on_ends_when_the_time_is_spent():
    watch = Watch()

    def items():
        for item in range(10):
            watch.now += 1
            yield item

    with pytest.warns(UserWarning, match="it was over after 4 points"):
        assert list(Limit(3.5, watch).until(items(), "points")) == [0, 1, 2, 3]
    assert list(Limit(99, watch).until(range(3))) == [0, 1, 2]
    with pytest.raises(ValueError, match="budget=0 must be greater than 0"):
        Limit(0)


LEAST = 1e-9


@pytest.mark.filterwarnings("ignore:budget=")
def test_verbs_keep_what_they_have(model, images):
    novel = ist.novelty(model, images, truth=images.y == 8, budget=LEAST)
    assert len(novel.scores) == len(novel.images) == 2
    assert list(ist.probe(model, images, budget=LEAST, curve=True).accuracies) == ["knn"]
    assert ist.cluster(model, images, n_clusters="auto", budget=LEAST).scores["clusters"] == 2
    assert len(ist.rate_distortion(model, images, ["png"], budget=LEAST)) == 1
    pixels = ist.KMeans(2, random_state=0).fit(images[:20].pixels())
    assert len(ist.segment(pixels, images, budget=LEAST).label_maps) == 2
    assert len(ist.denoise(model, images, budget=LEAST)) == 2
    noisy = ist.denoise(model, images[:40], "gaussian:0.3,masking:0.2", images, budget=LEAST)
    assert [row["method"] for row in noisy.table()] == ["PCA"]
    owned = ist.territory(model, images[:40], 64, budget=LEAST)
    assert owned.owners.shape == (2, 2)
    assert 0 <= owned.close.taken.max() <= 1  # of one noisy copy of each
    drawn = ist.generate(model, 5, images, "gaussian", budget=LEAST)
    assert np.linalg.matrix_rank(np.cov(model.encode(drawn).T), 1e-3) == 1  # of two codes


def test_image_files_that_there_is_no_time_for_are_left_out(model, images, run, tmp_path):
    model.save(tmp_path / "p.safetensors")
    assert run("reconstruct", "p.safetensors", "digits", "--images", "0-3", "-o", "noisy")[0] == 0
    with pytest.warns(UserWarning, match="it was over after 1 of 4 images"):
        assert run("denoise", "p.safetensors", "noisy", "-o", "c", "--budget", "0.000001")[0] == 0
    assert len(list((tmp_path / "c").rglob("*.png"))) == 1


def test_a_file_of_images_is_written_once_and_compared_with_nothing(images, run, tmp_path):
    assert run("generate", saved(tmp_path, images), "-n", 3, "-o", "few")[0] == 0
    with pytest.warns(UserWarning, match="over after 0 of 2 formats compared with"):
        code, out, _ = run("compress", "few", "-o", "few.isth", "--budget", "0.000001")
    assert code == 0
    assert "jpeg" not in out
    assert run("decompress", "few.isth", "-o", "back")[0] == 0
    assert len(list((tmp_path / "back").rglob("*.png"))) == 3
    for more in (("--color", "grey"), ("--lossless",)):
        code, _, err = run("compress", "few", "-o", "no.isth", *more)
        assert (code, "without a model" in err) == (2, True), err
    found = ist.compress(ist.PCA(60).fit(images), images, "a.isth", quality=30, budget=LEAST)
    assert found.psnr >= 30


def saved(folder, images):
    ist.PCA(4).fit(images).save(folder / "pca.safetensors")
    return "pca.safetensors"


@pytest.mark.skipif(find_spec("zuko") is None, reason="zuko is not installed")
def test_a_flow_is_left_as_it_is_when_its_time_is_over(model, images):
    with pytest.warns(UserWarning, match="it was over after 1 of 500 steps of the flow"):
        assert len(ist.generate(model, 3, images[:9], "flow", budget=LEAST)) == 3


@pytest.mark.skipif(find_spec("openTSNE") is None, reason="openTSNE is not installed")
def test_further_maps_of_the_explorer_end_in_time_and_are_not_taken_for_whole_ones(
    model, images, tmp_path
):
    def maps(**options):
        view = View({"pca": model}, images[:60], layouts=["tsne"], cache=tmp_path, **options)
        return [layout["id"] for layout in view.manifest["models"][0]["layouts"]]

    with pytest.warns(UserWarning, match="over after 0 of 1 further maps of pca"):
        assert maps(budget=LEAST) == ["pca", "pca"]
    assert maps(budget=600) == ["pca", "pca", "tsne"]
    assert len(list(tmp_path.rglob("tsne-in-600s-2*[!m]"))) == 2  # beside their sums
    assert not list(tmp_path.rglob("tsne-2*"))


@pytest.mark.skipif(find_spec("openTSNE") is None, reason="openTSNE is not installed")
def test_a_map_is_left_as_it_is_when_its_time_is_over(model, images):
    whole, cut = (
        ist.map(model, images[:60], "tsne", budget=budget, random_state=0).points
        for budget in (None, LEAST)
    )
    assert whole.shape == cut.shape
    assert not np.array_equal(whole, cut)


def test_a_command_takes_a_budget(model, run, tmp_path):
    model.save(tmp_path / "p.safetensors")
    asked = ("p.safetensors", "digits", "--budget")
    with pytest.warns(UserWarning, match="there is time for 2 of 1,797 images"):
        code, out, err = run("novelty", *asked, "0.000001s", "--json")
    assert (code, err, out.count("\n")) == (0, "", 1)
    assert "--budget 'soon': expected a time" in run("novelty", *asked, "soon")[2]


def test_time_is_over_for_what_would_take_more_than_is_left():
    limit = Limit(10, clock=lambda: 0.0)
    assert (limit.is_over(), limit.is_over(ahead=9), limit.is_over(ahead=10)) == (
        False,
        False,
        True,
    )
    assert not Limit(None).is_over(ahead=1e9)
