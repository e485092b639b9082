"""The verb predict: the class of every image, how probable it is, and which are unsure."""

from __future__ import annotations

import numpy as np

from isthmus.data.images import as_images
from isthmus.verbs.parameters import ImagesLike, Model
from isthmus.verbs.predictions import Predictions


def predict(model: Model, images: ImagesLike, *, sure: float = 0.8) -> Predictions:
    """Predict the class of every image, with its probability.

    Parameters
    ----------
    model : Classifier
        Fitted, by itself or by `finetune`.
    images : Images or array of shape (n, ...)
        What to look at; where their classes are known, the share that is right is told.
    sure : float
        Images whose most probable class is less probable than this are marked as unsure, 0 to 1:
        the ones to look at, or to label next.

    Returns
    -------
    Predictions
        ``labels``, ``probabilities``, ``unsure``, and ``table()``.

    Raises
    ------
    ValueError
        If the model tells no classes apart, or `sure` is out of its range.

    Examples
    --------
    >>> import isthmus as ist
    >>> images = ist.load_images("digits")
    >>> model = ist.Classifier(16, hidden=(64,), epochs=30, random_state=0).fit(images.train)
    >>> found = ist.predict(model, images.test)
    >>> found.labels.shape, found.probabilities.shape, found.scores["accuracy"] > 0.8
    ((359,), (359, 10), True)
    """
    if not 0 <= sure <= 1:
        raise ValueError(f"sure={sure} must be 0 to 1")
    if model.code_kind_ == "pixels" or not model.can("predict_proba"):
        raise ValueError(
            f"{type(model).__name__} tells no classes of images apart: `isthmus fit classifier`, "
            "or `isthmus finetune` on a model with an encoder network, makes one that does"
        )
    images = as_images(images)
    probabilities = model.predict_proba(images)
    classes = model.class_labels_ or []
    labels = np.asarray(classes)[probabilities.argmax(1)]
    unsure = probabilities.max(1) < sure
    return Predictions(labels, probabilities, classes, unsure, images, model)
