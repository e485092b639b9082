"""One model beside the images: its codes, layouts and colours, computed once and kept."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.data.images import Images, chunk_rows
from isthmus.explorer import layouts
from isthmus.explorer.cache import Cache
from isthmus.explorer.cells import facts_of
from isthmus.explorer.onnx import can_export, packed
from isthmus.explorer.screen import Screen
from isthmus.families import name_of
from isthmus.latent.codes import PIECE_BYTES, pieces, pixels_of, vectors
from isthmus.signature import caption
from isthmus.system.progress import track
from isthmus.verbs.cluster import expected, group_codes
from isthmus.verbs.novelty import errors_of, novelty
from isthmus.verbs.traverse import ordered
from isthmus.verbs.within import Limit

if TYPE_CHECKING:
    from isthmus.base import Representation

COLOURS = {
    "error": "Squared error of a pixel",
    "novelty": "Novelty",
    "cluster": "Cluster of codes",
}

Files = dict[str, Callable[[], Path]]
"""What is served, by its name, and where it lies once it is made."""


class ModelData:
    """A model beside images.

    Parameters
    ----------
    name : str
        What the page calls it.
    model : Representation
        Fitted.
    images : Images
        In the order of the page.
    screen : Screen
        What the page shows of them.
    kept : Cache
        Where what is computed is kept; it follows from model and images.
    extra : iterable of {"tsne", "umap"}
        Further layouts.
    show : bool or None
        Show progress; None shows it where standard error is a terminal.
    limit : Limit, optional
        Time in which further layouts are made.
    """

    def __init__(
        self,
        name: str,
        model: Representation,
        images: Images,
        screen: Screen,
        kept: Cache,
        extra: Iterable[str] = (),
        show: bool | None = None,
        limit: Limit | None = None,
    ):
        self.limit = limit or Limit(None)
        self.name, self.model, self.images, self.screen = name, model, images, screen
        self.kept, self.extra, self.show = kept, tuple(extra), show
        kind = {"grid": "vector"}.get(model.code_kind_, model.code_kind_)  # a grid of one size
        self.code = kind if model.cell is None else "cells"
        self.decodes, self.width = model.can("decode"), model.code_width_
        self.files: Files = {}

    @cached_property
    def _measured(self) -> tuple[np.ndarray, np.ndarray | None]:
        """The codes of all images, averaged where they are per pixel, and errors of decoding."""
        size = chunk_rows(self.images.shape)
        if self.code in ("pixels", "cells"):
            size = max(1, PIECE_BYTES // (4 * pixels_of(self.images)))
        total = -(-len(self.images) // size)
        rows = track(pieces(self.images, size), f"codes of {self.name}", total, self.show)
        found, errors = zip(*map(self._measure, rows), strict=True)
        codes = np.concatenate(found)
        if not np.isfinite(codes).all():
            raise ValueError(f"{self.name} gives codes with NaN or infinity: was it trained?")
        return codes, np.concatenate(errors) if self.decodes else None

    def _measure(self, piece: Images) -> tuple[np.ndarray, np.ndarray | None]:
        codes, errors = self.model.encode(piece), None
        if self.decodes:
            errors = errors_of(self.model, piece, codes).astype(np.float32)
        codes = self.model.pooled(codes)
        return codes.astype(np.int32 if codes.ndim == 1 else np.float32), errors

    @cached_property
    def codes(self) -> np.ndarray:
        """The codes (n,) or (n, width) as they are kept, mapped into memory."""
        path = self._codes_path()
        if self.code == "index":
            return np.memmap(path, "<i4", "r")
        return np.memmap(path, "<f4", "r").reshape(len(self.images), -1)

    def _codes_path(self) -> Path:
        return self.kept.array("codes", lambda: self._measured[0])

    @cached_property
    def _vectors(self) -> np.ndarray:
        """The codes, of an index the distances to all prototypes."""
        return vectors(self.model, self.images) if self.code == "index" else self.codes

    def entry(self, scores: dict[str, float | None], onnx: bool) -> dict[str, Any]:
        """Return what the manifest says of the model, and learn the names of its files."""
        family = name_of(self.model)
        return {
            "name": self.name,
            "family": family,
            "about": caption(family),
            "code": self.code,
            "width": self.width,
            "can": list(self._verbs()),
            "codes": self._codes_file(),
            "cells": self._cells(),
            **self._numbers(),
            "layouts": list(self._layouts()),
            "grid": self._grid(),
            "samplers": self.samplers(),
            "classes": self.classes(),
            "scores": scores,
            "onnx": {part: self._onnx(part) if onnx else None for part in ("decode", "encode")},
        } | self._prototypes()

    def forget(self) -> None:
        """Free what is on disk by now."""
        for name in ("_measured", "_vectors"):
            self.__dict__.pop(name, None)

    def _verbs(self) -> Iterator[str]:
        if self.screen.whole:
            yield "encode"
        if self.decodes:
            yield from ("decode", "sample") if self.samplers() else ("decode",)
        if self.classes() is not None:
            yield "predict"

    def classes(self) -> list[str] | None:
        """Return what `predict` says, in words; of pixel networks, what their label maps mean."""
        names, labels = dict(enumerate(self.images.classes or ())), self.model.class_labels_
        return None if labels is None else [str(names.get(label, label)) for label in labels]

    def samplers(self) -> list[str]:
        """Return what new codes can be drawn from."""
        if not self.decodes or self.code in ("pixels", "cells"):
            return []
        if self.code == "index":
            return ["prior"]
        return ["prior"] * self.model.has_standard_prior + ["gaussian", "mixture"]

    def _add(self, name: str, path: Path) -> str:
        self.files[f"data/{name}"] = lambda: path
        return name

    def _codes_file(self) -> str | None:
        if self.code in ("pixels", "cells"):
            return None
        kind = "i32" if self.code == "index" else "f32"
        return self._add(f"codes/{self.name}.{kind}", self._codes_path())

    def _numbers(self) -> dict[str, list[float]]:
        """Return what is known of every latent dimension, for the sliders."""
        names = ("order", "usefulness", "low", "high", "mean", "deviation")
        if self.code != "vector":
            return {name: [] for name in names}
        return self.kept.facts("numbers", lambda: _numbers(self.model, self.codes))

    def _layouts(self) -> Iterator[dict[str, Any]]:
        for dimensions in (2, 3):
            if self.model.can("locate"):
                if dimensions == 2:
                    yield from self._layout(
                        "grid", 2, lambda: layouts.on_grid(self.model, self.codes)
                    )
            else:
                invertible = self.code == "vector"
                make = functools.partial(self._linear, dimensions, invertible)
                yield from self._layout("linear", dimensions, make)
        seconds = self.limit.seconds
        what, total = f"further maps of {self.name}", len(self.extra)
        for method in self.limit.until(self.extra, what, least=0, total=total):
            kept = method if seconds is None else f"{method}-in-{seconds:g}s"  # it may be cut off
            yield from self._layout(kept, 2, functools.partial(self._neighbours, method))

    def _linear(self, dimensions: int, invertible: bool) -> layouts.Layout | None:
        return layouts.linear(np.asarray(self._vectors), dimensions, invertible)

    def _neighbours(self, method: str) -> layouts.Layout:
        codes, over = np.asarray(self._vectors), self.limit.is_over
        return layouts.neighbours(codes, method, bool(self.show), over)

    def _layout(
        self, key: str, dimensions: int, make: Callable[[], layouts.Layout | None]
    ) -> Iterator[dict[str, Any]]:
        """Yield what the manifest says of a layout, if there is one of so many dimensions."""
        made = functools.cache(make)
        kept = f"{key}-{dimensions}"
        facts = self.kept.facts(kept, lambda: _known(made()))
        if facts is None:
            return
        path = self.kept.array(f"{kept}.f32", lambda: made().points)  # type: ignore[union-attr]
        file = f"layouts/{self.name}-{facts['id']}-{dimensions}.f32"
        title = layouts.TITLES[facts["id"]]
        yield facts | {"title": title, "dimensions": dimensions, "file": self._add(file, path)}

    def colours(self) -> Iterator[dict[str, Any]]:
        """Yield what the manifest says of the colours that this model gives."""
        if self.decodes:
            yield self._figures("error", self._errors)
        if self.decodes or len(self.codes) > 1:
            yield self._figures("novelty", self._novelty)
        path = self.kept.array("cluster.u16", self._clusters)
        count = int(np.fromfile(path, "<u2").max()) + 1
        categories = [f"cluster {i}" for i in range(count)]
        yield self._colour("cluster", path, "category") | {"categories": categories}

    def _clusters(self) -> np.ndarray:
        """Return the clusters that the verb `cluster` finds among the same images."""
        sought = expected(self.images)
        found = group_codes(self.model, np.asarray(self.codes), "kmeans", sought, random_state=0)
        return found.labels.astype(np.uint16)

    def _novelty(self) -> np.ndarray:
        """Return what the verb `novelty` says of the same images: errors where it can decode."""
        if self.decodes:
            return np.fromfile(self.kept.array("error.f32", self._errors), "<f4")
        return novelty(self.model, self.images, verbose=bool(self.show)).scores

    def _errors(self) -> np.ndarray:
        return np.asarray(self._measured[1])

    def _figures(self, kind: str, make: Callable[[], np.ndarray]) -> dict[str, Any]:
        path = self.kept.array(f"{kind}.f32", lambda: make().astype(np.float32))
        values = np.fromfile(path, "<f4")
        ends = [float(values.min()), float(values.max())]
        return self._colour(kind, path, "number") | {"range": ends}

    def _colour(self, what: str, path: Path, kind: str) -> dict[str, Any]:
        name = f"{what}-{self.name}"
        file = self._add(f"colours/{name}{path.suffix}", path)
        title = f"{COLOURS[what]}, {self.name}"
        return {"id": name, "title": title, "kind": kind, "model": self.name, "file": file}

    def _cells(self) -> dict[str, Any] | None:
        if self.code != "cells":
            return None
        return self.kept.facts("cells", lambda: facts_of(self.model, self.images))

    def _grid(self) -> dict[str, Any] | None:
        if not self.model.can("locate"):
            return None
        rows, columns = self.model.grid_
        return {"rows": rows, "columns": columns, "topology": self.model.topology}

    def _prototypes(self) -> dict[str, Any]:
        if self.code != "index":
            return {}
        path = self.kept.array(
            "prototypes.u8",
            lambda: self.screen.bytes_of(self.model.decode(np.arange(self.width))),
        )
        self._add(f"prototypes/{self.name}.u8", path)
        return {}

    def _onnx(self, part: str) -> str | None:
        if not self.screen.whole or not can_export(self.model, part):
            return None
        name, kept = f"onnx/{self.name}-{part}.onnx", f"{part}.onnx"
        make = functools.partial(packed, self.model, part)
        self.files[f"data/{name}"] = lambda: self.kept.path(kept, make)
        return name


def _numbers(model: Representation, codes: np.ndarray) -> dict[str, list[float]]:
    low, high = np.percentile(codes, [1, 99], axis=0)
    found = {
        "order": np.asarray(ordered(model, codes)),
        "usefulness": codes.var(0) if model.kl_ is None else np.asarray(model.kl_),
        "low": low,
        "high": high,
        "mean": codes.mean(0, dtype=np.float64),
        "deviation": codes.std(0, dtype=np.float64),
    }
    return {name: values.tolist() for name, values in found.items()}


def _known(layout: layouts.Layout | None) -> dict[str, Any] | None:
    return None if layout is None else {"id": layout.id, "inverse": layout.inverse}
