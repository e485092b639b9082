"""Rows of images with names and a title."""

import numpy as np
import pytest

from isthmus.plots.strips import HEAD_SIZE, MARGIN, PAPER, labelled_rows, titled


@pytest.fixture
def images():
    return np.random.default_rng(0).random((6, 8, 8))


def pixels(picture):
    return np.asarray(picture.convert("RGB")).astype(int)


def test_every_image_is_drawn_in_its_row_and_column(images):
    picture = labelled_rows({"first": images, "second": 1 - images}, scale=6)
    array = pixels(picture)
    left = picture.width - MARGIN - (6 * 52 - 4)
    for row, shown in enumerate((images, 1 - images)):
        for column, image in enumerate(shown):
            top, start = MARGIN + 52 * row, left + 52 * column
            tile = array[top : top + 48 : 6, start : start + 48 : 6, 0]
            np.testing.assert_array_equal(tile, np.rint(255 * image))


def test_rows_share_their_limits(images):
    """A row of another range must not be stretched to look like the first."""
    dark = labelled_rows({"first": images, "second": images / 10}, scale=6)
    assert pixels(dark)[MARGIN + 52 : -MARGIN, -60:-MARGIN].max() <= 26


def test_names_heads_and_title_have_room(images):
    plain = labelled_rows({"a": images})
    named = labelled_rows({"a much longer name": images})
    headed = labelled_rows({"a": images}, heads=list("123456"))
    entitled = labelled_rows({"a": images}, "A title")
    assert named.width > plain.width + 80
    assert headed.height == plain.height + HEAD_SIZE + 6
    assert entitled.height > plain.height + 15
    for picture in (named, headed, entitled):
        assert (pixels(picture)[:, :MARGIN] == 255).all()  # nothing runs out of the picture
        assert (pixels(picture)[:, -MARGIN:] == 255).all()


def test_long_titles_are_broken(images):
    short, long = (titled(labelled_rows({"a": images}), "words " * n) for n in (2, 60))
    assert long.height > short.height + 50
    assert long.width < 600
    assert short.getpixel((0, 0)) == (255, 255, 255)
    assert PAPER == "#ffffff"


def test_columns_limit_a_row(images):
    two = labelled_rows({"a": images}, columns=2)
    assert labelled_rows({"a": images}).width - two.width == 4 * 52


@pytest.mark.parametrize(
    "rows", [{}, {"a": np.zeros((0, 8, 8))}, {"a": np.zeros((2, 8, 8)), "b": np.zeros((2, 9, 8))}]
)
def test_bad_rows(rows):
    with pytest.raises(ValueError, match="rows of images of one size"):
        labelled_rows(rows)
