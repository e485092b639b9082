"""Models of a study fitted again with other seeds."""

import numpy as np
import pytest

import isthmus as ist
from isthmus.metrics.intervals import over_fits
from isthmus.studies.plan import AIM, Schedule
from isthmus.studies.prepare import BY_CHANCE
from isthmus.studies.repeats import drawn_anew, in_round, like, over_seeds
from isthmus.studies.study import study
from isthmus.studies.summary import share_ends


def some(n=150):
    return ist.load_images("digits").evenly(n)


def parts(repeats=3, **options):
    images = ist.load_images(np.asarray(some()))  # which does not say what is held out
    return study(images, [ist.PCA(3), ist.Autoencoder(3, max_steps=5, random_state=0)],
                 repeats=repeats, **options)  # fmt: skip


@pytest.fixture(scope="module")
def result():
    return parts()


def test_scores_are_means_over_seeds_and_the_models_kept_are_the_first(result):
    once = parts(1)
    for record, first in zip(result.scores, once.scores, strict=True):
        fits = record["fits"]
        assert [fit["random_state"] for fit in fits] == [0, 1, 2]
        assert record["seeds"] == 3
        assert fits[0]["psnr"] == first["psnr"]
        assert "fits" not in first
        assert len({fit["psnr"] for fit in fits}) == 3, "other images are held out"
        assert record["psnr"] == pytest.approx(np.mean([fit["psnr"] for fit in fits]), rel=1e-5)
        assert record["psnr_within"] > record["psnr_seeds"] > 0
    kept = [np.asarray(s.models["pca"].components_) for s in (result, once)]
    np.testing.assert_array_equal(*kept)
    assert "means over 3 seeds" in " ".join(result.notes)
    assert "seeds" not in " ".join(once.notes)


def test_the_same_seeds_give_the_same_figures(result):
    def told(study):
        clocks = ("seconds", "memory", "code_rate", "file_kb")
        return [{k: v for k, v in fit.items() if not any(word in k for word in clocks)}
                for fit in study.scores[0]["fits"]]  # fmt: skip

    assert told(result) == told(parts())


def test_a_study_with_repeats_is_read_back(result, tmp_path):
    result.report(tmp_path / "study")
    back = ist.load_study(tmp_path / "study", result.images)
    assert [r["seeds"] for r in back.scores] == [3, 3]
    assert "and 3 seeds" in (tmp_path / "study/report.html").read_text(encoding="utf-8")


def test_where_a_set_says_what_is_held_out_others_of_these_are_measured(result):
    images = some()
    held = ist.study(images, ["pca"], width=2)
    held.schedule.effort = type(held.schedule.effort)(most=9)
    one, two = (drawn_anew(held, seed).images for seed in (1, 2))
    assert len(one.test) == len(two.test) == 9
    assert not np.array_equal(one.test, two.test)
    np.testing.assert_array_equal(one.train, images.train)
    held.schedule.effort = type(held.schedule.effort)(most=len(images))
    assert drawn_anew(held, 1).images is images


@pytest.mark.parametrize(
    ("number", "spare", "repeats", "expected"),
    [
        (1, 11.0, None, ["pca", "som"]),  # two more fits of each
        (1, 3.0, None, ["pca"]),
        (1, 0.5, None, []),
        (2, 0.0, None, ["pca"]),  # as was begun
        (10, 99.0, None, []),
        (1, 0.0, 2, ["pca", "som", "gan"]),
        (2, 99.0, 2, []),
    ],
)
def test_rounds_take_what_there_is_time_for(number, spare, repeats, expected):
    seeds = {"pca": 2} if number == 2 else {}
    scores = [{"model": n, "seeds": seeds.get(n, 1)} for n in ("gan", "som", "pca")]
    costs = {"gan": 30.0, "som": 4.0, "pca": 1.0}
    assert in_round(number, costs, scores, spare, repeats) == expected


def test_rounds_share_the_budget():
    schedule = Schedule([], 90.0, rounds=3, clock=lambda: 10.0)
    assert schedule.left() == pytest.approx(AIM * 30 - 10)
    schedule.rounds = 1
    assert schedule.left() == pytest.approx(AIM * 90 - 10)
    assert Schedule([], None).spare() == np.inf


