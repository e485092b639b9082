import numpy as np
import pytest
from sklearn import metrics

from isthmus import metrics as scores


@pytest.fixture
def maps():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 5, (3, 20, 30), dtype=np.uint8)
    right = rng.random(y.shape) < 0.7
    return y, np.where(right, y, rng.integers(0, 5, y.shape, dtype=np.uint8))


def test_scores_are_those_of_scikit_learn(maps):
    y, z = (m.ravel() for m in maps)
    table = metrics.confusion_matrix(y, z)
    np.testing.assert_array_equal(scores.confusion_matrix(*maps), table)
    assert scores.global_accuracy(*maps) == pytest.approx(metrics.accuracy_score(y, z))
    recall = metrics.recall_score(y, z, average=None)
    np.testing.assert_allclose(scores.class_accuracy(*maps), recall)
    jaccard = metrics.jaccard_score(y, z, average=None)
    np.testing.assert_allclose(scores.class_iou(*maps), jaccard)
    assert scores.mean_iou(*maps) == pytest.approx(jaccard.mean())


def test_ignored_class_is_left_out(maps):
    """Its pixels do not count; where others are given it, that is an error of theirs."""
    y, z = (m.ravel() for m in maps)
    known = y != 2
    jaccard = metrics.jaccard_score(y[known], z[known], labels=[0, 1, 3, 4], average=None)
    iou = scores.class_iou(*maps, ignored_class=2)
    assert np.isnan(iou[2])
    np.testing.assert_allclose(np.delete(iou, 2), jaccard)
    assert scores.mean_iou(*maps, ignored_class=2) == pytest.approx(jaccard.mean())
    right = (y[known] == z[known]).mean()
    assert scores.global_accuracy(*maps, ignored_class=2) == pytest.approx(right)
    changed = np.where(y == 2, 0, z).reshape(maps[1].shape)
    assert scores.mean_iou(maps[0], changed, ignored_class=2) == scores.mean_iou(
        *maps, ignored_class=2
    )


def test_255_is_left_out_too(maps):
    """As the reference leaves them out: VOC counts no pixel of 255."""
    y, z = maps
    void = np.where((y == 1) & (z == 3), 255, y)
    kept = void != 255
    assert scores.global_accuracy(void, z) == pytest.approx((y == z)[kept].mean())
    jaccard = metrics.jaccard_score(void[kept], z[kept], average=None)
    np.testing.assert_allclose(scores.class_iou(void, z), jaccard)
    np.testing.assert_array_equal(
        scores.confusion_matrix(void, z, 5, ignored_class=2)[[0, 1, 3, 4]],
        metrics.confusion_matrix(void[kept], z[kept], labels=range(5))[[0, 1, 3, 4]],
    )
    with pytest.raises(ValueError, match="run from 0 to 255; n_classes=5 allows 0 to 4"):
        scores.confusion_matrix(y, np.where(z == 4, 255, z))


def test_of_many_classes_255_is_one():
    y = np.arange(300)
    assert scores.confusion_matrix(y, y).trace() == 300
    assert scores.confusion_matrix(y[:256], y[:256], 256).trace() == 256


@pytest.mark.parametrize("high", [1, 255])
def test_masks_are_two_classes(maps, high):
    y, z = maps[0] > 2, maps[1] > 2
    table = metrics.confusion_matrix(y.ravel(), z.ravel())
    given = 255 * y.astype(np.uint8), high * z.astype(np.uint8)
    np.testing.assert_array_equal(scores.confusion_matrix(*given), table)
    assert scores.mean_iou(*given) == pytest.approx(
        metrics.jaccard_score(y.ravel(), z.ravel(), average=None).mean()
    )
    right = (~z[~y]).mean()
    assert scores.global_accuracy(*given, ignored_class=255) == pytest.approx(right)


def test_classes_that_do_not_occur_are_no_number(maps):
    assert np.isnan(scores.class_accuracy(*maps, n_classes=7)[5:]).all()
    assert scores.mean_iou(*maps, n_classes=7) == scores.mean_iou(*maps)


def test_large_maps_need_no_wider_type():
    y = np.full((4, 300, 300), 11, dtype=np.uint8)
    assert scores.confusion_matrix(y, y, 12)[11, 11] == y.size


@pytest.mark.parametrize(
    ("y", "z", "options", "words"),
    [
        (np.zeros((1, 2, 2), int), np.zeros((1, 2, 3), int), {}, "one shape"),
        (np.zeros((1, 2, 2)), np.zeros((1, 2, 2)), {}, "whole numbers"),
        (np.full((1, 2), 3), np.full((1, 2), 9), {"n_classes": 5}, "allows 0 to 4"),
        (np.full((1, 2), -1), np.full((1, 2), 0), {}, "classes run from -1"),
        (np.full((1, 2), 3), np.full((1, 2), 0), {"ignored_class": 3}, "no pixel is left"),
        (np.zeros((0, 2), int), np.zeros((0, 2), int), {}, "no pixel is left"),
    ],
)
def test_bad_maps_are_refused(y, z, options, words):
    with pytest.raises(ValueError, match=words):
        scores.mean_iou(y, z, **options)
