"""Legends, planes, animations and maps with others behind them, pixel by pixel where one can."""

import numpy as np
import pytest
from PIL import Image, ImageColor

import isthmus as ist
from isthmus.plots.animations import frames, save_frames
from isthmus.plots.legends import Colours
from isthmus.plots.maps import draw
from isthmus.plots.palettes import COLOURS, UNLABELLED
from isthmus.plots.space import draw_space, seen_from
from isthmus.plots.strips import labelled_rows
from isthmus.verbs.closeness import closeness
from isthmus.verbs.territory import Territory
from isthmus.verbs.territory_page import owned, spread_out, territory_page


def array(picture):
    return np.asarray(picture.convert("RGB")).astype(int)


def test_a_few_values_have_colours_of_their_own():
    inks = Colours.of("shape", np.array([3, 1, 3, 7]))
    assert inks.values == (1, 3, 7)
    assert inks.pick([7, 1]) == [COLOURS[2], COLOURS[0]]
    assert inks.pick([5]) == [UNLABELLED]


def test_a_range_has_a_scale_from_end_to_end():
    inks = Colours.of("angle", np.linspace(-2, 2, 50))
    assert (inks.low, inks.high, inks.values) == (-2.0, 2.0, ())
    low, middle, high = (ImageColor.getrgb(ink) for ink in inks.pick([-2, 0, 2]))
    assert sum(low) < sum(middle) < sum(high)  # it grows lighter
    assert Colours.of("count", np.arange(40)).values == ()
    with pytest.raises(ValueError, match="'place'"):
        Colours.of("place", np.zeros((4, 2)))


@pytest.mark.parametrize("values", [np.arange(3), np.linspace(0, 1, 9)])
def test_a_legend_lies_below_and_changes_nothing_above(values):
    picture = Image.new("RGB", (300, 40), "white")
    whole = Colours.of("known", values).add_to(picture)
    assert whole.width == 300
    assert (array(whole)[:40] == 255).all()
    assert (array(whole)[40:] < 200).any()
    assert (array(whole)[-3:] == 255).all()  # nothing is cut


def test_images_are_drawn_over_those_behind_them():
    points = np.array([[0.0, 0.0], [1.0, 1.0]])
    others = np.array([[0.5, 0.5], [5.0, 1.0]])
    images = np.zeros((2, 8, 8, 3))
    alone = draw(points, images, size=200, colours=["#ff0000", "#0000ff"])
    both = draw(points, images, size=200, colours=["#ff0000", "#0000ff"], behind=others,
                behind_colours=["#00ff00", "#00ff00"])  # fmt: skip

    def green(picture):
        rgba = np.asarray(picture).astype(int)
        return ((rgba[..., 1] > 150) & (rgba[..., 0] < 100) & (rgba[..., 3] > 20)).sum()

    assert green(alone) == 0
    assert green(both) > 4


def test_space_is_seen_by_right_angles():
    points = np.random.default_rng(0).normal(size=(20, 3))
    for azimuth in (0, 37):
        seen = seen_from(points, azimuth)
        assert (np.linalg.norm(seen, axis=1) <= np.linalg.norm(points, axis=1) + 1e-9).all()
        np.testing.assert_allclose(seen_from([[0, 0, 1.0]], azimuth)[0, 0], 0, atol=1e-12)
    np.testing.assert_allclose(seen_from(points, 0)[:, 0], points[:, 1])
    picture = draw_space(points, np.zeros((20, 8, 8)), 150, colours=["#112233"] * 20)
    assert picture.width == 312


def test_captions_stand_below_their_images():
    images = np.zeros((2, 8, 8))
    plain = labelled_rows({"a": images, "b": images})
    both = labelled_rows({"a": images, "b": images}, captions={"a": ["one", "two"]})
    assert both.height > plain.height + 20
    wide = labelled_rows({"a": images}, heads=["", "a head much longer than an image"])
    assert wide.width > labelled_rows({"a": images}).width
    assert (array(wide)[:, -12:] == 255).all()


def test_an_animation_shows_every_step(tmp_path):
    steps = np.zeros((4, 8, 8))
    steps[range(4), 0, range(4)] = 1
    moving = frames({"there": steps, "back": steps[::-1]})
    assert len(moving) == 4
    tile = array(moving[2])[12:140, 12:140, 0]
    np.testing.assert_array_equal(tile[::16, ::16][0], 255 * steps[2][0].astype(int))
    for suffix, back, count in ((".gif", True, 6), (".webp", False, 4)):
        save_frames(tmp_path / f"m{suffix}", moving, back=back)
        assert Image.open(tmp_path / f"m{suffix}").n_frames == count
    with pytest.raises(ValueError, match="one shape"):
        frames({"a": steps, "b": steps[:2]})


def test_classes_own_what_their_images_own():
    images = ist.Images(np.zeros((4, 4, 4)), y=[0, 1, 1, -1], classes=["a", "b"])
    found = Territory(np.array([[0, 1], [2, 3]]), np.full(4, 0.25), (0, 1, 0, 1))
    owners, shares, names = owned(found, images)
    assert owners.tolist() == [[0, 1], [1, -1]]
    np.testing.assert_allclose(shares, [0.25, 0.5])
    assert names == ["a", "b"]
    bare = ist.Images(np.zeros((4, 4, 4)))
    assert owned(found, bare)[2] == ["image 0", "image 1", "image 2", "image 3"]


def test_images_on_a_plane_do_not_overlap():
    codes = np.random.default_rng(0).random((300, 2))
    chosen = spread_out(codes, (0, 1, 0, 1), 0.07)
    apart = np.abs(codes[chosen][:, None] - codes[chosen]).max(2) + np.eye(len(chosen))
    assert 20 < len(chosen) < 200
    assert apart.min() >= 0.068


@pytest.mark.parametrize("shape", [(4, 4, 1), (4, 4, 3), (10,)])
def test_a_page_is_drawn_for_grey_colour_and_vectors(shape):
    rng = np.random.default_rng(0)
    images = ist.Images(rng.random((5, *shape)), y=range(5), classes=["$", "b", "\x7f", "d", "e"])
    codes = rng.random((5, 2))
    found = Territory(rng.integers(0, 5, (6, 6)), np.full(5, 0.2), (0, 1, 0, 1))
    page = territory_page(
        found, codes, images, rng.random((9, *shape)), closeness(codes, np.eye(5)),
        title="A plane", labels=("first", "second"), noise="none",
    )  # fmt: skip
    assert page.width > 1000
    assert len(np.unique(array(page).reshape(-1, 3), axis=0)) > 20