def test_a_model_is_fitted_again_by_steps_and_not_by_the_clock():
    images = some()
    model = ist.Autoencoder(2, max_steps=7, max_seconds=60, random_state=0).fit(images)
    again = like(model, 5)
    assert (again.max_seconds, again.max_steps, again.random_state) == (None, 7, 5)
    model.stopped_, model._step = "out of time", 4
    assert (like(model, 5).max_seconds, like(model, 5).max_steps) == (60, 4)
    grouped = ist.KMeans(3, random_state=0).fit(images)
    grouped.stopped_, grouped.n_iter_ = "out of time", 2
    assert like(grouped, 1).max_iter == 2


def test_steps_instead_of_a_budget_leave_nothing_to_the_clock():
    result = study(some(), ["autoencoder"], width=2, max_steps=6)
    model = result.models["autoencoder"]
    assert (model.max_steps, model.max_seconds, model.stopped_) == (6, None, "all steps done")
    assert result.schedule.seconds is None


@pytest.mark.parametrize("option", ["repeats", "max_steps"])
def test_counts_are_checked_before_anything_is_read(option):
    with pytest.raises(ValueError, match=f"{option}=0 must be at least 1"):
        study("no-such-file", ["pca"], **{option: 0})


def test_the_interval_over_fits_holds_the_mean_as_often_as_it_says():
    chance = np.random.default_rng(0)
    for count in (2, 3, 6):
        found = [over_fits(row) for row in chance.normal(5.0, 2.0, (2000, count))]
        held = np.mean([abs(mean - 5.0) <= half for mean, half in found])
        assert 0.935 < held < 0.965
    with pytest.raises(ValueError, match="at least 2"):
        over_fits([1.0])


def test_the_interval_of_a_share_holds_the_spread_of_seeds():
    score = {"svm_accuracy": 0.9, "probed_on": 100}
    low, high = share_ends(score, "svm_accuracy")
    wide = share_ends(score | {"svm_accuracy_seeds": 0.2}, "svm_accuracy")
    assert wide[0] < low - 0.1
    assert wide[1] == 1.0 > high
    merged = over_seeds([{"svm_accuracy": 0.8}, {"svm_accuracy": 0.9}])
    assert merged["svm_accuracy"] == pytest.approx(0.85)
    assert "svm_accuracy_within" not in merged


def test_what_is_known_of_training_images_serves_all_fits():
    images = some()
    held = ist.study(images, ["pca"], width=2)
    held.schedule.effort = type(held.schedule.effort)(most=9)
    assert drawn_anew(held, 1).some(50) is held.some(50)
    held.notes.append(BY_CHANCE)
    drawn = drawn_anew(held, 1)
    assert drawn.some(50) is drawn.some(50)
    assert drawn.some(50) is not held.some(50)
    assert drawn.images.hashes is images.hashes is not None


class Failing(ist.PCA):
    """Fits as often as it is told to."""

    def fit(self, X, y=None):
        if self.random_state:
            raise RuntimeError("once is enough")
        return super().fit(X, y)


def test_a_fit_that_fails_later_loses_nothing():
    result = study(some(), [Failing(2, random_state=0), ist.PCA(3, random_state=0)], repeats=2)
    assert [record.get("seeds", 1) for record in result.scores] == [1, 2]
    assert (
        "failing was not fitted again with seed 1: RuntimeError: once is enough." in result.notes
    )


def test_a_fit_that_was_interrupted_counts_for_nothing(monkeypatch):
    models = [ist.Autoencoder(2, max_steps=5, random_state=0)]
    once = study(some(), models)
    whole = ist.Autoencoder.fit

    def stopped(self, X, y=None):
        whole(self, X, y)
        self.stopped_ = "interrupted" if self.random_state else self.stopped_
        return self

    monkeypatch.setattr(ist.Autoencoder, "fit", stopped)
    result = study(some(), models, repeats=3)
    assert "seeds" not in result.scores[0]
    assert result.scores[0]["psnr"] == once.scores[0]["psnr"]
    assert any(note.startswith("Interrupted while fitting models again") for note in result.notes)
