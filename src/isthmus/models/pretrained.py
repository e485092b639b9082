"""Encoders of other models: what a classifier starts from."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sklearn.utils.validation import check_is_fitted
from torch import nn

from isthmus.data.images import Images, with_channels
from isthmus.families import family, stored_name
from isthmus.fitted.declared import check_learned
from isthmus.fitted.store import load_model
from isthmus.nets.dense import empty
from isthmus.nets.own import OwnEncoder
from isthmus.nets.paths import Paths
from isthmus.tensors import Seed, chance_of, generator

if TYPE_CHECKING:
    from isthmus.base import Representation


def with_encoder(
    pretrained: str | Path | Representation, shape: tuple[int, ...]
) -> Representation:
    """Return the fitted model to start from, read from its file if need be."""
    model = load_model(pretrained) if isinstance(pretrained, str | Path) else pretrained
    check_is_fitted(model)
    if type(getattr(model, "encoder_", None)) is not nn.Sequential:
        raise ValueError(
            f"pretrained={type(model).__name__} has no encoder network that gives a vector an "
            "image; give a fitted Autoencoder, VAE or Classifier, or the file of one"
        )
    if with_channels(model.image_shape_) != with_channels(shape):
        raise ValueError(
            f"pretrained was fitted on images of shape {model.image_shape_}, these are {shape}"
        )
    return model


def described(model: Representation) -> dict[str, Any]:
    """Return what the networks of a model are built from, as JSON can hold it."""
    facts = {name: value for name, value in vars(model).items() if name.endswith("_")}
    kinds: Any = str | int | float | tuple | dict | None
    return {
        "family": stored_name(model),
        "width": model._n_features_out,
        "parameters": model.get_params(deep=False) | {"random_state": None},
        "learned": {k: v for k, v in facts.items() if isinstance(v, kinds) and k != "history_"},
    }


def twin(origin: dict[str, Any]) -> Representation:
    """Return a model that builds the networks of the one that `described` was given."""

    def tupled(facts: dict[str, Any]) -> dict[str, Any]:
        return {k: tuple(v) if isinstance(v, list) else v for k, v in facts.items()}

    twin = family(origin["family"])(**tupled(origin["parameters"]))
    width = {f"{twin.width}_": origin["width"]}  # which files did not say before
    learned = width | tupled(origin["learned"])
    check_learned(twin, learned, whole=False)
    for name, value in learned.items():
        setattr(twin, name, value)
    return twin


def untrained(model: Representation, images: Images, random_state: Seed) -> Representation:
    """Return a model of the same networks before they have learnt anything."""
    other, rng = copy.deepcopy(model), generator(random_state, model.device_)
    with chance_of(rng):
        other._build(images, rng)
    return other


def narrowed(net: nn.Sequential, width: int) -> nn.Sequential:
    """Return the network with its last layer cut to so many units: a VAE's to the means."""
    last = net[-1]
    if isinstance(last, Paths):
        paths = Paths(
            last.linear.in_features, width, narrowed(nn.Sequential(*last.net.children()), width)
        )
        paths.linear = narrowed(nn.Sequential(last.linear), width)[0]
        return nn.Sequential(*list(net)[:-1], paths)
    if isinstance(last, OwnEncoder):
        return nn.Sequential(*list(net)[:-1], last.narrowed(width))
    if not isinstance(last, nn.Linear) or last.out_features == width:
        return net
    cut = empty(nn.Linear, last.in_features, width)
    cut.load_state_dict({k: v[:width].detach() for k, v in last.state_dict().items()})
    return nn.Sequential(*list(net)[:-1], cut)
