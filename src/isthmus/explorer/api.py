"""What the page asks of models: arrays in, arrays out, everything checked; no web in here."""

from __future__ import annotations

import functools
import io
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.data.decode import Rule, read_header
from isthmus.data.folder import Entry, pack
from isthmus.data.formats import reason
from isthmus.data.ranges import from_bytes
from isthmus.explorer.cells import Cells
from isthmus.explorer.manifest import View
from isthmus.explorer.model_data import ModelData
from isthmus.families import name_of
from isthmus.latent.codes import flattened
from isthmus.latent.neighbors import Index
from isthmus.verbs.by_class import Draw
from isthmus.verbs.generate import fitted

MOST_ROWS = 4096
"""Rows of one request, going in or coming out."""
MOST_BYTES = 16 * 2**20
"""Bytes of one answer; what it is made from takes several times as many."""
MOST_NEAREST = 1000
"""Neighbours of one code."""
SEARCHED = 256
"""Codes whose neighbours are sought in one request: every one is compared with all images."""
HOTTEST = 10.0
"""Highest temperature: codes beyond are far from all images."""


class Refused(Exception):
    """A request that cannot be answered: the status it has, and why, in one sentence.

    Parameters
    ----------
    status : int
        400 malformed, 403 wrong token, 404 unknown, 413 too large, 429 too many at once.
    words : str
        What was given, and what is allowed.
    """

    def __init__(self, status: int, words: str):
        super().__init__(words)
        self.status = status


