"""How a study shares out its time: pure functions, and a clock that is given."""

import math

import numpy as np
import pytest

import isthmus as ist
from isthmus.data.images import Images
from isthmus.studies.needs import STARTING, Need
from isthmus.studies.plan import (
    CLOSING,
    EFFORTS,
    FIT_SHARE,
    LAST,
    Effort,
    Schedule,
    affordable,
    shares,
)
from isthmus.studies.prepare import default_budget, default_names, prepare
from isthmus.studies.study import free_cores

GAN = Need("gan", 2, least=10.0, enough=200.0, weight=3.0)
VAE = Need("vae", 2, least=2.0, enough=200.0)
PCA = Need("pca", 1, least=0.1, enough=0.5, weight=0.3)
NMF = Need("nmf", 3, least=1.0, enough=4.0, weight=0.3)
ALL = [PCA, NMF, VAE, GAN]


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """No plan depends on how busy the machine is that runs its test."""
    monkeypatch.setattr("isthmus.studies.prepare.load_since", lambda before: 1.0)


class Clock:
    """A clock that moves when it is told to, on a machine where others work as well."""

    now = 100.0
    worked = 3.0
    load = 1.0

    def __call__(self):
        return self.now

    def work(self, seconds):
        """Do what takes so many seconds of a quiet machine."""
        self.now += self.load * seconds
        self.worked += seconds

    def wait(self, seconds):
        """Work until so many seconds have passed."""
        self.work(seconds / self.load)


def schedule_of(needs, seconds, **options):
    clock = Clock()
    options["worked"] = lambda: clock.worked
    return Schedule(needs, seconds, began=clock.now, clock=clock, **options), clock


@pytest.mark.parametrize("seconds", [14, 20, 60, 300])
def test_shares_use_all_the_time_that_is_of_use_by_weight(seconds):
    found = shares(ALL, seconds)
    assert sum(found.values()) == pytest.approx(min(seconds, 404.5), rel=1e-4)
    assert all(n.least - 1e-9 <= found[n.name] <= n.enough for n in ALL)
    if GAN.least < found["gan"] < GAN.enough and found["vae"] < VAE.enough:
        assert found["gan"] == pytest.approx(3 * found["vae"], rel=1e-4)


def test_what_is_too_little_is_shared_by_what_each_needs_at_least():
    found = shares([VAE, GAN], 6)
    assert found == {"vae": 1.0, "gan": 5.0}


def test_fewer_models_are_fitted_rather_than_all_of_them_badly():
    after = dict.fromkeys(["pca", "nmf", "vae", "gan"], 1.0)
    assert affordable(ALL, after, 60) == ["pca", "nmf", "vae", "gan"]
    assert affordable(ALL, after, 12) == ["pca", "nmf", "vae"]
    assert affordable(ALL, after, 5) == ["pca", "vae"]
    assert affordable(ALL, after, 0.1) == ["pca"]
    assert affordable(ALL, after, 0.1, fewest=0) == []


def test_the_main_ones_become_good_before_another_form_has_a_second():
    vae, gan = Need("vae", 2, 1.0, 10.0, 99.0), Need("gan", 2, 2.0, 30.0, 99.0, weight=3.0)
    beta, conv = Need("vae-beta", 3, 1.0, 10.0, 99.0), Need("gan-conv", 5, 5.0, 50.0, 99.0, 3.0)
    after = dict.fromkeys(["vae", "gan", "vae-beta", "gan-conv"], 0.1)
    needs = [vae, beta, conv, gan]
    assert affordable(needs, after, 8) == ["vae", "vae-beta", "gan"]
    assert affordable(needs, after, 50) == ["vae", "vae-beta", "gan"]
    assert affordable(needs, after, 56) == ["vae", "vae-beta", "gan-conv", "gan"]
    assert shares([vae, beta, gan], 43) == pytest.approx(
        {"vae": 10.0, "vae-beta": 3.0, "gan": 30.0}, rel=1e-4
    )
    assert shares(needs, 56) == pytest.approx(
        {"vae": 10.0, "vae-beta": 10.0, "gan-conv": 6.0, "gan": 30.0}, rel=1e-4
    )


