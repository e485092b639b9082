"""What a file may say of a model: the names that its family learns, their kinds and shapes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.data.decode import COLORS, DTYPES, FITS
from isthmus.data.formats import MAX_PIXELS
from isthmus.system import schema as s
from isthmus.system.shapes import Array, Declared, check_all

if TYPE_CHECKING:
    from isthmus.base import Representation

QUANTILES = 101
"""Of every latent dimension of NMF."""
MOST_VALUES = 4 * MAX_PIXELS
"""Values of an image that a model is of, at most."""


RECORDS = s.table(s.rows(s.either(s.number, s.text, s.maybe(s.flag))))
LOADING = {
    "fit?": s.word(*FITS),
    "color?": s.word(*COLORS),
    "dtype?": s.word(*DTYPES),
    "per?": s.maybe(s.word("image", "pixel", "patch")),
    "bits?": s.maybe(s.positive),
    "nth?": s.maybe(s.positive),
}
ORIGIN: s.Schema = {
    "family": s.text,
    "width": s.positive,
    "parameters": s.record,
    "learned": s.record,
}
EVERY: Declared = {
    "image_shape_": s.rows(s.positive),
    "n_features_in_": s.positive,
    "range_?": s.rows(s.finite, 2),
    "lattice_?": s.rows(s.positive, 2),
    "whole_shape_?": s.rows(s.positive),
    "source_?": s.maybe(s.text),
    "fitting_?": s.having(LOADING),
    "health_?": s.rows(s.text),
    "seconds_?": s.number,
    "stopped_?": s.maybe(s.text),
    "n_iter_?": s.count,
    "train_hashes_?": Array("hashes", "u"),
    "feature_names_in_?": Array("names", "OU"),
}
NEURAL: Declared = {
    "n_axes_?": s.count,
    "output_": s.word("linear", "sigmoid", "tanh"),
    "offset_": s.finite,
    "scale_": s.finite,
    "history_": RECORDS,
}
LEARNED: dict[str, Declared] = {
    "kmeans": {
        "codebook_": Array("k d"),
        "counts_": Array("k", "iu"),
        "labels_": Array("n", "iu"),
        "inertia_": s.number,
    },
    "pca": {
        "components_": Array("k d"),
        "mean_": Array("d"),
        "explained_variance_": Array("k"),
        "explained_variance_ratio_": Array("k"),
        "singular_values_": Array("k"),
    },
    "nmf": {
        "components_": Array("k d"),
        "use_": Array("k"),
        "code_quantiles_": Array("k quantiles"),
        "code_spread_": Array("k k"),
        "reconstruction_err_": s.number,
        "drop_": s.number,
    },
    "som": {
        "codebook_": Array("units d"),
        "counts_": Array("units", "iu"),
        "deviation_": Array("d"),
        "grid_": s.rows(s.positive, 2),
        "quantization_error_": s.number,
        "topographic_error_": s.number,
        "shift_": s.number,
    },
    "autoencoder": {
        **NEURAL,
        "code_mean_": Array("k"),
        "code_deviation_": Array("k"),
        "code_spread_": Array("k k"),
        "codes_used_?": s.count,
        "pretraining_history_?": s.table(RECORDS),
    },
    "vae": {
        **NEURAL,
        "likelihood_": s.word("bernoulli", "gaussian"),
        "sigma_?": s.finite,
        "beta_?": s.finite,
        "kl_": Array("k"),
        "activity_": Array("k"),
        "mixture_weights_?": Array("parts"),
        "mixture_means_?": Array("parts k"),
        "mixture_roots_?": Array("parts k k"),
    },
    "gan": {
        **NEURAL,
        "progress_?": s.anything,
        "progress_steps_?": s.rows(s.count),
        "inversion_history_?": RECORDS,
        "spread_?": s.number,
        "inversion_error_?": s.maybe(s.number),
        "variety_?": s.number,
    },
    "classifier": {
        **NEURAL,
        "n_classes_": s.positive,
        "classes_": Array("classes", "biufUO"),
        "class_weights_?": Array("classes"),
        "origin_": s.maybe(
            s.having(
                {
                    "family": s.text,
                    "width": s.positive,
                    "parameters": s.record,
                    "learned": s.record,
                }
            )
        ),
        "labels_seen_?": s.maybe(s.count),
        "center_?": Array("k"),
        "spread_?": Array("k"),
    },
    "pixelnet": {
        **NEURAL,
        "supervised_": s.flag,
        "n_classes_": s.count,
        "ignored_?": s.maybe(s.whole),
        "map_classes_?": s.maybe(s.rows(s.text)),
        "class_weights_?": Array("classes"),
    },
}
"""What each family learns; networks are not listed: they are checked against its own."""


def check_learned(
    model: Representation, learned: Mapping[str, Any], *, whole: bool = True
) -> None:
    """Refuse what a file says was learned if its family learns no such thing.

    Parameters
    ----------
    model : Representation
        Of the class and the parameters that the file names.
    learned : dict
        By name.
    whole : bool
        Whether everything has to be there, or only some of it.

    Raises
    ------
    ValueError
        If a name is none that the family declares, is missing, or is of another kind or shape.
    """
    declared = declared_of(model)
    for name in learned:
        if name not in declared and f"{name}?" not in declared and _is_foreign(model, name):
            raise ValueError(f"{name!r} is not the name of anything learned")
    known = _sides(model, learned)
    check_all(learned, declared, known, whole=whole)
    if whole:
        _check_together(learned, known, model)


def declared_of(model: Representation) -> Declared:
    """Return what a family declares, with what every family does; of one's own the bases count."""
    from isthmus.families import _of_ours

    found: dict[str, Any] = dict(EVERY)
    for base in reversed(type(model).__mro__):
        found |= LEARNED.get(_of_ours(base), {})
    width = f"{model.width}_"
    return found if width in found else found | {f"{width}?": s.positive}


