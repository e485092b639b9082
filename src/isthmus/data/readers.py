"""From anything that holds images to Images."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from isthmus.data import catalog
from isthmus.data.adjust import adjusted, ranged
from isthmus.data.arrays import (
    damage_explained,
    laid_as_fitted,
    read_hdf5,
    read_mat,
    read_npy,
    read_npz,
)
from isthmus.data.arrow import is_saved, is_sharded, read_arrow, read_saved, read_sharded
from isthmus.data.asked import chosen, ends_of, size_of
from isthmus.data.columns import ColumnsLike, check_columns
from isthmus.data.decode import COLORS, DTYPES, FITS, Rule
from isthmus.data.depth import check_bits
from isthmus.data.described_folder import read_described, read_zip
from isthmus.data.fitting import SIZE_BITS
from isthmus.data.flowers import is_flowers, read_flower_folder
from isthmus.data.formats import IMAGE_NAME, VIDEOS
from isthmus.data.held import held
from isthmus.data.idx import idx_parts, read_idx, read_idx_folder
from isthmus.data.images import Images
from isthmus.data.layout import arranged, check_layout
from isthmus.data.like import range_like, rule_like, unit_like
from isthmus.data.listed import read_table
from isthmus.data.moving import check_nth, read_animation, read_moving, read_video
from isthmus.data.numbers import KEEP, Asked
from isthmus.data.parquet import read_parquet
from isthmus.data.patches import patches_of
from isthmus.data.pictures import as_pictures
from isthmus.data.rasters import ENVI_SUFFIXES, is_measured, read_envi, read_tiff
from isthmus.data.registered import own_reader, unknown_kind
from isthmus.data.segnet import is_segnet, read_segnet
from isthmus.data.several import expanded, read_files
from isthmus.data.sprites import is_dsprites, read_dsprites
from isthmus.data.tables import with_labels
from isthmus.data.values import ImagesLike, to_array
from isthmus.data.zarrs import is_zarr, read_zarr
from isthmus.validation import one_of, renamed

if TYPE_CHECKING:
    from isthmus.base import Representation

Reader = Callable[[Path, str | None, Rule, bool | None], Images]

READERS: dict[str, Reader] = {
    ".npy": read_npy,
    ".npz": read_npz,
    ".zip": read_zip,
    ".idx": read_idx,
    ".gz": read_idx,
    ".parquet": read_parquet,
    **dict.fromkeys((".arrow", ".feather"), read_arrow),
    **dict.fromkeys((".csv", ".tsv", ".jsonl", ".json"), read_table),
    ".mat": read_mat,
    ".h5": read_hdf5,
    ".hdf5": read_hdf5,
    ".tif": read_tiff,
    ".tiff": read_tiff,
    ".hdr": read_envi,
    ".zarr": read_zarr,
    **dict.fromkeys(ENVI_SUFFIXES, read_envi),
    **dict.fromkeys(VIDEOS, read_video),
}

ARRAYS = (".npy", ".npz", ".mat", ".h5", ".hdf5", ".zarr")
"""Files of arrays, whose axes may be in any order."""

UNITS = ("image", "pixel", "patch")

INSIDE = re.compile(r"(?P<file>.+\.(npz|parquet|mat|h5|hdf5|zarr)):(?P<name>.+)", re.IGNORECASE)


@renamed(fit="resize")
def load_images(
    source: str | Path | ImagesLike,
    *,
    like: Representation | None = None,
    size: int | tuple[int, int] | None = None,
    resize: str | None = None,
    color: str = "auto",
    dtype: str = "uint8",
    longest: int | None = None,
    bits: int | None = None,
    layout: str = "auto",
    value_range: Asked | None = None,
    nth: int | None = None,
    per: str | None = None,
    labels: str | Path | None = None,
    columns: ColumnsLike | None = None,
    verbose: bool | None = None,
) -> Images:
    """Read images from a named set, a file, a folder or an array.

    Parameters
    ----------
    source : str, Path, list of these, array, tensor, list of pictures or Images
        - a named set: ``digits``, ``mnist``, ``camvid`` or another that `isthmus data` lists (a
          folder of that name is meant by ``./digits``, or by a Path);
        - a folder of image files, or a ``.zip`` of one, by the rule below;
        - an image file, a list of files and folders, a pattern such as ``photos/*.jpg``, or
          ``-`` for a list of paths on standard input, one a line: by the same rule, but in the
          order they are given in;
        - a folder of images and label maps in SegNet's layout: lists ``train.txt``, ``val.txt``,
          ``test.txt`` of ``image annotation``, or ``train/`` beside ``trainannot/``; a file
          ``classes.txt`` names the classes, those of CamVid are the default; 255 is no class, but
          where all maps are masks of 0 and 255 alone, and no other than two classes are named;
        - the folder of the Oxford flowers: ``jpg/``, ``imagelabels.mat``, ``setid.mat``;
        - ``.npy`` (stays on disk, memory-mapped) or ``.npz``;
        - IDX, plain or ``.gz``: one file, or the folder of the usual four;
        - ``.parquet`` with a column of encoded images or of lists of numbers;
        - ``.mat`` of any version, ``.h5`` and ``.hdf5``; the ``.npz`` of dSprites;
        - ``.zarr`` folders of version 2 and 3, OME-Zarr too: as of HDF5, large ones in parts;
        - rasters of any number of bands: ENVI (the ``.hdr`` or the file beside it) and ``.tif``,
          each one image of (1, h, w, bands), and OME-TIFF, (n, h, w, channels); they keep
          their numbers, and `meta` where they lie. Of 8 or 16 bits in grey or RGB, without a
          place on earth or a NoData value, a ``.tif`` is a picture, read as in a folder;
        - a video, ``.mp4`` and others that FFmpeg reads: its frames (see `nth`);
        - an array of (n, d) vectors, (n, h, w) or (n, h, w, c) images.

        An array inside a file is named behind a colon: ``scans.h5:train/data``. Without the name
        the file must hold exactly one array that could be images; an array or a column ``y``,
        ``label`` or ``target`` beside it gives the labels, ``x_train`` and ``x_test`` a split.
    like : Representation, optional
        A fitted model: the images get the size, the channels and the depth of those it was fitted
        on, by the rule that these were loaded by, and pixels of 0 to 255 the range -1 to 1 where
        it was fitted on that; models of any size leave the size alone. `size`, `resize` and
        `color` may be given as well, where the model can take it; `Images.changed` says what was
        done.
    size : int or (int, int), optional
        Height and width of the images; one number for a square. By default the size that all
        files share, else the median height and the median width. Arrays are only changed when it
        is given.
    resize : {"crop", "pad", "stretch"}, optional
        How an image comes to another shape: scaled to cover it and cut to its centre (by default,
        unless `like` was fitted on others); scaled to lie within it, centred on black; or each
        side scaled by itself.
    color : {"auto", "grey", "rgb"}
        Channels of the result; "auto" is grey if every file is grey, else RGB.
    dtype : {"uint8", "float32"}
        uint8 from 0 to 255, or float32 from 0 to 1 with the depth of 16-bit files kept.
        Floating-point arrays keep their numbers and their type in either case.
    longest : int, optional
        Where `size` is not given: scale images down so that neither side is longer than this.
    bits : int, optional
        What white is in files and arrays of 16 bits: ``2 ** bits - 1``, 8 to 16. By default the
        smallest of 8, 10, 12, 14 and 16 bits that holds every value of the set, which `loading`
        then says: cameras and scanners write 12 bits into files of 16. Give 16 where images of 16
        bits are dark. `like` knows the bits that a model was fitted on.
    layout : str
        Of arrays, in memory or in .npy, .npz, .mat and HDF5 files: the order of their axes, a
        letter each (n images, h rows, w columns, c channels, d numbers of a vector): "dn" where
        the columns are the images, "hwn", "nchw", "hwc" for one raster. By default images come
        first and channels last, but for (n, c, h, w) with 1 to 4 channels, or with others and
        square images; in MATLAB files labels tell the axis of the images, and what can be read in
        several ways is refused until the layout is said. `Images.decisions` says what was guessed.
    value_range : (float, float) or {"auto", "keep"}, optional
        Black and white in the numbers of the source, as (0, 4095): they become 0 and 1, what lies
        beyond is cut off. "keep" leaves the numbers of arrays as they are. By default the type
        says it, or a guess: see `isthmus.data.values.as_values` and `Images.decisions`.
    nth : int, optional
        Take every so many-th frame of videos and of animated GIF, WebP and PNG files, and page of
        TIFF files, in a folder too; each is an image of its own, called ``clip.mp4#000012``. By
        default all frames of a video and all pages of a TIFF file given by its own name, and the
        first frame of an animation. `like` knows what a model was fitted on.
    per : {"image", "pixel", "patch"}
        What one sample is: an image, or the vector of one pixel; then the result has the shape
        (n h w, channels) and the factors "row" and "column", and label maps become labels. Pixels
        of a raster without data are left out: those that are NaN, or what its header names (the
        NoData tag of a GeoTIFF, "data ignore value" of ENVI), in any band. "patch" cuts
        some 40,000 patches of `size`, or 16 by 16, out of images in their own sizes, as many of
        each: for a model that is to clean or compress large images in tiles. By default an image,
        or what `like` was fitted on.
    labels : str or Path, optional
        A table of labels beside the images, .csv, .tsv, .jsonl, .json (of COCO as well) or
        .parquet: a column of names and one of labels; see `isthmus.data.tables.with_labels`.
    columns : dict or str, optional
        Of tables, and of what data sets give: which column holds what, as ``{"image": "photo",
        "label": "species", "split": "fold"}`` or "image=photo,label=species". By default they are
        known by their names.
    verbose : bool, optional
        Whether to show progress; by default on a terminal.

    Returns
    -------
    Images
        What could be read; `skipped` says what could not, and why.

    Raises
    ------
    ValueError
        If the source is unknown, holds no images, several arrays that could be meant, or damage.

    Notes
    -----
    The rule for folders and zips. Every file is read, sub-folders included, in the order of the
    sorted paths; hidden ones, videos, those that are no image, are damaged or claim more than 100
    million pixels are skipped and listed. Images are turned as EXIF says; colours of 8 bits with
    an ICC profile become sRGB; of an animation the first frame is taken, unless `nth` is given.
    Palettes become the colours they stand for, transparency is laid over white, CMYK becomes RGB,
    colour becomes grey by luma (ITU-R 601). 1-bit pixels become 0 and 255; grey and colour of 16
    bits are scaled by the depth of the set (see `bits`), and rounded to 8 bits unless `dtype` is
    float32. TIFF files with other bands than photographs have, of signed numbers or of several
    pages are skipped and listed too: give these by their own name. Sizes change by an antialiased
    Lanczos filter.

    Folders that all images share are passed over. If the next level then is train and test
    (also training, testing; val and validation count as train, or as test if there is none), that
    is the split. If all images lie in sub-folders, two or more, these are the classes.

    A folder that would take more than a quarter of the free memory is packed once into a
    memory-mapped file in the user's cache folder, or in ``ISTHMUS_CACHE``, and used again until
    files or options change.

    Arrays, here and in files, are read by the rule of `isthmus.data.values.as_values`, which holds
    for everything that is given to a model as well: 16-bit unsigned images are scaled as such
    files are, booleans become 0 and 255, other integers floats of the same numbers.

    Examples
    --------
    >>> images = load_images("digits")
    >>> images
    Images('digits', shape=(1797, 8, 8, 1), dtype=uint8, 10 classes)
    >>> len(images.train), len(images.test)
    (1438, 359)
    """
    rule = Rule(
        size_of(size),
        chosen("resize", resize or "crop", FITS),
        chosen("color", color, COLORS),
        chosen("dtype", dtype, DTYPES),
        longest,
        check_bits(bits),
        check_layout(layout),
        columns=check_columns(columns),
        value_range=ends_of(value_range),
        nth=check_nth(nth),
        raster=value_range == KEEP,
    )
    if per is not None:
        one_of("per", per, UNITS)
    if like is not None:
        rule = rule_like(like, rule, resize)
    if isinstance(rule.value_range, tuple):  # nothing is to be rounded before it is scaled
        rule = rule._replace(dtype="float32")
    if per == "patch":
        images = range_like(like, _patches(source, rule, verbose))
        return images if labels is None else with_labels(images, labels, columns)
    if isinstance(source, Images):
        _refuse_layout(rule, source.source)
        images = source
    elif _is_named(source := expanded(source)):
        images = _read(source, rule, verbose)
    elif (found := held(source, rule, verbose)) is not None:
        images = found
    else:
        array = to_array(source)
        rule = laid_as_fitted(array.shape, rule)
        images = Images(arranged(array, rule.layout), **rule.numbers)
    if like is not None:
        per = unit_like(like, images, per)
    images = range_like(like, adjusted(ranged(images, rule), rule))
    if images is not source:
        images = replace(images, loading=images.loading | rule.noted)
    images = images if labels is None else with_labels(images, labels, columns)
    return images.pixels() if per == "pixel" else images


def _patches(source: Any, rule: Rule, verbose: bool | None) -> Images:
    """Return patches of image files as they are, or of the images that another source holds."""
    source = expanded(source)
    files = None if is_measured(source) else as_pictures(source)
    if files is not None:
        return patches_of(files, rule)
    known = rule._asdict()
    given = {name: known[name] for name in ("color", "dtype", "bits", "layout", "value_range")}
    return patches_of(load_images(source, **given, verbose=verbose), rule)


def in_own_sizes(images: Images, source: Any, like: Any, per: str = "image") -> list[Images]:
    """Return images of a source again, those of one size together, where a model takes any size.

    Parameters
    ----------
    images : Images
        Some of what ``load_images(source, like=like, per=per)`` returns: one array, so of one
        size.
    source : str, Path or list of Path
        The file or folder, or the list of files that `expanded` gives.
    like : Representation
        Fitted; unless it takes images of any size, `images` are all there is.

    Returns
    -------
    list of Images
        The same images and what is known of them, a set for every size.
    """
    free = like.any_size or len(like.image_shape_) == 1
    cut = images.changes is not None and (images.changes & SIZE_BITS).any()
    named = images.names is not None and len(set(images.names)) == len(images)
    if not (free and cut and named and per == "image"):
        return [images]
    groups = []
    for height, width in np.unique(images.sizes, axis=0).tolist():
        known = images.loading
        rule = rule_like(like, Rule(bits=known.get("bits")), known.get("fit"))
        rule = rule._replace(size=(height, width), only=True)
        group = range_like(like, adjusted(_read(source, rule, None), rule))
        rows = np.flatnonzero((images.sizes == (height, width)).all(1))
        places = {name: row for row, name in enumerate(group.names.tolist())}
        group = group[[places[name] for name in images.names[rows].tolist()]]
        new = {name: getattr(group, name) for name in ("data", "rows", "changes", "label_maps")}
        groups.append(replace(images[rows], **new))
    return groups


def _is_named(source: object) -> TypeGuard[str | Path | list[Path]]:
    """Return whether a source is a name, or a list of files."""
    is_list = isinstance(source, list) and bool(source) and isinstance(source[0], Path)
    return is_list or isinstance(source, str | Path)


def _read(source: str | Path | list[Path], rule: Rule, verbose: bool | None) -> Images:
    if isinstance(source, list) and len(source) > 1:
        _refuse_layout(rule, f"{len(source)} files")
        return read_files(source, rule, verbose)
    source = source[0] if isinstance(source, list) else source
    if isinstance(source, str) and source in catalog.CATALOG:
        _refuse_layout(rule, source)
        return catalog.load(source, verbose=verbose)
    path, inside = Path(source).expanduser(), None
    if not path.exists() and (found := INSIDE.fullmatch(str(source))):
        path, inside = Path(found["file"]).expanduser(), found["name"]
    if not path.exists() or source == "":
        raise catalog.unknown(str(source))
    own = read_zarr if path.is_dir() and is_zarr(path) else own_reader(path)
    if own is None and (path.suffix.lower() not in ARRAYS or path.is_dir()):
        _refuse_layout(rule, path)
    known = (ValueError, OSError, ImportError, MemoryError)
    with damage_explained(path, path.suffix, but=known):  # what a reader has not foreseen
        if path.is_dir() and own is None:
            return _read_folder(path, rule, verbose)
        return (own or _reader(path))(path, inside, rule, verbose)


def _read_folder(path: Path, rule: Rule, verbose: bool | None) -> Images:
    if idx_parts(path):
        return read_idx_folder(path)
    if is_segnet(path):
        return read_segnet(path, None, rule, verbose)
    if rule.nth:
        return read_moving(path, None, rule, verbose)
    kinds = ((is_flowers, read_flower_folder), (is_saved, read_saved), (is_sharded, read_sharded))
    reader = next((reader for is_kind, reader in kinds if is_kind(path)), read_described)
    return reader(path, None, rule, verbose)


def _read_npz(path: Path, inside: str | None, rule: Rule, verbose: bool | None) -> Images:
    special = inside is None and rule.layout == "auto" and is_dsprites(path)
    return read_dsprites(path) if special else read_npz(path, inside, rule, verbose)


def _read_file(path: Path, inside: str | None, rule: Rule, verbose: bool | None) -> Images:
    if rule.nth:
        return read_animation(path, inside, rule, verbose)
    return read_files([path], rule, verbose)


def _reader(path: Path) -> Reader:
    if path.suffix.lower() == ".npz":
        return _read_npz
    suffix = ".idx" if re.search(r"idx\d-ubyte$", path.name) else path.suffix.lower()
    if suffix in READERS:
        return READERS[suffix]
    if IMAGE_NAME.fullmatch(path.name):
        return _read_file
    raise unknown_kind(path, READERS)


def _refuse_layout(rule: Rule, source: object) -> None:
    if rule.layout != "auto":
        raise ValueError(
            f"layout={rule.layout!r} is for arrays, in memory or in {', '.join(ARRAYS)} files, "
            f"and {source} holds none whose axes could be in question: leave it out"
        )