@pytest.mark.parametrize("n", [1500, 5000])
def test_of_photographs_every_family_is_fitted_in_two_minutes(n):
    """The first network finds the components, those after it learn from these alone."""
    photographs = np.broadcast_to(np.uint8(9), (n, 64, 64, 3)).copy()
    prepared = prepare(Images(photographs, y=np.arange(n) % 10), budget=120)
    schedule, _ = schedule_of(prepared.schedule.needs, 120.0)
    families = ["kmeans", "pca", "nmf", "som", "classifier", "autoencoder", "vae", "vae-beta"]
    assert schedule.kept == [*families, "gan"]  # which gains most from what is left
    for name in families[:6]:
        schedule.begin(name)
    assert schedule._starting() == 0
    small = prepare(Images(photographs[:, :16, :16]), budget=120).schedule.needs
    for name in ("vae", "gan"):
        one, other = (next(x for x in xs if x.name == name) for xs in (small, schedule.needs))
        assert one.good <= other.good <= 1.5 * one.good


def test_measuring_and_drawing_leave_fitting_its_share():
    for seconds in (40, 60, 120, 600):
        schedule, _ = schedule_of(ALL, seconds)
        kept = [need for need in ALL if need.name in schedule.kept]
        late = sum(schedule.effort.after(need) for need in kept)
        assert late <= (1 - FIT_SHARE) * seconds
        assert sum(schedule.planned().values()) + late + CLOSING <= seconds


def test_the_slower_the_machine_the_hastier_and_the_fewer():
    quiet, _ = schedule_of(ALL, 40)
    loaded, _ = schedule_of(ALL, 40, load=4.0)
    assert quiet.effort == EFFORTS[0]
    assert loaded.effort.most < quiet.effort.most
    assert set(loaded.kept) < set(quiet.kept)
    assert "pca" in loaded.kept
    must, _ = schedule_of(ALL, 40, load=4.0, must=True)
    assert must.kept == ["pca", "nmf", "vae", "gan"]


def test_what_one_model_leaves_the_next_ones_take():
    schedule, clock = schedule_of(ALL, 120)
    before = schedule.planned()
    for name in ("pca", "nmf"):
        schedule.begin(name)
        clock.work(0.2)
        schedule.fitted()
        clock.work(schedule.effort.measuring(PCA))
        schedule.measured(name)
    assert schedule.planned()["gan"] >= before["gan"]
    first = schedule.begin("vae")
    clock.work(first / 2)  # it is done early
    assert schedule.begin("gan") == pytest.approx(min(200, 3 * first + first / 2), rel=0.2)


def test_a_study_ends_in_time_on_a_machine_that_slows_down():
    """Everything takes 3 times the work that was thought."""
    needs = [*ALL, *(Need(f"vae-{i}", 4, 2.0, enough=100.0) for i in range(6))]
    for seconds in (30, 60, 120, 600):
        schedule, clock = schedule_of(needs, seconds)
        fitting = 0.0
        while name := schedule.following():
            given = schedule.begin(name)
            fitting += given
            clock.wait(given)
            schedule.fitted()
            clock.work(3 * schedule.effort.measuring(PCA))
            schedule.measured(name)
        drawn = 3 * (CLOSING + len(schedule.kept) * Effort(0, (), 0).drawing(PCA))
        clock.work(drawn + max(0, schedule.for_maps()))
        assert clock.now - schedule.began <= 1.1 * seconds
        assert schedule.left_out or seconds > 100
        assert fitting >= 0.4 * seconds or seconds < 100


@pytest.mark.parametrize("seconds", [20, 60, 120, 600])
@pytest.mark.parametrize("busy", [(6.0, 6.0), (1.0, 6.0), (6.0, 1.0)])
def test_a_study_ends_in_time_while_others_work(seconds, busy):
    """The first five seconds are over before the plan; the load may change half-way."""
    needs = [*ALL, *(Need(f"vae-{i}", 4, 2.0, enough=100.0) for i in range(6))]
    schedule, clock = schedule_of(needs, seconds, load=busy[0])
    clock.load = busy[0]
    fitted = {}
    while name := schedule.following():
        given = schedule.begin(name)
        if clock.now - schedule.began > seconds / 2:
            clock.load = busy[1]
        clock.wait(given)
        schedule.fitted()
        fitted[name] = given / clock.load
        clock.work(schedule.effort.measuring(PCA))
        schedule.measured(name)
    maps = schedule.for_maps()
    clock.wait(maps)
    drawn = 0
    while drawn < len(fitted) and not schedule.is_late():
        clock.work(Effort(0, (), 0).drawing(PCA))
        drawn += 1
    clock.work(LAST)
    assert clock.now - schedule.began <= 1.1 * seconds
    assert drawn == len(fitted) or busy[1] > busy[0]
    least = {need.name: need.least for need in needs}
    few = [name for name in fitted if fitted[name] < 0.9 * least[name]]
    assert not few or busy[1] > busy[0]


