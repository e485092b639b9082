"""A budget of time: what is done in it is kept, and what is not is said."""

from importlib.util import find_spec

import numpy as np
import pytest

import isthmus as ist
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
