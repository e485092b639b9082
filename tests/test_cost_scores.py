"""What a model costs beside its fit: how fast it encodes, how much it has learned, its file."""

import numpy as np
import pytest

import isthmus as ist
from isthmus.fitted.store import size_of
from isthmus.metrics.speed import FIRST, RUNS, images_a_second
from isthmus.metrics.table import METRICS
from isthmus.studies.evidence import Evidence


class Clock:
    """A clock of which every image takes as long as it is told."""

    def __init__(self, of_image):
        self.now, self.of_image, self.runs = 0.0, of_image, []

    def __call__(self):
        return self.now

    def work(self, images):
        self.runs.append(len(images))
        self.now += self.of_image * len(images) * (1 + 0.1 * (len(self.runs) % 2))


def test_images_a_second_are_counted_over_runs_as_large_as_there_is_time_for():
    clock = Clock(1e-4)
    found = images_a_second(clock.work, np.zeros((500, 3)), clock)
    assert (clock.runs[0], len(clock.runs)) == (FIRST, 1 + RUNS)
    assert clock.runs[1:] == [90] * RUNS  # a hundredth of a second, by what the first took
    assert found.value == pytest.approx(1e4 * np.mean([1, 1 / 1.1, 1, 1 / 1.1, 1]), rel=5e-3)
    assert 0 < found.within < 0.1 * found.value


def test_what_takes_long_is_done_once_and_has_no_interval():
    clock = Clock(1.0)
    found = images_a_second(clock.work, np.zeros((4, 3)), clock)
    assert clock.runs == [4]
    assert (found.value, found.within) == (0.909, None)


@pytest.fixture(scope="module")
def digits():
    return ist.load_images("digits")[::4]


@pytest.mark.parametrize(
    ("model", "learned"),
    [
        (ist.PCA(5), 5 * 64 + 64),  # components and mean at least
        (ist.KMeans(7), 7 * 64),
        (ist.Autoencoder(4, hidden=(10,), max_steps=2, init="glorot_uniform"), 694),
    ],
)
def test_size_is_that_of_the_file(digits, model, learned, tmp_path):
    model.fit(digits.train).save(tmp_path / "m.safetensors")
    numbers, size = size_of(model)
    assert size == (tmp_path / "m.safetensors").stat().st_size
    assert learned <= numbers <= 3 * learned
    assert 4 * numbers < size


def test_a_study_says_what_a_model_costs(digits):
    known = Evidence(ist.PCA(5).fit(digits.train), digits, 100, 0, {})
    keys = ("encode_rate", "decode_rate", "learned_numbers", "file_kb")
    scores = {key: METRICS[key].of(known).value for key in keys}
    assert scores["encode_rate"] > 0 < scores["decode_rate"]
    assert scores["learned_numbers"] >= 5 * 64
    assert 4 * scores["learned_numbers"] < 1000 * scores["file_kb"]