def test_what_there_seemed_to_be_no_time_for_is_fitted_where_there_is():
    needs = [Need("pca", 1), Need("vae", 2, 20.0, enough=20.0)]
    schedule, clock = schedule_of(needs, 40)
    assert schedule.following() == "pca"
    schedule.begin("pca")
    schedule._pace.compare(70.0, 10.0)  # for whatever reason
    assert (schedule.following(), schedule.left_out) == (None, ["vae"])
    for _ in range(2):  # the next ones take as long as was thought
        schedule._pace.compare(1.0, 1.0)
    assert (schedule.following(), schedule.left_out) == ("vae", [])
    clock.now += schedule.begin("vae")
    assert schedule.following() is None


def test_the_first_network_has_time_to_start():
    needs = [Need(name, 2, 2.0, enough=200.0, starting=STARTING) for name in ("vae", "gan")]
    schedule, clock = schedule_of(needs, 60)
    first = schedule.begin("vae")
    clock.work(first + schedule.effort.measuring(PCA))
    assert schedule.begin("gan") == pytest.approx(first - STARTING, abs=0.9)


def test_a_network_starts_in_no_more_time_than_is_left():
    needs = [Need("vae", 2, 2.0, enough=200.0, starting=2.0), PCA]
    schedule, clock = schedule_of(needs, 20, load=20.0, must=True)
    assert 2.0 * schedule.pace > 20
    clock.now += 5
    assert 0.1 < schedule.begin("vae") <= 15


def test_a_closed_form_learns_from_as_many_images_as_there_is_time_for():
    schedule, _ = schedule_of(ALL, 60, load=2.0)
    many = Images(np.broadcast_to(np.uint8(0), (100_000, 8, 8)))
    assert schedule.affords("nmf", many, 8.0) == 100_000
    assert schedule.affords("nmf", many, 2.0) == 25_000
    assert schedule.affords("nmf", many, 0.001) == 2000
    assert schedule.affords("gan", many, 0.001, by_steps=True) == 100_000


def test_no_model_goes_over_more_images_than_there_is_time_for():
    schedule, _ = schedule_of(ALL, 20)
    many = Images(np.broadcast_to(np.uint8(0), (200_000, 32, 32, 3)))
    assert 2000 < schedule.affords("gan", many, 9.0, by_steps=True) < 20_000
    without, _ = schedule_of(ALL, None)
    assert without.affords("gan", many, math.inf) == 200_000


def test_without_a_budget_nothing_is_limited():
    schedule, _ = schedule_of(ALL, None)
    assert [schedule.begin(need.name) for need in ALL] == [math.inf] * 4
    assert (schedule.left_out, schedule.effort) == ([], EFFORTS[0])


