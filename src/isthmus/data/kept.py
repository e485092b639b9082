"""What files of saved images say of them beside pixels, labels and split."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.data.decode import Rule, fit_labels
from isthmus.data.label_maps import NO_CLASS
from isthmus.system import schema
from isthmus.system.files import plain

if TYPE_CHECKING:
    from isthmus.data.images import Images

READING, META, CLASSES = "reading", "meta", "classes"
MAP_CLASSES, IGNORED = "map_classes", "ignored_class"
NAMES = (READING, META, CLASSES, MAP_CLASSES, IGNORED)
FACTS: schema.Schema = {
    f"{READING}?": schema.record,
    f"{META}?": schema.record,
    f"{CLASSES}?": schema.maybe(schema.rows(schema.text)),
    f"{MAP_CLASSES}?": schema.rows(schema.text),
    f"{IGNORED}?": schema.whole,
}
"""How numbers are read, `Images.meta`, and the names of classes; files have each as JSON."""

MAPS = "label_maps"
"""What files call the classes of all pixels."""

IN_SCHEMA = b"isthmus:"
"""How the names begin by which the schema of a parquet file has them."""


def facts_of(images: Images) -> dict[str, Any]:
    """Return what is to be kept of images beside what there is of every one."""
    facts = {
        READING: {"value_range": "keep", "range_by": "file", "layout": "nhwc"},
        META: plain(images.meta) or None,
        MAP_CLASSES: images.map_classes,
        IGNORED: images.ignored_class,
    }
    known = {name: fact for name, fact in facts.items() if fact is not None}
    return known if images.y is None else known | {CLASSES: images.classes}


def facts_in(texts: Mapping[str, str | bytes], source: object) -> dict[str, Any]:
    """Return facts that are kept as JSON.

    Raises
    ------
    ValueError
        If one is no JSON, or another thing than is kept.

    Examples
    --------
    >>> facts_in({"classes": '["ant", "bee"]'}, "a.npz")
    {'classes': ['ant', 'bee']}
    """
    try:
        return schema.checked({name: json.loads(text) for name, text in texts.items()}, FACTS)
    except ValueError as error:
        raise ValueError(f"{source} is damaged: what it says of its images is {error}") from None


def facts_of_schema(metadata: Mapping[bytes, bytes] | None, source: object) -> dict[str, Any]:
    """Return the facts in the schema of a parquet file, {} where it has none."""
    begins = IN_SCHEMA.decode()
    named = {name.decode("utf-8", "replace"): text for name, text in (metadata or {}).items()}
    ours = {n.removeprefix(begins): t for n, t in named.items() if n.startswith(begins)}
    return facts_in(ours, source)


def reading_in(facts: Mapping[str, Any], rule: Rule) -> dict[str, Any]:
    """Return how numbers are read as `Images.loading` has it: as noted, unless it is told."""
    told = rule.value_range is not None or rule.layout != "auto"
    return {} if told else dict(facts.get(READING, {}))


def retold(
    images: Images, facts: Mapping[str, Any], maps: np.ndarray | None, rule: Rule
) -> Images:
    """Return images read from a file, with the facts in it and its label maps.

    Raises
    ------
    ValueError
        If there are more or fewer maps than images, or labels that are none of the classes.
    """
    known: dict[str, Any] = {"meta": images.meta | facts.get(META, {})}
    if CLASSES in facts and images.y is not None:
        known |= _numbered(images, facts[CLASSES])
    if maps is not None:
        known |= _mapped(images, maps, facts, rule)
    return replace(images, **known)


def _numbered(images: Images, names: list[str] | None) -> dict[str, Any]:
    """Return labels by the order of their classes; without names they were numbers."""
    there = images.classes or []
    try:
        of = [int(name) if names is None else names.index(name) for name in there]
    except ValueError as error:
        raise ValueError(f"{images.source} is damaged: of its labels {error}") from None
    return {"y": np.array([*of, -1])[images.y], "classes": names}


def _mapped(
    images: Images, maps: np.ndarray, facts: Mapping[str, Any], rule: Rule
) -> dict[str, Any]:
    if len(maps) != len(images):
        raise ValueError(f"{images.source}: {len(maps)} label maps for {len(images)} images")
    size, ignored = (images.shape[1], images.shape[2]), facts.get(IGNORED)
    if rule.fit == "pad" and maps.shape[1:] != size and ignored is None:
        ignored = NO_CLASS
    fitted = np.stack([fit_labels(each, size, rule.fit) for each in maps])
    return {MAPS: fitted, MAP_CLASSES: facts.get(MAP_CLASSES), IGNORED: ignored}
