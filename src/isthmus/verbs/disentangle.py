"""The verb disentangle: how far single latent dimensions stand for single factors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from isthmus.data.images import Images, as_images
from isthmus.data.tables import with_factors
from isthmus.fitted.heldout import measured_part
from isthmus.latent.codes import vectors
from isthmus.metrics.factor_scores import by_chance, with_intervals
from isthmus.metrics.information import mutual_information
from isthmus.metrics.intervals import Estimate
from isthmus.metrics.parts import spread
from isthmus.metrics.udr import speaking, udr_table
from isthmus.system.progress import track
from isthmus.verbs.disentangled import Disentanglement, Told
from isthmus.verbs.known_factors import known_factors
from isthmus.verbs.parameters import ImagesLike, Labels, Models, Seconds, Words, by_name
from isthmus.verbs.within import Limit

MEASURED = 2000
"""Images that are measured, at most, evenly spaced."""
FEWEST = 50
"""Images of known factors, of fewer than which nothing can be said."""


def disentangle(
    models: Models,
    images: ImagesLike,
    factors: Words | None = None,
    *,
    labels: Labels | None = None,
    split: str = "test",
    random_state: int = 0,
    budget: Seconds | None = None,
    verbose: bool | None = None,
) -> Disentanglement:
    r"""Measure how far single latent dimensions stand for single factors of the images.

    Where factors are known: the scores of beta-VAE and FactorVAE, the mutual information gap, SAP,
    IRS, modularity and explicitness, and disentanglement, completeness and informativeness by
    forests (DCI), each with a 95 % interval over images and beside what the same codes score when
    they are dealt out by chance. Several models of one family are also ranked without factors, by
    how far each has the same axes as the others (UDR).

    Parameters
    ----------
    models : Representation, or dict of str to Representation
        Fitted, and able to encode; several by their names. Of a codebook the distances to all
        prototypes are looked at; codes per pixel are averaged.
    images : Images or array of shape (n, ...)
        Images of which factors are known; for several models of one family any images. Up to
        2,000 are measured, evenly spaced.
    factors : sequence of str, optional
        Which of the factors and attributes that are known, and "label" for the classes; by default
        all that differ between images.
    labels : path, optional
        A table of factors: a column of names of images, and one for every factor.
    split : {"all", "train", "test"}
        Which of the images to measure on.
    random_state : int
        Seed of forests, groups and parts of images.
    budget : float, optional
        Time to take, in seconds above 0: after it no further model is looked at.
    verbose : bool, optional
        Show progress; by default where standard error is a terminal.

    Returns
    -------
    Disentanglement
        ``scores``, ``table()``, ``information`` of every factor in every latent dimension, and
        ``picture()``.

    Raises
    ------
    ValueError
        If no factor is known and there are not several models of one family.

    References
    ----------
    I. Higgins et al., beta-VAE, 2017. H. Kim and A. Mnih, Disentangling by factorising, 2018.
    T. Q. Chen et al., Isolating sources of disentanglement in VAEs, 2018 (MIG). C. Eastwood and
    C. Williams, A framework for the quantitative evaluation of disentangled representations, 2018
    (DCI). A. Kumar et al., Variational inference of disentangled latent concepts, 2018 (SAP).
    K. Ridgeway and M. Mozer, Learning deep disentangled embeddings with the F-statistic loss, 2018
    (modularity). R. Suter et al., Robustly disentangled causal mechanisms, 2019 (IRS). S. Duan et
    al., Unsupervised model selection for variational disentangled representation learning, 2020.

    Examples
    --------
    >>> import isthmus as ist
    >>> from isthmus.data.sprites import sprites
    >>> images = sprites(600, n_test=300)
    >>> found = ist.disentangle(ist.PCA(6).fit(images.train), images, ["x", "y"])
    >>> found.information["PCA"].shape, found.scores["mig"] < 0.5
    ((6, 2), True)
    """
    limit, named = Limit(budget), by_name(models)
    part = measured_part(list(named.values()), _told(as_images(images), labels), split)
    few = part.test.evenly(MEASURED)
    known, rows = known_factors(few, factors)
    several = len(named) > 1 and len({type(model) for model in named.values()}) == 1
    if not known and not several:
        raise ValueError(
            f"of {few.source} no factor is known: give a table of factors (labels=), images with "
            "attributes, or several models of one family, which are ranked without"
        )
    if known and len(rows) < FEWEST:
        raise ValueError(
            f"of {few.source} {len(rows)} image(s) have all of {', '.join(known)}: at least "
            f"{FEWEST} are needed"
        )
    bar = limit.until(track(named.items(), "disentangle", len(named), verbose), "models")
    codes = {name: vectors(model, few) for name, model in bar}
    told = {name: _scored(Z[rows], known, random_state) for name, Z in codes.items() if known}
    pairs = _ranked(named, codes, told) if several and len(codes) > 1 else None
    return Disentanglement(
        told=told,
        information={n: mutual_information(Z[rows], known) for n, Z in codes.items() if known},
        factors=list(known),
        models={name: named[name] for name in codes},
        images=few,
        measured_on=part.measured.of(len(rows) if known else len(few)),
        pairs=pairs,
    )


def _told(images: Images, labels: Labels | None) -> Images:
    if labels is None:
        return images
    if isinstance(labels, int | np.integer):
        raise ValueError(f"labels={labels}: expected a table of factors")
    return with_factors(images, labels)


def _scored(Z: np.ndarray, known: dict[str, np.ndarray], seed: int) -> dict[str, Told]:
    """Return every score of codes with its interval, and by chance."""
    chance = by_chance(Z, known, random_state=seed)
    found = with_intervals(Z, known, random_state=seed)
    return {
        name: Told(each, chance[name]) for name, each in found.items() if np.isfinite(each.value)
    }


def _ranked(
    named: Mapping[str, Any], codes: dict[str, np.ndarray], told: dict[str, dict[str, Told]]
) -> np.ndarray:
    """Add the ranking of models of one family; return how far any two have the same axes."""
    says = [speaking(Z, named[name].kl_) for name, Z in codes.items()]
    pairs = udr_table(list(codes.values()), says)
    rng = np.random.default_rng(0)
    mixed = udr_table([rng.permutation(Z) for Z in codes.values()], says)
    for row, name in enumerate(codes):
        others = np.delete(pairs[row], row)
        value = Estimate(float(np.median(others)), spread(others.tolist()))
        found = told.setdefault(name, {})
        found["udr"] = Told(value, float(np.nanmedian(mixed[row])))
    return pairs