class Verbs:
    """Answers of models to the requests of a page.

    Parameters
    ----------
    view : View
        What is shown.

    Examples
    --------
    >>> import isthmus as ist, tempfile, pathlib
    >>> images = ist.load_images("digits")
    >>> cache = pathlib.Path(tempfile.mkdtemp())
    >>> verbs = Verbs(View({"pca": ist.PCA(4).fit(images)}, images, cache=cache))
    >>> verbs.answer("decode", {"model": "pca"}, np.zeros((2, 4), "<f4").tobytes()).shape
    (2, 8, 8, 1)
    """

    def __init__(self, view: View):
        self.view, self.shape, self.screen = view, view.images.shape[1:], view.screen
        self._lock, self._opening = threading.Lock(), threading.Lock()
        self._once: dict[Any, Any] = {}
        self.known: dict[str, Callable[[Mapping[str, str], bytes], np.ndarray]] = {
            "decode": self._decode,
            "encode": self._encode,
            "denoise": self._denoise,
            "predict": self._predict,
            "nearest": self._nearest,
            "sample": self._sample,
            "images": self._images,
            "open": self._open,
            "segment": self._segment,
            "labels": self._labels,
            "cell": self._cell,
            "sheet": self._sheet,
        }

    def answer(self, verb: str, query: Mapping[str, str], body: bytes) -> np.ndarray:
        """Return the array that answers a request.

        Raises
        ------
        Refused
            If it is malformed, too large, or asks what a model cannot.
        """
        if verb not in self.known:
            raise Refused(404, f"there is no {verb!r}; there are {', '.join(self.known)}")
        return self.known[verb](query, body)

    def _decode(self, query: Mapping[str, str], body: bytes) -> np.ndarray:
        shown = self._shown(query, "decode")
        return self._decoded(shown, self._codes(shown, body), query)

    def _decoded(
        self, shown: ModelData, codes: np.ndarray, query: Mapping[str, str]
    ) -> np.ndarray:
        return self._seen(shown.model.decode_as(codes, self.shape), query)

    def _seen(self, images: Any, query: Mapping[str, str]) -> np.ndarray:
        """Return images as the page has them, by the bands that it asks for."""
        images = np.asarray(images).reshape(-1, *self.shape)
        return self.screen.bytes_of(images, self._bands(query))

    def _encode(self, query: Mapping[str, str], body: bytes) -> np.ndarray:
        shown = self._shown(query, "encode")
        wide = self._row(shown) if shown.code in ("pixels", "cells") else ()
        codes = shown.model.encode(self._given(query, body, 4 * int(np.prod(wide))))
        codes = flattened(shown.model, codes)
        return codes.astype("<i4" if codes.dtype.kind in "iu" else "<f4")

    def _denoise(self, query: Mapping[str, str], body: bytes) -> np.ndarray:
        shown = self._shown(query, "decode")
        return self._decoded(shown, shown.model.encode(self._given(query, body)), query)

    def _predict(self, query: Mapping[str, str], body: bytes) -> np.ndarray:
        shown = self._shown(query, "predict")
        if not shown.model.can("predict_proba"):
            raise Refused(404, f"{shown.name} says a class of every pixel: ask it to segment")
        return shown.model.predict_proba(self._given(query, body)).astype("<f4")

    def _segment(self, query: Mapping[str, str], body: bytes) -> np.ndarray:
        shown = self._shown(query, "segment")
        if shown.model.can("predict"):
            return shown.model.predict(self._given(query, body)).astype(np.uint8)
        wide = 4 * int(np.prod(self._row(shown)))
        return shown.model.encode(self._given(query, body, wide)).astype("<f4")

    def _labels(self, query: Mapping[str, str], body: bytes) -> np.ndarray:
        maps = self.view.images.label_maps
        if maps is None:
            raise Refused(404, "these images have no label maps")
        return np.asarray(maps[self._ids(body)], np.uint8)

    def _cell(self, query: Mapping[str, str], body: bytes) -> np.ndarray:
        """Answer with an image decoded with other codes in one cell of its grid."""
        shown = self._shown(query, "cell")
        rows, columns, *code = self._row(shown)
        image = _whole(query, "id", 0, 0, len(self.view.images) - 1)
        at = _whole(query, "row", 0, 0, rows - 1), _whole(query, "column", 0, 0, columns - 1)
        codes = self._codes(shown, body, row=tuple(code))
        cells = self._made(("cells", shown.name), lambda: Cells(shown.model, self.view.images))
        return self._seen(cells.changed(image, at, codes), query)

    def _sheet(self, query: Mapping[str, str], body: bytes) -> np.ndarray:
        """Answer with a sheet of thumbnails, of the bands that are asked for."""
        atlas = self.view.atlas
        return atlas.sheet(_whole(query, "page", 0, 0, atlas.pages - 1), self._bands(query))

    def _nearest(self, query: Mapping[str, str], body: bytes) -> np.ndarray:
        shown = self._shown(query, "nearest")
        most = min(MOST_NEAREST, len(self.view.images))
        k = _whole(query, "k", 8, 1, most)
        codes = self._codes(shown, body, MOST_BYTES // SEARCHED)
        if shown.code == "index":
            return self._sharing(shown, codes, k)
        index = self._made(("index", shown.name), lambda: Index(shown.codes))
        return index.search(codes, k).rows.astype("<i4")

    def _sharing(self, shown: ModelData, codes: np.ndarray, k: int) -> np.ndarray:
        """Return the first images of every index, -1 where it has fewer."""
        found = np.full((len(codes), k), -1, "<i4")
        for row, code in zip(found, codes, strict=True):
            members = np.flatnonzero(shown.codes == code)[:k]
            row[: len(members)] = members
        return found

    def _sample(self, query: Mapping[str, str], body: bytes) -> np.ndarray:
        shown = self._shown(query, "sample")
        n, seed = _whole(query, "n", 16, 1, MOST_ROWS), _whole(query, "seed", 0, 0, 2**53)
        t, sampler = _figure(query, "temperature", 1.0), query.get("sampler", shown.samplers()[0])
        if sampler not in shown.samplers():
            raise Refused(400, f"sampler={sampler!r} must be one of {', '.join(shown.samplers())}")
        rng = np.random.default_rng(seed)
        if sampler == "prior" and shown.model.has_standard_prior:
            return (t * rng.normal(size=(n, shown.width))).astype("<f4")
        kind = "gaussian" if sampler == "prior" else sampler  # indices are drawn as they occur
        draw: Draw = self._made((kind, shown.name), lambda: fitted(shown.codes, kind))
        codes = draw(n, rng, t)
        return codes.astype("<i4" if codes.ndim == 1 else "<f4")

    def _images(self, query: Mapping[str, str], body: bytes) -> np.ndarray:
        return self._seen(self.view.images[self._ids(body)], query)

    def _open(self, query: Mapping[str, str], body: bytes) -> np.ndarray:
        h, w, c = self.screen.shape
        rule = Rule((h, w), self.view.loading["fit"], "grey" if c == 1 else "rgb")
        rule = rule._replace(bits=self.view.loading["bits"])
        read = functools.partial(io.BytesIO, body)
        try:
            read_header(read())
            with self._opening:  # a large image takes much memory: one after the other
                entry = Entry("it", (len(body), 0), read)
                return pack([entry], rule, Path("this file"), False).data
        except Exception as error:  # on damaged files Pillow's readers raise almost anything
            raise Refused(400, f"this file cannot be read: {reason(error, '')}") from None

    def _shown(self, query: Mapping[str, str], verb: str) -> ModelData:
        """Return the model that is asked for, if it can do what is asked."""
        name = query.get("model", "")
        shown = self.view.model_data.get(name)
        if shown is None:
            raise Refused(
                404, f"there is no model {name!r}; there are {', '.join(self.view.model_data)}"
            )
        able = {
            "decode": shown.decodes,
            "sample": bool(shown.samplers()),
            "predict": shown.classes() is not None,
            "segment": shown.code == "pixels",
            "nearest": shown.code not in ("pixels", "cells"),
            "cell": shown.code == "cells" and shown.decodes,
        }
        if not able.get(verb, True):
            raise Refused(404, f"{name} ({name_of(shown.model)}) cannot {verb}")
        return shown

    def _row(self, shown: ModelData) -> tuple[int, ...]:
        """Return the shape of one code."""
        return (shown.width,) if shown.code == "vector" else shown.model.code_shape_of(self.shape)

    def _codes(
        self, shown: ModelData, body: bytes, answer: int = 0, row: tuple[int, ...] | None = None
    ) -> np.ndarray:
        """Return a body as codes of images, or as rows of another shape."""
        kind = "<i4" if shown.model.code_kind_ in ("index", "indices") else "<f4"
        row = self._row(shown) if row is None else row
        codes = self._array(body, kind, row, answer or int(np.prod(self.screen.shape)))
        if kind == "<f4" and not np.isfinite(codes).all():
            raise Refused(400, "codes must be finite numbers, without NaN and infinity")
        if kind == "<i4" and not 0 <= codes.min() <= codes.max() < shown.width:
            raise Refused(400, f"the indices of {shown.name} run from 0 to {shown.width - 1}")
        return codes

    def _ids(self, body: bytes, answer: int = 0) -> np.ndarray:
        ids = self._array(body, "<i4", (), answer or int(np.prod(self.screen.shape)))
        if not 0 <= ids.min() <= ids.max() < len(self.view.images):
            raise Refused(400, f"ids run from 0 to {len(self.view.images) - 1}")
        return ids.astype(np.int64)

    def _bands(self, query: Mapping[str, str]) -> list[int] | None:
        """Return the bands that are red, green and blue, where any are asked for."""
        given = query.get("bands")
        if given is None:
            return None
        found = given[:40].split(",")
        known = {str(band): band for band in range(self.shape[2])}
        if len(found) != 3 or not all(band in known for band in found):
            last = self.shape[2] - 1
            raise Refused(400, f"bands={given[:40]!r} must be three of 0 to {last}, as in 2,1,0")
        return [known[band] for band in found]

    def _given(self, query: Mapping[str, str], body: bytes, answer: int = 0) -> Any:
        """Return the images that a body holds, or those of the view whose ids it holds."""
        if query.get("by") == "id":
            return self.view.images[self._ids(body, answer)]
        if not self.screen.whole:
            raise Refused(
                404, f"the page shows 3 of {self.shape[2]} bands: no model can take its pixels"
            )
        pixels = self._array(body, "u1", self.shape, answer)
        return from_bytes(pixels, self.view.ends)

    def _array(self, body: bytes, kind: str, row: tuple[int, ...], answer: int) -> np.ndarray:
        """Return a body as an array of rows, if it holds so many of them and no part of another.

        `answer` is how many bytes a row of the answer will have.
        """
        size = np.dtype(kind).itemsize * int(np.prod(row))
        rows, rest = divmod(len(body), size)
        if rest or not rows:
            raise Refused(
                400, f"a body of {len(body)} bytes is not one or more rows of {size} bytes each"
            )
        if rows > MOST_ROWS or rows * answer > MOST_BYTES:
            most = min(MOST_ROWS, MOST_BYTES // max(1, answer))
            raise Refused(413, f"{rows} rows in one request: at most {most} are allowed here")
        return np.frombuffer(body, kind).reshape(rows, *row).copy()  # which may be written to

    def _made(self, key: object, make: Callable[[], Any]) -> Any:
        """Return what takes its time to make and is made once, whoever asks first."""
        with self._lock:
            once = self._once.setdefault(key, _Once(make))
        return once()


class _Once:
    def __init__(self, make: Callable[[], Any]):
        self.lock, self.make = threading.Lock(), functools.cache(make)

    def __call__(self) -> Any:
        with self.lock:
            return self.make()


def _whole(query: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    given = query.get(name, str(default))
    plain = given.isascii() and given.isdigit() and len(given) <= 16
    if not plain or not low <= int(given) <= high:
        raise Refused(400, f"{name}={given[:40]!r} must be a whole number, {low} to {high}")
    return int(given)


def _figure(query: Mapping[str, str], name: str, default: float) -> float:
    given = query.get(name, str(default))
    try:
        value = float(given[:40])
    except ValueError:
        value = float("nan")
    if not 0 < value <= HOTTEST:
        raise Refused(400, f"{name}={given[:40]!r} must be above 0 and at most {HOTTEST:g}")
    return value
