"""Every parameter of every family and verb says what it means, and what it may be."""

import inspect
import re

import pytest

import isthmus as ist
from isthmus.families import FAMILIES, family
from isthmus.verbs import VERBS

ELSEWHERE = re.compile(
    r"see above|see below|see there|likewise|as above|see neuralrepresentation|\bditto\b", re.I
)
NUMBER = re.compile(r"\b(int|float)\b")
BOUND = re.compile(
    r"at least|at most|above|below|between|more than|up to|or more|\bfrom -?\d|-?\d to |any number"
)
FREE = {"random_state", "began"}
"""Numbers that may be any."""
NAMED = {"edit": {"from_", "to"}}
"""Classes that may be given by their number."""


def described(of):
    """Return type and text of every parameter in a numpydoc docstring."""
    doc = inspect.cleandoc(of.__doc__)
    section = re.search(r"^Parameters\n-+\n(.*?)(?=\n\n\S[\w ]*\n---|\Z)", doc, re.M | re.S)[1]
    found = {}
    for names, kind, text in re.findall(
        r"^(\S[^:\n]*?)(?: : (.*))?\n((?:(?: .*)?\n?)*)", section, re.M
    ):
        for name in names.replace("*", "").split(", "):
            found[name] = kind, " ".join(text.split())
    return found


SELF_EVIDENT = {"activation", "code_activation", "optimizer", "split"}
"""Words that the field knows."""
CALLS = {name: family(name) for name in FAMILIES} | {name: getattr(ist, name) for name in VERBS}


@pytest.mark.parametrize("name", CALLS)
def test_parameters_explain_themselves(name):
    found = described(CALLS[name])
    for parameter in inspect.signature(CALLS[name]).parameters:
        assert parameter in found, parameter
        kind, text = found[parameter]
        assert len(text) > 10, parameter
        assert not ELSEWHERE.search(text), (parameter, text)
        words = re.sub(r"\{.*?\}", "", kind)
        if parameter not in SELF_EVIDENT:
            for word in re.findall(r'"([^"]+)"', kind):
                assert word in text, f"{name}: what is {parameter}={word!r}? {text}"
        if NUMBER.search(words) and parameter not in FREE | NAMED.get(name, set()):
            assert BOUND.search(text), f"{name}: which {parameter} are allowed? {text}"
