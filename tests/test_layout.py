"""Data flows one way: which module may import which."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import isthmus

HERE = Path(isthmus.__file__).parent
ORDER = [
    {"files", "memory", "progress", "words"},
    {"data"},
    {
        "tensors",
        "nets",
        "fingerprints",
        "heldout",
        "batches",
        "budget",
        "checkpoints",
        "curves",
        "training",
        "store",
    },
    {"base", "health", "neural"},
    {"models"},
    {
        "codec",
        "codes",
        "denoising",
        "edits",
        "layouts",
        "projections",
        "samplers",
        "scores",
        "search",
        "segments",
        "territories",
        "traversals",
        "walks",
    },
    {"views"},
    {"probing", "grouping", "strangeness", "tuning", "measures", "uses"},
    {"plan", "prepare", "studies", "reproduce", "recipes", "document"},
    {"explorer", "cli", "commands", "options", "signature", "terminal"},
]
"""Left never imports right."""
TABLE_ONLY = {("store", "models"), ("signature", "models")}
"""Looked up when called, for want of which the table of families would be written twice."""


def layer(part):
    return next(i for i, parts in enumerate(ORDER) if part in parts)


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("isthmus."):
            yield node.module.split(".")[1]
        elif isinstance(node, ast.ImportFrom) and node.module == "isthmus":
            yield from (alias.name for alias in node.names if alias.name in sum_of(ORDER))


def sum_of(sets):
    return set().union(*sets)


@pytest.mark.parametrize(
    "path", list(HERE.rglob("*.py")), ids=lambda path: str(path.relative_to(HERE))
)
def test_left_never_imports_right(path):
    part = path.relative_to(HERE).parts[0].removesuffix(".py")
    if part in ("__init__", "__main__"):
        return
    for other in imports(path):
        assert layer(other) <= layer(part) or (part, other) in TABLE_ONLY, f"{part} -> {other}"


def test_import_is_light():
    heavy = "{'torch', 'sklearn', 'matplotlib', 'scipy', 'PIL', 'rich'}"
    code = f"import sys, isthmus; sys.exit(', '.join({heavy} & set(sys.modules)) or 0)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_public_names_can_be_loaded():
    assert len(isthmus.__all__) <= 32
    for name in isthmus.__all__:
        assert getattr(isthmus, name).__doc__
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = isthmus.nothing


def test_modules_stay_readable():
    for path in HERE.rglob("*.py"):
        assert len(path.read_text().splitlines()) <= 400, path


def bodies():
    for path in HERE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                documented = ast.get_docstring(node) is not None
                first = node.body[min(documented, len(node.body) - 1)]
                yield f"{path.name}:{node.name}", node.end_lineno - first.lineno + 1


def test_functions_stay_short():
    lengths = sorted(length for _, length in bodies())
    assert lengths[len(lengths) // 2] <= 8
    assert lengths[int(0.9 * len(lengths))] <= 25
    assert max(bodies(), key=lambda pair: pair[1])[1] <= 50


def _opens_text(call):
    """Return whether a call opens a file, and not as bytes."""
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    words = [ast.literal_eval(a) for a in call.args if isinstance(a, ast.Constant)]
    if name in ("write_text", "read_text"):
        return "utf-8" not in words
    is_mode = words and isinstance(words[-1], str) and set(words[-1]) <= set("rwxabt+")
    return name == "open" and bool(is_mode) and "b" not in words[-1]


def test_text_is_utf_8_on_every_machine():
    for path in HERE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _opens_text(node):
                said = [keyword.arg for keyword in node.keywords]
                assert "encoding" in said, f"{path}:{node.lineno} opens text without an encoding"