def _is_foreign(model: Representation, name: str) -> bool:
    """Return whether a name is none that even a class of one's own could have learned."""
    from isthmus.families import _of_ours

    method = callable(getattr(type(model), name, None))
    plain = name.endswith("_") and not name.startswith("_") and not method
    return bool(_of_ours(type(model))) or not plain


def _sides(model: Representation, learned: Mapping[str, Any]) -> dict[str, int]:
    """Return the sides that are known beforehand."""
    width = learned.get(f"{model.width}_", getattr(model, model.width or "width", None))
    known = {"d": learned.get("n_features_in_"), "k": width, "classes": learned.get("n_classes_")}
    known["quantiles"] = QUANTILES
    return {name: side for name, side in known.items() if s.whole(side)}


def _check_together(
    learned: Mapping[str, Any], known: Mapping[str, int], model: Representation
) -> None:
    """Refuse what cannot be true at once."""
    shape, low_high = learned["image_shape_"], learned.get("range_", (0, 1))
    if math.prod(shape) != learned["n_features_in_"] or not 1 <= len(shape) <= 3:
        raise ValueError(f"images of shape {shape} have no {learned['n_features_in_']} values")
    if learned["n_features_in_"] > MOST_VALUES:
        raise ValueError(f"images of {shape}, at most {MOST_VALUES:,} values are read")
    patch, stride = learned.get("lattice_", (shape[0], 1))
    squares = (shape[0],) * 2 if model.patch is None else (patch, patch)  # spatial: of cells
    if "lattice_" in learned and (stride > patch or tuple(shape[:2]) != squares):
        raise ValueError(f"patches of {shape}, {stride} pixels apart, in a lattice of {patch}")
    if low_high[0] > low_high[1]:
        raise ValueError(f"range_ is {low_high}")
    if "grid_" in learned and math.prod(learned["grid_"]) != known["units"]:
        raise ValueError(f"grid_ is {learned['grid_']}, of {known['units']} units")
    shares = learned.get("mixture_weights_")
    if shares is not None and not (shares.min(initial=0) >= 0 and shares.sum() > 0):
        raise ValueError("mixture_weights_ are no shares")
    if len(np.atleast_1d(learned.get("progress_steps_", ()))) and "progress_" in learned:
        _check_progress(learned)


def _check_progress(learned: Mapping[str, Any]) -> None:
    """Refuse pictures of other images than a GAN's."""
    value, steps = learned["progress_"], learned["progress_steps_"]
    fits = isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.ndim > 2
    if not fits or (len(value), *value.shape[2:]) != (len(steps), *learned["image_shape_"]):
        raise ValueError(f"progress_ is none of pictures of {learned['image_shape_']}")
