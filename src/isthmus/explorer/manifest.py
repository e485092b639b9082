"""Models and images as the page is fed: a manifest, and files by their exact names."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.data.fitting import loading_of
from isthmus.data.images import Images, as_images, with_channels
from isthmus.data.label_maps import NO_CLASS
from isthmus.data.like import of_fixed_size
from isthmus.data.values import ImagesLike
from isthmus.explorer.atlas import Atlas
from isthmus.explorer.cache import Cache
from isthmus.explorer.colourings import Colour, by_factor, by_label
from isthmus.explorer.layouts import EXTRA
from isthmus.explorer.model_data import Files, ModelData
from isthmus.explorer.screen import Screen
from isthmus.explorer.tags import Tags
from isthmus.fitted.fingerprints import fingerprint, fingerprint_of
from isthmus.latent.codes import common_range
from isthmus.metrics.table import described
from isthmus.system.progress import Bar
from isthmus.validation import one_of
from isthmus.verbs.within import Limit

VERSION = 1
"""Of the manifest; the page knows no other."""


class View:
    """Models and images as a page to walk through; `web/README.md` says what it is fed.

    Codes, layouts and colours are computed at once, a chunk of images at a time, and kept on disk
    under what models and images are: a second start only reads them. Sheets of thumbnails and
    ONNX files are made when they are first asked for.

    Parameters
    ----------
    models : dict of str to Representation
        Fitted, by name.
    images : Images or array of shape (n, h, w) or (n, h, w, c)
        Those to train on come first on the page. Of others than grey and RGB three bands at a
        time are shown.
    title : str, optional
        What the page is called; by default the source of the images.
    layouts : iterable of {"tsne", "umap"}
        Layouts beside the principal components and the grid of a map.
    scores : dict of str to dict, optional
        Figures of a study by the name of the model.
    live : bool
        Whether a server answers; else ONNX files are among the files.
    cache : Path, optional
        Where what is computed is kept; by default in the user's cache folder.
    show : bool or None
        Show progress; None shows it where standard error is a terminal.
    budget : float, optional
        Seconds for the layouts: t-SNE is left as it is then, others are left out.

    Attributes
    ----------
    manifest : dict
        What the page reads first.
    files : dict of str to callable
        Every file by its name, and what returns its path.
    model_data : dict of str to ModelData
        The models as they are shown.
    images : Images
        In the order of the page.
    atlas : Atlas
        Thumbnails of them.
    tags : Tags
        Words that a person gave to them.
    loading : dict of str to str
        How images of other sizes come to the shape of these, as `load_images` is told it.

    Raises
    ------
    ValueError
        If images are vectors, or a model knows others.

    Examples
    --------
    >>> import isthmus as ist, tempfile
    >>> images = ist.load_images("digits")
    >>> models = {"pca": ist.PCA(4).fit(images.train)}
    >>> view = View(models, images, cache=Path(tempfile.mkdtemp()))
    >>> [layout["file"] for layout in view.manifest["models"][0]["layouts"]]
    ['layouts/pca-pca-2.f32', 'layouts/pca-pca-3.f32']
    """

    def __init__(
        self,
        models: Mapping[str, Any],
        images: ImagesLike | None,
        *,
        title: str | None = None,
        layouts: Iterable[str] = (),
        scores: Mapping[str, dict[str, float | None]] | None = None,
        live: bool = True,
        cache: Path | None = None,
        show: bool | None = None,
        budget: float | None = None,
    ):
        images, layouts, limit = as_images(images), list(layouts), Limit(budget)
        for layout in layouts:
            one_of("layout", layout, EXTRA)
        _check(models, images)
        self.images, self.rows = _in_order(images)
        strict = of_fixed_size(models)
        self.loading = loading_of(models[strict] if strict else images)
        self.ends = common_range(models.values(), images)
        self.screen = Screen(self.images, self.ends)
        self.files: Files = {}
        seen = fingerprint_of(self.images)
        self.kept = Cache(seen, root=cache)
        self.tags = Tags(seen, len(self.images), cache)
        self.model_data: dict[str, ModelData] = {}
        for name, model in models.items():
            safe = file_name(name, self.model_data)
            settings = repr(sorted(model.get_params(deep=False).items()))
            kept = Cache(seen, fingerprint(model), settings, root=cache)
            shown = self.images, self.screen
            self.model_data[safe] = ModelData(safe, model, *shown, kept, layouts, show, limit)
        entries, colours = [], list(self._known_colours())
        with Bar("explorer", len(models), show) as bar:
            for given, data in zip(models, self.model_data.values(), strict=True):
                entries.append(data.entry((scores or {}).get(given, {}), onnx=not live))
                colours += data.colours()
                data.forget()
                self.files |= data.files
                bar.advance(note=data.name)
        facts = self._facts(title or images.source, live)
        known = dict.fromkeys(name for each in (scores or {}).values() for name in each)
        more = {"colours": colours, "metrics": described(known), "models": entries}
        self.manifest = facts | more

    def _facts(self, title: str, live: bool) -> dict[str, Any]:
        atlas = self.atlas = Atlas(self.images, self.screen)
        for page in range(atlas.pages):
            draw = functools.partial(atlas.page, page)
            self.files[f"data/atlas/{page}.png"] = functools.partial(
                self.kept.path, f"atlas-{page}.png", draw
            )
        shape = {
            "count": len(self.images),
            "shape": list(self.screen.shape),
            "fit": self.loading["fit"],
            "bands": self.screen.facts(),
            "label_maps": self._label_maps(),
        }
        tiles = {"columns": atlas.columns, "tile": list(atlas.tile), "pages": atlas.pages}
        return {
            "version": VERSION,
            "title": title,
            "live": live,
            "images": shape | {"range": list(self.ends), "atlas": tiles},
            "splits": _splits(self.images),
            "names": self._names(),
        }

    def _label_maps(self) -> list[str] | None:
        """Return the classes of known label maps; None where there are none."""
        maps = self.images.label_maps
        if maps is None:
            return None
        names = self.images.map_classes
        return list(names or map(str, range(NO_CLASS)))

    def _names(self) -> list[str] | None:
        """Return file names; where the order is the page's own, the rows of the source."""
        if self.images.names is not None:
            return [str(name) for name in self.images.names]
        return None if self.rows is None else [f"image {row}" for row in self.rows]

    def _known_colours(self) -> Iterator[dict[str, Any]]:
        found = [by_label(self.images)]
        known = {**self.images.factors, **self.images.attributes}
        found += [by_factor(name, values) for name, values in known.items()]
        for colour in found:
            if colour is not None:
                yield self._colour(colour)

    def _colour(self, colour: Colour) -> dict[str, Any]:
        ident = re.sub(r"[^\w.-]+", "-", colour.id)
        kind = "number" if colour.categories is None else "category"
        name = f"colours/{ident}.{'f32' if kind == 'number' else 'u16'}"
        path = self.kept.array(name.replace("/", "-"), lambda: colour.values)
        self.files[f"data/{name}"] = lambda: path
        about = {"id": ident, "title": colour.title, "kind": kind, "model": None, "file": name}
        if colour.categories is not None:
            return about | {"categories": colour.categories}
        known = colour.values[np.isfinite(colour.values)]
        ends = [float(known.min()), float(known.max())]
        return about | {"range": ends}

    def manifest_bytes(self) -> bytes:
        """Return the manifest as it is sent."""
        return json.dumps(self.manifest, separators=(",", ":"), allow_nan=False).encode()


