"""What map returns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from isthmus.data.images import Images
from isthmus.metrics.map_scores import Faithful
from isthmus.verbs.layouts import Map
from isthmus.verbs.result import Result, class_of, name_of

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
    kept : Faithful or None
        How far neighbours by codes are neighbours on the map, of up to 1,000 images.
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
    kept: Faithful | None = None

    @property
    def scores(self) -> dict[str, Any]:
        """How the map was made, how far it keeps neighbours, and the file that places are in."""
        data = {"data": self.data} if self.data else {}
        facts = {"method": self.on.method, "shape": list(self.points.shape), **data}
        kept = {} if self.kept is None else self.kept._asdict()
        return facts | {name: each.value for name, each in kept.items()}

    @property
    def within(self) -> dict[str, float | None]:  # type: ignore[override]
        """Half of the 95 % intervals of how far it keeps neighbours."""
        kept = {} if self.kept is None else self.kept._asdict()
        return {name: each.within for name, each in kept.items()}

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
        """Return how the map was made, and its scores; the places are in a file."""
        return {name: v for name, v in super().record().items() if name != self.table_name}

    def picture(self) -> Image:
        """Return the images where they lie; those a map was made of, if others, as pale dots."""
        from isthmus.plots.figures import on_background
        from isthmus.plots.maps import draw
        from isthmus.plots.pixels import limits_of
        from isthmus.plots.space import draw_space
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
        values = known_of(self.images)[self.color]
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


def known_of(images: Images) -> dict[str, Any]:
    """Return what is known of images, by name."""
    return {**images.factors, **({} if images.y is None else {"label": images.y})}
