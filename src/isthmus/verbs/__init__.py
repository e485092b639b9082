"""The verbs: one file a verb, named after it, and one line in this table."""

from __future__ import annotations

from typing import NamedTuple


class Verb(NamedTuple):
    """Where a verb is, which panel of `isthmus --help` shows it, and its command's other name."""

    home: str
    panel: str
    command: str = ""


VERBS = {
    "study": Verb("studies.study", "start"),
    "survey": Verb("verbs.survey", "start", "data"),
    "encode": Verb("verbs.encode", "use"),
    "decode": Verb("verbs.decode", "use"),
    "reconstruct": Verb("verbs.reconstruct", "use"),
    "generate": Verb("verbs.generate", "use"),
    "morph": Verb("verbs.morph", "use"),
    "edit": Verb("verbs.edit", "use"),
    "traverse": Verb("verbs.traverse", "use"),
    "denoise": Verb("verbs.denoise", "use"),
    "compress": Verb("verbs.compress", "use"),
    "decompress": Verb("verbs.decompress", "use"),
    "segment": Verb("verbs.segment", "use"),
    "predict": Verb("verbs.predict", "use"),
    "pick": Verb("verbs.pick", "use"),
    "probe": Verb("verbs.probe", "judge"),
    "cluster": Verb("verbs.cluster", "judge"),
    "novelty": Verb("verbs.novelty", "judge"),
    "nearest": Verb("verbs.nearest", "judge"),
    "rate_distortion": Verb("verbs.rate_distortion", "judge", "rd"),
    "map": Verb("verbs.map", "judge"),
    "territory": Verb("verbs.territory", "judge"),
    "disentangle": Verb("verbs.disentangle", "judge"),
    "finetune": Verb("verbs.finetune", "judge"),
}
"""A public function each, and a command made from its signature; see CONTRIBUTING.md."""

COMMANDS = {verb.command or name: name for name, verb in VERBS.items()}
"""Command to its verb."""