def file_name(name: str, taken: Iterable[str]) -> str:
    """Return a name that can be part of a file's and that none of the others has.

    Examples
    --------
    >>> file_name("../my model", ["my-model"])
    'my-model-2'
    """
    safe = re.sub(r"[^\w.-]+", "-", name).strip(".-") or "model"
    found, n = safe, 2
    while found in taken:
        found, n = f"{safe}-{n}", n + 1
    return found


def _check(models: Mapping[str, Any], images: Images) -> None:
    if not models:
        raise ValueError("the explorer needs at least one model")
    if images.ndim != 4 or not len(images):
        points = "; `map` draws vectors as points, (n, 8, 8) are images" * (images.ndim == 2)
        raise ValueError(f"the explorer shows images, (n, h, w, c); got {images.shape}{points}")
    for name, model in models.items():
        fits = with_channels(model.image_shape_) == images.shape[1:]
        if not fits and not model.any_size:
            raise ValueError(
                f"{name} was fitted on images of shape {with_channels(model.image_shape_)}, those "
                f"of {images.source} are {images.shape[1:]}: models beside each other need images "
                "of one size"
            )


def _in_order(images: Images) -> tuple[Images, np.ndarray | None]:
    """Return the images to train on before those held out, and their rows where that moved any."""
    if images.is_test is None or not (np.diff(images.is_test.astype(int)) < 0).any():
        return images, None
    order = np.argsort(images.is_test, kind="stable")
    return images[order], order


def _splits(images: Images) -> list[dict[str, Any]]:
    n, held = len(images), 0 if images.is_test is None else int(images.is_test.sum())
    if images.is_test is None:
        return [{"name": "all", "start": 0, "end": n}]
    parts = {"train": (0, n - held), "test": (n - held, n)}
    return [{"name": k, "start": s, "end": e} for k, (s, e) in parts.items() if e > s]
