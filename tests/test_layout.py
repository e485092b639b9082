"""Data flows one way: which module may import which."""

import ast
import functools
import re
import subprocess
import sys
from pathlib import Path

import pytest

import isthmus
from public_stub import STUB, text

HERE = Path(isthmus.__file__).parent
FILES = list(HERE.rglob("*.py"))
ORDER = [
    {"validation", "system", "moved", "estimators"},
    {"families", "tensors"},
    {"data"},
    {"plots"},
    {"signature", "fitted", "nets"},
    {"training"},
    {"base", "contract"},
    {"neural", "passes"},
    {"models"},
    {"latent"},
    {"metrics"},
    {"codec"},
    {"verbs"},
    {"studies"},
    {"reproduction"},
    {"explorer"},
    {"cli"},
]
"""Left never imports right."""


@functools.cache
def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def layer(part):
    found = [i for i, parts in enumerate(ORDER) if part in parts]
    assert found, f"isthmus.{part} is in no layer of ORDER: if it is an old name, see moved.py"
    return found[0]


def nodes(path):
    """Yield what is in a module, but for what is there for types alone."""
    left = [parsed(path)]
    while left:
        node = left.pop()
        if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)):
            left += ast.iter_child_nodes(node)
            yield node


def imports(path):
    for node in nodes(path):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("isthmus."):
            yield node.module.split(".")[1]
        elif isinstance(node, ast.ImportFrom) and node.module == "isthmus":
            yield from (alias.name for alias in node.names if alias.name in sum_of(ORDER))


def test_plots_know_arrays_and_no_model():
    paths = list((HERE / "plots").rglob("*.py"))
    assert len(paths) > 10
    known = {"plots", "data", "metrics", "system", "validation"}
    assert {other for path in paths for other in imports(path)} <= known
    for path in paths:
        assert "isthmus.verbs" not in path.read_text(encoding="utf-8"), path  # for types neither
        asked = {n.attr for n in ast.walk(parsed(path)) if isinstance(n, ast.Attribute)}
        assert not asked & {"encode", "can", "predict", "sample", "models"}, path


def sum_of(sets):
    return set().union(*sets)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HERE)))
def test_left_never_imports_right(path):
    part = path.relative_to(HERE).parts[0].removesuffix(".py")
    if part in ("__init__", "__main__"):
        return
    for other in imports(path):
        assert layer(other) <= layer(part), f"{part} -> {other}"


def modules():
    """Return our modules by their full names."""
    dotted = {".".join(("isthmus", *p.relative_to(HERE).with_suffix("").parts)): p for p in FILES}
    return {name.removesuffix(".__init__"): path for name, path in dotted.items()}


def imported(path, known):
    """Return which of our modules a module imports, in functions too, but not for types alone."""
    found = set()
    for node in nodes(path):
        if isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}": node.module for alias in node.names}
            found |= {full if full in known else part for full, part in names.items()}
    return found & set(known)


def test_no_import_goes_round_in_a_circle():
    known = modules()
    waits = {name: imported(path, known) - {name} for name, path in known.items()}
    while ready := {name for name, others in waits.items() if not others & set(waits)}:
        waits = {name: others for name, others in waits.items() if name not in ready}
    # what is left imports, or is imported by, a circle; its edges show it
    assert not {name: sorted(others & set(waits)) for name, others in waits.items()}


def scripts():
    """Return the modules of the explorer's page, each with those that it imports."""
    web = HERE.parents[1] / "web/src"
    if not web.is_dir():
        pytest.skip("the sources of the page are not here")
    found = {}
    for path in web.rglob("*.ts"):
        names = re.findall(r"""from ["'](\.[^"']+)["']""", path.read_text(encoding="utf-8"))
        found[path] = {(path.parent / f"{name.partition('?')[0]}.ts").resolve() for name in names}
    return {
        path.resolve(): others & set(map(Path.resolve, found)) for path, others in found.items()
    }


def test_no_import_of_the_page_goes_round_in_a_circle():
    waits = scripts()
    assert len(waits) > 20
    while ready := {path for path, others in waits.items() if not others & set(waits)}:
        waits = {path: others for path, others in waits.items() if path not in ready}
    assert not {path.name: sorted(o.name for o in others) for path, others in waits.items()}


def test_import_is_light():
    heavy = "{'torch', 'sklearn', 'matplotlib', 'scipy', 'PIL', 'rich'}"
    code = f"import sys, isthmus; sys.exit(', '.join({heavy} & set(sys.modules)) or 0)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_public_names_can_be_loaded():
    # fewer than 50: whatever a command does, Python does under a public name; and readers of one's
    # own are registered beside families
    assert len(isthmus.__all__) <= 50
    for name in isthmus.__all__:
        assert getattr(isthmus, name).__doc__
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = isthmus.nothing


