"""Map: images drawn where their codes lie, and new ones among those a map was made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from isthmus.data.images import Images, as_images
from isthmus.validation import hint, renamed
from isthmus.verbs.layouts import Map
from isthmus.verbs.parameters import ImagesLike, Model, Seconds
from isthmus.verbs.result import Result, class_of, name_of
from isthmus.verbs.within import Limit

if TYPE_CHECKING:
    from PIL.Image import Image

METHODS = {
    "tsne": "t-SNE",
    "umap": "UMAP",
    "pca": "principal components",
    "as is": "the latent dimensions themselves",
    "grid": "the grid of the map",
}
"""What a picture calls the way in which codes were laid out."""


@dataclass(eq=False, repr=False)
class Mapped(Result):
    """Images on a map.

    Attributes
    ----------
    points : ndarray of shape (n, 2) or (n, 3), float32
        Where the images lie.
    images : Images
        These images.
    on : Map
        What they lie on; `on.place` finds places of others.
    color : str or None
        What a picture has their colours from: "label", or a factor.
    placed : bool
        Whether they were placed on a map of others.
    others : Images or None
        Those others, where they were given.
    """

    saves: ClassVar[tuple[str, ...]] = (".png", ".npz", ".parquet", "")
    table_name: ClassVar[str] = "places"
    only_saved: ClassVar[bool] = True
    evenly: ClassVar[int | None] = 2000

    points: np.ndarray
    images: Images
    on: Map
    color: str | None = None
    placed: bool = False
    others: Images | None = None
    data: str = ""

    @property
    def scores(self) -> dict[str, Any]:
        """How the map was made, how many places there are, and the file they are in."""
        data = {"data": self.data} if self.data else {}
        return {"method": self.on.method, "shape": list(self.points.shape), **data}

    @property
    def shown(self) -> int:
        """Rows of the table that are enough for a person: places are to be seen."""
        return 0

    def table(self) -> list[dict[str, Any]]:
        """Return an image a row: its name, its class if it has one, its place."""
        rows = []
        for row, place in enumerate(self.points.tolist()):
            known = {} if self.images.y is None else {"class": class_of(self.images, row)}
            axes = dict(zip("xyz", place, strict=False))
            rows.append({"image": name_of(self.images, row), **known, **axes})
        return rows

    def columns(self) -> dict[str, Any]:
        """Return places, names, labels, classes and factors, each as a column."""
        images = self.images
        columns = dict(zip("xyz", self.points.T, strict=False))
        columns |= {} if images.names is None else {"name": images.names}
        if images.y is not None:
            columns["label"] = images.y
            columns["class"] = [class_of(images, row) or None for row in range(len(images))]
        return columns | {f"factor {k}": v for k, v in images.factors.items() if v.ndim == 1}

    def record(self) -> dict[str, Any]:
        """Return how the map was made; the places are in a file."""
        return self.scores

    def picture(self) -> Image:
        """Return the images where they lie; those a map was made of, if others, as pale dots."""
        from isthmus.plots.figures import limits_of, on_background
        from isthmus.plots.maps import draw, draw_space
        from isthmus.plots.strips import PAPER, titled

        inks, ours, theirs = self._colours()
        options = {"colours": ours, "limits": limits_of(self.images)}
        if self.placed:
            options |= {"behind": self.on.points, "behind_colours": theirs}
        drawn = draw if self.points.shape[1] == 2 else draw_space
        picture = drawn(self.points, self.images, **options)
        page = titled(on_background(picture, PAPER), self._headline())
        return page if inks is None else inks.add_to(page)

    def pictures(self) -> dict[str, Image]:
        """Return the picture by its name."""
        return {"map": self.picture()}

    def _headline(self) -> str:
        shown = f"{len(self.images):,} images of {self.images.source}"
        if self.placed:
            return f"{shown}, placed on a map of {len(self.on.points):,} (pale dots)"
        return f"{shown} by their codes: {METHODS[self.on.method]}"

    def _colours(self) -> tuple[Any, Any, Any]:
        """Return the legend, and colours of the images and of those the map was made of."""
        from isthmus.plots.legends import Colours

        if self.color is None:
            return None, None, None
        values = _known(self.images)[self.color]
        if self.color == "label":
            classes = self.images.classes or [str(i) for i in range(int(values.max()) + 1)]
            inks, theirs = Colours.of("label", values, classes), self.on.y
        else:
            inks = Colours.of(self.color, values)
            theirs = None if self.others is None else self.others.factors.get(self.color)
        return inks, inks.pick(values), None if theirs is None else inks.pick(theirs)

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the picture, the map as `Map.load` reads it (.npz), or the places of the images.

        See `isthmus.verbs.result.Result.save`.
        """
        path = super().save(path, force=force)
        if path.suffix in (".npz", ".parquet"):
            self.data = str(path)
        return path

    def _to_png(self, path: Path) -> None:
        from isthmus.plots.saving import save_picture

        save_picture(path, self.picture(), photo=self.images.shape[3:] == (3,))

    def _to_npz(self, path: Path) -> None:
        if not self._is_new:
            raise ValueError(
                "with onto= the map is in a file already; write the places to .parquet"
            )
        self.on.save(path)

    def _to_parquet(self, path: Path) -> None:
        from isthmus.data.parquet import write_columns

        write_columns(path, self.columns())

    def _to_folder(self, folder: Path) -> None:
        super()._to_folder(folder)
        if self._is_new:
            self.on.save(folder / "map.npz")

    @property
    def _is_new(self) -> bool:
        """Whether the map was made, and not given."""
        return not self.placed or self.others is not None


