"""The field's words: what is written in one place for people says none of the others."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GLOSSARY = {
    r"by heart": "overfitting",
    r"strangeness|how strange|strange images?|the stranger\b": "anomaly score, novelty, anomalous",
    r"who owns": "decision region",
    r"taken for whom": "confusion",
    r"into the plane": "projected to the plane",
    r"numbers? of (a|the) codes?": "latent dimension",
    r"counted on": "evaluated on",
    r"at most so many|so many at most": "up to this many",
    r"whole or not there": "atomic",
    r"\bdoubles\b(?! (is|the))": "duplicates",
    r"hidden code|representation vector": "code",
    r"\bneurons?\b": "unit, node",
    r"winning (unit|node)": "best-matching unit",
}
"""What is not said, and what is said in its place, in docstrings, messages, docs and the page."""
PROSE = [
    *(path for path in ROOT.glob("*.md") if path.name != "CHANGELOG.md"),
    *ROOT.glob("docs/**/*.md"),
    *ROOT.glob("src/isthmus/**/*.py"),
    *ROOT.glob("src/isthmus/**/templates/*"),
    *ROOT.glob("web/*.md"),
    *ROOT.glob("web/src/**/*.ts"),
]


@pytest.mark.parametrize("words", GLOSSARY)
def test_the_standard_term_is_said(words):
    found = []
    for path in PROSE:
        text = path.read_text(encoding="utf-8")
        for match in re.finditer(words, text, re.I):
            line = text.count("\n", 0, match.start()) + 1
            found.append(f"{path.relative_to(ROOT)}:{line}: {match[0]}")
    assert not found, f"say {GLOSSARY[words]}"