def test_type_checkers_see_the_public_names():
    assert STUB.read_text(encoding="utf-8") == text(), "python tests/public_stub.py writes it anew"


def test_modules_stay_readable():
    for path in FILES:
        assert len(path.read_text().splitlines()) <= 400, path


def test_few_modules_stand_loose_beside_packages():
    assert len(list(HERE.glob("*.py"))) <= 12, "put it into the package that it belongs to"


def bodies():
    for path in FILES:
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef):
                documented = ast.get_docstring(node) is not None
                first = node.body[min(documented, len(node.body) - 1)]
                yield f"{path.name}:{node.name}", node.end_lineno - first.lineno + 1


def test_functions_stay_short():
    lengths = sorted(length for _, length in bodies())
    assert lengths[len(lengths) // 2] <= 5
    assert lengths[int(0.9 * len(lengths))] <= 15
    longest, most = max(bodies(), key=lambda pair: pair[1])
    assert most <= 40, longest


def functions():
    """Yield the package of every function, and whether it says nothing but Any of something."""
    for path in FILES:
        part = path.relative_to(HERE).parts[0].removesuffix(".py")
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                given = [n for n in ast.walk(node.args) if isinstance(n, ast.arg)]
                kinds = [node.returns, *(argument.annotation for argument in given)]
                yield part, any(getattr(kind, "id", "") == "Any" for kind in kinds)


def test_types_say_more_than_any():
    found = list(functions())
    assert sum(bare for _, bare in found) <= 0.1 * len(found)
    for part in {part for part, _ in found}:
        bare = [bare for of, bare in found if of == part]
        most = 0.3 if part == "cli" else 0.15  # commands are made of whatever a verb takes
        assert sum(bare) <= max(5, most * len(bare)), f"{part}: {sum(bare)} of {len(bare)}"


def test_every_public_name_is_checked_for_its_types():
    text = (Path(__file__).parent / "consumer" / "project.py").read_text(encoding="utf-8")
    used = {n.attr for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Attribute)}
    assert set(isthmus.__all__) <= used, "tests/consumer/project.py is to use every public name"


KNOWS = {"base", "contract", "models", "neural", "nets", "training"}
"""Who may know how a model is made; all others ask what `isthmus.contract` says."""
MADE_OF = {"_n_features_out", "_check_codes", "_device", "_some", "codebook_", "_classify"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HERE)))
def test_what_a_model_is_made_of_is_its_own(path):
    if path.relative_to(HERE).parts[0].removesuffix(".py") in KNOWS:
        return
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Attribute):
            assert node.attr not in MADE_OF, f"{path}:{node.lineno} asks for {node.attr}"
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "hasattr":
            what = node.args[1]
            verb = isinstance(what, ast.Constant) and what.value in ("encode", "decode", "sample")
            assert not verb, f"{path}:{node.lineno}: model.can({what.value!r}) says it"


def _opens_text(call):
    """Return whether a call opens a file, and not as bytes."""
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    words = [ast.literal_eval(a) for a in call.args if isinstance(a, ast.Constant)]
    if name in ("write_text", "read_text"):
        return "utf-8" not in words
    is_mode = words and isinstance(words[-1], str) and set(words[-1]) <= set("rwxabt+")
    return name == "open" and bool(is_mode) and "b" not in words[-1]


def test_text_is_utf_8_on_every_machine():
    for path in FILES:
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Call) and _opens_text(node):
                said = [keyword.arg for keyword in node.keywords]
                assert "encoding" in said, f"{path}:{node.lineno} opens text without an encoding"


MOVED = {
    "from isthmus.scores import frechet_distance as found": "isthmus.metrics.generation",
    "from isthmus.search import Index as found": "isthmus.latent.neighbors",
    "from isthmus.territories import closeness as found": "isthmus.verbs.closeness",
    "from isthmus.store import load_model as found": "isthmus.fitted.store",
    "from isthmus.heldout import halves as found": "isthmus.fitted.heldout",
    "from isthmus.budget import Clock as found": "isthmus.training.budget",
    "from isthmus.views import sheet as found": "isthmus.plots.figures",
    "from isthmus.scores.labels import Accuracy as found": "isthmus.metrics.labels",
}


def test_names_that_documentation_has_shown_keep_working_for_a_release():
    code = (
        "import warnings, importlib\n"
        f"for line, now in {MOVED}.items():\n"
        "    with warnings.catch_warnings(record=True) as said:\n"
        "        warnings.simplefilter('always')\n"
        "        exec(line)\n"
        "    assert found.__module__ == now, found.__module__\n"
        "    assert importlib.import_module(now).__spec__.name == now\n"
        "    assert 'old name' in ' '.join(str(w.message) for w in said), line"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
