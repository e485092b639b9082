"""What cluster returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from isthmus.data.images import Images
from isthmus.fitted.heldout import MeasuredOn, judged
from isthmus.metrics.groups import Groups
from isthmus.metrics.how_many import Tried
from isthmus.metrics.table import said
from isthmus.system.files import save_array
from isthmus.verbs.laid_out import lay_out
from isthmus.verbs.probing import in_words
from isthmus.verbs.repeated import as_record
from isthmus.verbs.repeated import in_words as in_words_of
from isthmus.verbs.result import Result, class_of, halves_of, name_of, said_of

if TYPE_CHECKING:
    from PIL.Image import Image


DRAWN = 2000
"""Images of a map that are drawn, at most: they are in memory together."""


@dataclass(repr=False)
class Clustering(Result):
    """What `cluster` found.

    Attributes
    ----------
    groups : Groups
        ``labels``, ``distance`` and ``certainty`` of every image; see `isthmus.metrics.group`.
    scores : dict
        How many clusters, the share of images in none, with labels accuracy, nmi, ari, ami and
        purity, and by up to 1,000 codes alone silhouette, davies_bouldin and stability.
    images : Images
        What was clustered.
    model : Representation
        By whose codes.
    method : str
        How clusters were sought.
    map : ndarray of shape (m, 2), optional
        Where the codes of the images `mapped` lie on the map, if clusters were sought there.
    mapped : ndarray of int of shape (m,), optional
        Rows of those images.
    laid_out : {"", "copy", "link"}
        Whether `save` lays the files of the images out in a folder for every cluster.
    tried : sequence of Tried
        The numbers of clusters that "auto" chose from, see `numbers`.
    """

    saves: ClassVar[tuple[str, ...]] = (".npy", ".csv", ".png", "")
    table_name: ClassVar[str] = "clusters"
    groups: Groups
    scores: dict[str, Any]
    images: Images
    model: Any
    method: str
    map: np.ndarray | None = None
    mapped: np.ndarray | None = None
    laid_out: str = ""
    tried: Sequence[Tried] = ()

    @property
    def title(self) -> str:
        """The model, the method and the images in words."""
        place = "codes" if self.map is None else "a map"
        model, source = in_words(self.model), self.images.source
        return f"Clusters of {model} by {self.method} on {place}: {source}"

    @property
    def measured(self) -> MeasuredOn:
        """How many images there are, and how many of them the model had learnt from."""
        return judged(self.model, self.images)

    @property
    def shown(self) -> int:
        """Return none of the images: a person looks at the clusters."""
        return 0

    @property
    def note(self) -> str:  # type: ignore[override]
        """What to do where there is nothing to draw."""
        none = "no cluster was found, so none is drawn: try a smaller min_size, or on='map'"
        return "" if self.scores["clusters"] else none

    def table(self) -> list[dict[str, Any]]:
        """Return a record for every image: its cluster, how surely, its class, how far in."""
        groups = self.groups
        values = zip(groups.labels.tolist(), groups.distance, groups.certainty, strict=True)
        return [
            {
                "name": name_of(self.images, row),
                "cluster": label,
                "confidence": round(float(certainty), 4),
                "class": class_of(self.images, row),
                "distance": None if label < 0 else float(f"{distance:.6g}"),
            }
            for row, (label, distance, certainty) in enumerate(values)
        ]

    def record(self) -> dict[str, Any]:
        """Return how clusters were sought, and the figures of all."""
        sought = {"method": self.method, "on": "codes" if self.map is None else "map"}
        numbers = {"numbers": self.numbers()} if self.tried else {}
        facts = sought | self.scores | halves_of(self.within) | said_of(self.measured) | numbers
        return facts | as_record(self.random_state, self.repeats)

    def numbers(self) -> list[dict[str, Any]]:
        """Return a record for every number of clusters that was tried, with half intervals."""
        found = []
        for each in self.tried:
            both = {"silhouette": each.silhouette, "stability": each.stability}
            halves = {name: one.within for name, one in both.items()}
            values = {name: round(one.value, 4) for name, one in both.items()}
            found.append({"clusters": each.clusters, **values, **halves_of(halves)})
        return found

    def remarks(self) -> list[str]:
        """Return the numbers of clusters that were tried, a line each, and what repeats were."""
        told = [
            f"{each.clusters:>2} clusters: "
            + ", ".join(
                f"{name} {said(name, one.value, within=one.within)}"
                for name, one in (("silhouette", each.silhouette), ("stability", each.stability))
            )
            for each in self.tried
        ]
        return told + in_words_of(self.random_state, self.repeats, "starts", "clusters")

    def pictures(self) -> dict[str, Image]:
        """Return the clusters, if there are any, and the map, if there is one."""
        clusters = {"clusters": self.picture()} if self.scores["clusters"] else {}
        return clusters | ({} if self.map is None else {"map": self.map_picture()})

    @property
    def labels(self) -> np.ndarray:
        """The cluster of every image, 0 the largest; -1 is none."""
        return self.groups.labels

    def picture(self, count: int = 8) -> Image:
        """Return a row for every cluster: the images in its middle, and those at its edge."""
        from isthmus.plots.clusters import cluster_rows

        return cluster_rows(self.groups, self.images, self.title, count)

    def map_picture(self) -> Image:
        """Return the map, every image in the colour of its cluster.

        Raises
        ------
        ValueError
            If clusters were not sought on a map.
        """
        from isthmus.plots.clusters import cluster_map

        if self.map is None or self.mapped is None:
            raise ValueError("there is no map: these clusters were sought with on='codes'")
        shown = np.arange(len(self.map))
        if len(shown) > DRAWN:
            shown = np.linspace(0, len(shown) - 1, DRAWN).astype(int)
        rows = self.mapped[shown]
        return cluster_map(self.map[shown], self.images[rows], self.labels[rows], self.title)

    def _to_npy(self, path: Path) -> None:
        save_array(path, self.labels)

    def _to_folder(self, folder: Path) -> None:
        super()._to_folder(folder)
        self._to_npy(folder / "labels.npy")
        if self.laid_out:
            lay_out(self.images, self._homes(), folder, link=self.laid_out == "link")

    def _homes(self) -> list[str]:
        """Return the folder of every image."""
        digits = len(str(max(0, self.scores["clusters"] - 1)))
        return [f"cluster-{k:0{digits}d}" if k >= 0 else "none" for k in self.labels.tolist()]

    def _repr_html_(self) -> str:
        return super()._repr_html_() if self.scores["clusters"] else repr(self)