def test_models_follow_from_what_the_images_are():
    grey = np.random.default_rng(0).integers(0, 256, (40, 28, 28), dtype=np.uint8)
    suited, unsuited = default_names(Images(grey))
    assert "autoencoder-conv" in suited
    assert {"classifier", "classifier-conv", "pixelnet"} <= set(unsuited)
    labelled = Images(grey, y=np.arange(40) % 2, label_maps=grey // 128)
    assert {"classifier-conv", "pixelnet"} <= set(default_names(labelled)[0])
    assert "autoencoder-conv" in default_names(Images(grey[:, :5, :7]))[1]
    vectors = default_names(Images(np.random.default_rng(0).normal(size=(40, 12))))
    assert {"nmf", "gan-conv", "autoencoder-conv"} <= set(vectors[1])
    assert {"pca", "kmeans", "som", "autoencoder", "vae", "gan"} <= set(vectors[0])


def test_larger_sets_have_more_time_within_bounds():
    sizes = [(12, 5, 7), (1797, 8, 8), (60_000, 28, 28), (500_000, 32, 32)]
    budgets = [default_budget(Images(np.broadcast_to(np.uint8(0), size))) for size in sizes]
    assert budgets == sorted(budgets)
    assert 30 <= budgets[0] <= budgets[1] <= 80
    assert budgets[-1] <= 240


def test_a_plan_is_made_without_fitting(monkeypatch):
    monkeypatch.setattr(ist.PCA, "fit", None)
    prepared = prepare("digits", budget=120)
    rows = {row["model"]: row for row in prepared.plan}
    assert rows["pca"]["width"] == 32
    assert rows["gan"]["seconds"] > rows["vae"]["seconds"] > rows["pca"]["seconds"]
    assert sum(row["seconds"] for row in prepared.plan) > FIT_SHARE * 120 * 0.5
    assert "too small" in prepared.unsuited["autoencoder-conv"]


def test_models_without_time_are_left_out_and_said(monkeypatch):
    monkeypatch.setattr(
        "isthmus.studies.prepare.every_name", lambda: ["pca", "kmeans", "autoencoder"]
    )
    early = Schedule.following

    def following(self):
        self.seconds = 0.01 if len(self._over) == 2 else self.seconds
        return early(self)

    monkeypatch.setattr(Schedule, "following", following)
    result = ist.study(ist.load_images("digits").evenly(300), budget=1000)
    assert list(result.models) == ["pca", "kmeans"]
    assert "--budget" in result.left_out["autoencoder"]
    (note,) = [note for note in result.notes if note.startswith("There was no time")]
    assert "--budget" in note
    assert "--models autoencoder" in note


def test_models_that_learn_from_a_part_learn_from_the_same_one(monkeypatch):
    monkeypatch.setattr(Schedule, "affords", lambda *_, **__: 100)
    result = ist.study(ist.load_images("digits").evenly(300), ["pca", "kmeans"], budget=20)
    assert [record["learned_from"] for record in result.scores] == [100, 100]
    assert result.some(100) is result.some(100)
    assert result.some(10_000) is result.train


@pytest.mark.parametrize("labelled", [True, False])
def test_probes_are_spoken_of_where_there_are_labels(labelled, monkeypatch):
    monkeypatch.setattr("isthmus.studies.plan.EFFORTS", (Effort(20, ("knn",), 0),))
    images = ist.load_images("digits").evenly(300)
    images = images if labelled else Images(np.asarray(images))
    (note,) = [note for note in ist.study(images, ["pca"], budget=20).notes if "20 of" in note]
    assert ("probes" in note) == labelled


def test_a_busy_machine_is_given_fewer_threads(monkeypatch):
    threads = [4]
    monkeypatch.setattr("torch.get_num_threads", lambda: threads[-1])
    monkeypatch.setattr("torch.set_num_threads", threads.append)
    for load in (1.0, 2.0, 20.0):
        with free_cores(load):
            pass
    assert threads == [4, 4, 4, 2, 4, 1, 4]


def test_a_study_can_be_watched(tmp_path):
    seen = []
    result = ist.study(
        ist.load_images("digits").evenly(300),
        ["pca", "kmeans"],
        watch=lambda study: seen.append((list(study.models), study.done)),
    )
    assert seen[0] == (["pca"], False)
    assert result.done


def test_explain_fits_nothing(run, monkeypatch):
    monkeypatch.setattr(ist.PCA, "fit", None)
    code, out, _ = run("study", "digits", "--models", "pca,vae", "--explain")
    assert code == 0
    assert "asked for" in out
    assert "2 models of digits" in out


def test_live_reports_replace_one_another(run, tmp_path):
    code, _, _ = run("study", "digits", "--models", "pca,kmeans", "--live", "-o", "runs/x")
    assert code == 0
    assert (tmp_path / "runs" / "x" / "report.html").is_file()
    code, _, err = run("study", "digits", "--models", "pca", "--live", "-o", "runs/x")
    assert (code, "--force" in err) == (2, True)


def test_time_that_none_needs_is_given_where_a_guess_may_be_too_low():
    schedule, _ = schedule_of([PCA, Need("gan", 2, least=0.5, enough=2.0)], 120)
    planned = schedule.planned()
    assert planned == {"pca": 0.5, "gan": 2.0}
    assert schedule.begin("pca") > 20
    assert 40 < schedule.begin("gan") < 120


def test_time_that_nothing_else_can_use_goes_to_what_has_less_than_it_should():
    needs = [PCA, Need("gan", 2, 30.0, enough=200.0, weight=3.0)]
    schedule, clock = schedule_of(needs, 60)
    schedule.begin("pca")
    clock.wait(35)  # on a machine that others use by now
    assert schedule.left() < 30
    assert schedule.following() == "gan"
    clock.wait(9)
    assert schedule.following() is None


def test_a_study_says_when_nothing_is_left_to_do_with_its_time():
    schedule, clock = schedule_of([PCA], 60)
    assert schedule.is_early()
    clock.wait(55)
    assert not schedule.is_early()
    schedule, clock = schedule_of([PCA, GAN], 12)
    assert schedule.left_out == ["gan"]
    assert not schedule.is_early()