@renamed(color="color_by", on="onto")
def map(
    model: Model,
    images: ImagesLike,
    method: str = "auto",
    dimensions: int = 2,
    *,
    color_by: str | None = None,
    place: ImagesLike | None = None,
    onto: Map | str | Path | None = None,
    random_state: int = 0,
    budget: Seconds | None = None,
    verbose: bool | None = None,
) -> Mapped:
    """Lay images out by their codes, and place new ones on the map.

    Parameters
    ----------
    model : Representation
        A fitted model that encodes.
    images : Images or array of shape (n, ...)
        What to lay out; with `onto` what to place.
    method : {"auto", "pca", "tsne", "umap", "grid"}
        How codes are projected to the plane: "auto" takes the grid of a self-organising map, codes
        of two numbers as they are, t-SNE from 50 images on, and else principal components.
    dimensions : {2, 3}
        2 for a plane, 3 for space.
    color_by : str, optional
        What colours say: label, or a known factor; by default label, if there are any.
    place : Images or array, optional
        New images to place on the map.
    onto : Map, str or Path, optional
        A map saved as .npz: place the images on it.
    random_state : int
        Seed of the layout.
    budget : float, optional
        Time to take, in seconds above 0, by t-SNE: it is left as it is then.
    verbose : bool, optional
        Show progress on standard error.

    Returns
    -------
    Mapped
        Places, and a picture of the images there.

    Raises
    ------
    ValueError
        If `place` and `onto` are both given, nothing is known of `color_by`, or the codes cannot
        be laid out so; see `Map.of`.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> pca = ist.PCA(16).fit(images.train)
    >>> found = ist.map(pca, images.train.evenly(200), "pca")
    >>> found
    Mapped(method=pca, shape=200, 2)
    >>> ist.map(pca, images.test, onto=found.on).points.shape
    (359, 2)
    """
    limit = Limit(budget)
    if place is not None and onto is not None:
        raise ValueError("place= and onto=: give one; with onto= it is images that are placed")
    images = as_images(images)
    shown = images if place is None else as_images(place)
    color = _color(shown, color_by)
    if isinstance(onto, str | Path):
        onto = Map.load(onto)
    found = onto or Map.of(
        model, images, method, dimensions, random_state, bool(verbose), limit.is_over
    )
    if place is None and onto is None:
        return Mapped(found.points, images, found, color)
    others = None if place is None else images
    return Mapped(found.place(model, shown), shown, found, color, True, others)


def _known(images: Images) -> dict[str, Any]:
    """Return what is known of images, by name."""
    return {**images.factors, **({} if images.y is None else {"label": images.y})}


def _color(images: Images, by: str | None) -> str | None:
    """Return by what images are coloured, checked; None if nothing is asked for or known."""
    known = _known(images)
    if by is None:
        return "label" if "label" in known else None
    if by not in known:
        listed = ", ".join(sorted(known)) or "nothing"
        raise ValueError(
            f"color_by={by!r}: of {images.source} is known: {listed}{hint(by, known)}"
        )
    return by
