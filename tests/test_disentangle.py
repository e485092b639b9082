"""The verb disentangle, the ranking of models without factors, and intervals by parts."""

import numpy as np
import pytest

import isthmus as ist
from isthmus.data.sprites import sprites
from isthmus.data.tables import with_factors
from isthmus.metrics.factor_scores import by_chance, factor_scores, with_intervals
from isthmus.metrics.parts import by_parts, dealt
from isthmus.metrics.udr import udr
from isthmus.verbs.known_factors import known_factors


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    monkeypatch.setattr("isthmus.metrics.factors.TREES", 5)
    monkeypatch.setattr("isthmus.metrics.factor_scores.FEW_TREES", 2)
    monkeypatch.setattr("isthmus.metrics.factor_scores.PARTS", 4)


@pytest.fixture(scope="module")
def images():
    return sprites(500, n_test=260)


@pytest.fixture(scope="module")
def pca(images):
    return ist.PCA(5).fit(images.train)


@pytest.fixture(scope="module")
def own():
    return np.random.default_rng(0).integers(0, 5, (400, 3))


def test_codes_that_are_the_factors_reach_the_top_and_by_chance_the_bottom(own):
    v = {"a": own[:, 0], "b": own[:, 1], "c": own[:, 2]}
    best, chance = factor_scores(own.astype(float), v), by_chance(own.astype(float), v)
    best.pop("explicitness")  # of a value in the middle no plane tells
    assert min(best.values()) > 0.9
    for name in ("mig", "sap", "dci_disentanglement", "explicitness"):
        assert chance[name] < 0.15, name
    for name in ("factor_vae_score", "beta_vae_score"):
        assert chance[name] < 0.55, name


def test_scores_come_with_an_interval_or_none_where_images_are_few(own):
    v = {"a": own[:, 0], "b": own[:, 1]}
    codes = own + np.random.default_rng(1).normal(0, 0.4, own.shape)
    found = with_intervals(codes, v, without=("explicitness",))
    assert "explicitness" not in found
    assert all(0 <= each.within < 0.4 for each in found.values())
    few = with_intervals(codes[:90], {n: c[:90] for n, c in v.items()})
    assert {each.within for each in few.values()} == {None}


def test_intervals_by_parts_hold_the_truth_19_times_of_20():
    rng = np.random.default_rng(0)
    held = []
    for draw in range(600):
        x = rng.normal(size=(400, 2)) @ [[1.0, 0.6], [0.0, 0.8]]
        value, within, _ = by_parts(
            lambda rows, x=x: float(np.corrcoef(x[rows].T)[0, 1]), len(x), random_state=draw
        )
        held.append(abs(value - 0.6) < within)
    assert 0.93 <= np.mean(held) <= 0.97
    assert sorted(np.concatenate(dealt(203)).tolist()) == list(range(203))


def test_udr_is_one_for_the_same_axes_and_less_for_turned_ones():
    rng = np.random.default_rng(0)
    v = rng.normal(size=(1000, 4))
    turn = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    same = udr([v, v[:, [2, 0, 3, 1]] * [-1, 2, 1, -3], np.tanh(v)])
    assert same.min() > 0.9
    mixed = udr([v, v @ turn, v])
    assert mixed[1] < 0.6 < mixed[0]
    noise = udr([v, rng.normal(size=v.shape)])
    assert noise.max() < 0.1
    dead = np.column_stack([v, np.zeros(1000)])  # a dimension that says nothing does not count
    assert udr([dead, v]).min() > 0.9
    with pytest.raises(ValueError, match="at least 2"):
        udr([v])


def test_known_factors_are_those_that_say_something():
    n = 40
    images = ist.Images(
        np.zeros((n, 2, 2)),
        y=np.arange(n) % 2,
        factors={"angle": np.arange(n) % 7, "still": np.zeros(n)},
        attributes={
            "kind": np.array(["a", "b"] * (n // 2)),
            "size": np.where(np.arange(n) < 4, np.nan, np.arange(n) % 3),
            "rare": np.where(np.arange(n) < 30, "", "x"),
        },
    )
    found, rows = known_factors(images)
    assert list(found) == ["angle", "kind", "size"]  # the classes are another word for kind
    assert rows.tolist() == list(range(4, n))
    assert len(known_factors(images, ["angle"])[1]) == n
    with pytest.raises(ValueError, match="did you mean 'angle'"):
        known_factors(images, ["angel"])


def test_a_model_is_measured_on_held_out_images_of_known_factors(pca, images, tmp_path):
    found = ist.disentangle(pca, images, ["x", "y", "scale"])
    assert found.measured.count == 260
    assert found.measured.held_out
    assert found.information["PCA"].shape == (5, 3)
    assert 0 <= found.scores["mig"] < found.scores["beta_vae_score"] <= 1
    table = {row["score"]: row for row in found.table()}
    assert table["MIG"]["low"] <= table["MIG"]["value"] <= table["MIG"]["high"]
    assert table["DCI: informative"]["chance"] < table["DCI: informative"]["value"]
    folder = found.save(tmp_path / "it")
    assert {path.name for path in folder.iterdir()} - {".isthmus"} == {
        "disentanglement.csv", "information.csv", "picture.png",
    }  # fmt: skip
    assert found.record()["information"][0].keys() == {"model", "dimension", "x", "y", "scale"}


def test_a_table_of_factors_will_do(pca, images, tmp_path):
    plain = ist.Images(np.asarray(images)[:200])
    lines = [f"{i},{x},{y}" for i, (x, y) in enumerate(zip(images.factors["x"][:200],
             images.factors["y"][:200], strict=True))]  # fmt: skip
    path = tmp_path / "factors.csv"
    path.write_text("\n".join(["name,right,down", *lines]), encoding="utf-8")
    assert list(with_factors(plain, path).attributes) == ["right", "down"]
    found = ist.disentangle(pca, plain, labels=path, split="all")
    assert found.factors == ["right", "down"]
    with pytest.raises(ValueError, match="table of factors"):
        ist.disentangle(pca, plain, labels=100)


def test_models_of_one_family_are_ranked_without_factors(images):
    plain = ist.Images(np.asarray(images))
    models = {
        "a": ist.PCA(3).fit(plain[:200]),
        "b": ist.PCA(3).fit(plain[:220]),
        "c": ist.PCA(3).fit(plain[300:]),
    }
    found = ist.disentangle(models, plain, split="all")
    assert 0.3 < found.scores["udr of a"] <= 1
    assert np.isnan(found.pairs.diagonal()).all()
    assert found.picture().width > 100
    assert not found.knows()
    with pytest.raises(ValueError, match="no factor is known"):
        ist.disentangle(models["a"], plain)
