"""What the parameters of a family or of a verb are, read from its source or its class.

torch takes seconds to import, and `isthmus fit pca --help` must not. Tests hold this against
the estimators' own ``get_params()`` and the verbs' own signatures.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from isthmus.families import FAMILIES, family

HERE = Path(__file__).parent


REQUIRED = object()
"""The default of a parameter that has none."""


@dataclass(frozen=True)
class Parameter:
    """One parameter: its name, annotation as written, default, help, and the words it may be."""

    name: str
    annotation: str
    default: Any
    help: str
    choices: tuple[str, ...] = ()

    @property
    def is_option(self) -> bool:
        """Whether a command can be given it: objects can only be given in Python."""
        return not re.match(r"tuple\[Any|([\w.]+\.)?Module\b", self.annotation)


@dataclass(frozen=True)
class Function:
    """A verb: its name, the module it is in, what it does, its parameters, what it returns."""

    name: str
    home: str
    caption: str
    parameters: tuple[Parameter, ...]
    returns: str
    loads: bool = False
    """Whether it passes further options on to `load_images`."""


def caption(name: str) -> str:
    """Return the first line of what the family's file says it is.

    Examples
    --------
    >>> caption("pca")
    'Principal component analysis: the best linear code of a given width.'
    """
    if name not in FAMILIES:  # of one's own
        return (inspect.getdoc(family(name)) or name).splitlines()[0]
    return (ast.get_docstring(_tree(f"models/{name}.py")) or "").splitlines()[0]


def parameters(name: str) -> list[Parameter]:
    """Return the parameters of a family, its own first, then those it shares with others.

    Examples
    --------
    >>> [parameter.name for parameter in parameters("pca")][:2]
    ['n_components', 'whiten']
    """
    if name not in FAMILIES:
        return list(_of_own(family(name)))
    return _of_class(FAMILIES[name], f"models/{name}.py")


def width(name: str) -> str:
    """Return which parameter of a family says how wide a code is.

    Examples
    --------
    >>> width("pca"), width("vae")
    ('n_components', 'latent_dim')
    """
    if name not in FAMILIES:
        return family(name).width
    return _width(FAMILIES[name], f"models/{name}.py")


def _width(class_name: str, file: str) -> str:
    found = re.search(
        r'^    width\b[^=\n]*= "(\w+)"', (HERE / file).read_text(encoding="utf-8"), re.M
    )
    if found:
        return found[1]
    defined = {node.name: node for node in _tree(file).body if isinstance(node, ast.ClassDef)}
    bases = defined[class_name].bases if class_name in defined else []
    homes = filter(None, (_home(ast.unparse(base), file) for base in bases))
    return next(filter(None, (_width(*home) for home in homes)), "")


def function(name: str, home: str) -> Function:
    """Return what a public function of a module is, without importing that.

    Examples
    --------
    >>> verb = function("nearest", "verbs.nearest")
    >>> verb.parameters[0].name, verb.returns
    ('model', 'Nearest')
    """
    file = _file(home)
    defined = (node for node in _tree(file).body if isinstance(node, ast.FunctionDef))
    node = next(node for node in defined if node.name == name)
    text = ast.get_docstring(node) or ""
    helps, types = _helps(text), dict(_entries(text, _TYPES))
    given, alone = node.args, node.args.kw_defaults
    places = [*given.posonlyargs, *given.args]
    defaults = [None] * (len(places) - len(given.defaults)) + [*given.defaults, *alone]
    parameters = tuple(
        Parameter(
            each.arg,
            ast.unparse(each.annotation) if each.annotation else "Any",
            REQUIRED if default is None else ast.literal_eval(default),
            helps.get(each.arg, ""),
            _words(types.get(each.arg, "")),
        )
        for each, default in zip([*places, *given.kwonlyargs], defaults, strict=True)
    )
    returns = ast.unparse(node.returns) if node.returns else ""
    loads = given.kwarg is not None and given.kwarg.arg == "loading"
    return Function(name, home, text.partition("\n")[0], parameters, returns, loads)


def constant(name: str, class_name: str, home: str) -> Any:
    """Return what a class attribute is, written in the class or in one it is derived from.

    Examples
    --------
    >>> constant("saves", "Nearest", "verbs.nearest")
    ('.png', '.csv', '')
    """
    return _constant(name, class_name, _file(home))


def _constant(name: str, class_name: str, file: str) -> Any:
    defined = {node.name: node for node in _tree(file).body if isinstance(node, ast.ClassDef)}
    if class_name not in defined:
        known = _home(class_name, file)
        return _constant(name, *known) if known else None
    for field in defined[class_name].body:
        if isinstance(field, ast.AnnAssign) and ast.unparse(field.target) == name and field.value:
            return ast.literal_eval(field.value)
    bases = (_constant(name, ast.unparse(b), file) for b in defined[class_name].bases)
    return next((value for value in bases if value is not None), None)


def _file(home: str) -> str:
    return f"{home.replace('.', '/')}.py"


def _of_class(class_name: str, file: str) -> list[Parameter]:
    defined = {node.name: node for node in _tree(file).body if isinstance(node, ast.ClassDef)}
    if class_name not in defined:
        home = _home(class_name, file)
        return _of_class(*home) if home else []
    node = defined[class_name]
    text = ast.get_docstring(node) or ""
    helps, types = _helps(text), dict(_entries(text, _TYPES))
    own = [
        Parameter(
            field.target.id,
            ast.unparse(field.annotation),
            ast.literal_eval(field.value),
            "",
        )
        for field in node.body
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and field.value
        if not ast.unparse(field.annotation).startswith("ClassVar")
    ]
    for base in node.bases:
        own += _inherited(_of_class(ast.unparse(base), file), own)
    return [
        replace(each, help=helps[each.name], choices=_words(types.get(each.name, "")))
        if each.name in helps
        else each
        for each in own
    ]


def _home(class_name: str, file: str) -> tuple[str, str] | None:
    """Return name and file of a class of ours that another file names; None if it is foreign.

    A family may be derived from any class that its file imports, or from another family.
    """
    for node in _tree(file).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("isthmus."):
            for alias in node.names:
                if class_name == (alias.asname or alias.name):
                    module = (node.module or "").removeprefix("isthmus.").replace(".", "/")
                    return (
                        (alias.name, f"{module}.py") if (HERE / f"{module}.py").exists() else None
                    )
    families = {name: f"models/{module}.py" for module, name in FAMILIES.items()}
    last = class_name.rpartition(".")[2]
    return (last, families[last]) if last in families else None


def _inherited(shared: list[Parameter], own: list[Parameter]) -> list[Parameter]:
    """Return what a base adds; a default set anew keeps the base's help where it has no other."""
    known = {parameter.name: i for i, parameter in enumerate(own)}
    for parameter in shared:
        i = known.get(parameter.name)
        if i is not None and not own[i].help:
            own[i] = replace(own[i], help=parameter.help, choices=parameter.choices)
    return [parameter for parameter in shared if parameter.name not in known]


@cache
def _tree(file: str) -> ast.Module:
    return ast.parse((HERE / file).read_text(encoding="utf-8"))


def _helps(docstring: str) -> dict[str, str]:
    """Return the text under every entry of a numpydoc section "Parameters" that has one."""
    said = {name: " ".join(text.split()) for name, text in _entries(docstring, _TEXTS)}
    return {name: text for name, text in said.items() if not text.startswith("See `")}


def _words(kind: str) -> tuple[str, ...]:
    """Return the words that a type allows: those in quotes.

    Examples
    --------
    >>> _words('{"auto", "normal"} or None')
    ('auto', 'normal')
    """
    return tuple(re.findall(r'"([^"]+)"', kind))


def documented(cls: type) -> str | None:
    """Return the docstring of a class, with what its bases say of parameters that it leaves out.

    So `help` of a family says everything about it, and its file only what is its own.
    """
    text = inspect.cleandoc(cls.__doc__ or "")
    section = re.search(_SECTION, text, re.M | re.S)
    if section is None:
        return cls.__doc__
    known = {name for name, _ in _entries(text, _TEXTS)}
    entries: list[str] = []
    for base in cls.__mro__[1:]:
        blocks = dict(_blocks(inspect.cleandoc(vars(base).get("__doc__") or "")))
        entries += [entry for name, entry in blocks.items() if name not in known]
        known |= blocks.keys()
    end = section.end(1)
    return f"{text[:end].rstrip()}\n{''.join(dict.fromkeys(entries))}\n{text[end:]}"


def _blocks(docstring: str) -> Iterator[tuple[str, str]]:
    """Yield names in a section "Parameters", and their whole entries as they are written."""
    section = re.search(_SECTION, docstring, re.M | re.S)
    for entry in re.finditer(_TEXTS, section[1] if section else "", re.M):
        for name in entry[1].split(", "):
            yield name, f"{entry[0].rstrip()}\n"


_SECTION = r"^Parameters\n-+\n(.*?)(?=^\w[^\n]*\n-+\n|\Z)"
_TYPES = r"^(\w+(?:, \w+)*) : ([^\n]*)$"
_TEXTS = r"^(\w+(?:, \w+)*)(?: : [^\n]*)?\n((?:    [^\n]*\n?|\n)+)"
"""Entries of a section: their names, and their types or their texts."""


def _entries(docstring: str, pattern: str) -> Iterator[tuple[str, str]]:
    """Yield what is said of every parameter, each name of "a, b : int" by itself."""
    section = re.search(_SECTION, docstring, re.M | re.S)
    for names, said in re.findall(pattern, section[1], re.M) if section else ():
        for name in names.split(", "):
            yield name, said


def _of_own(cls: type) -> Iterator[Parameter]:
    """Yield the parameters of a class, its own first, as `parameters` does."""
    signature = inspect.signature(cls).parameters
    text = inspect.cleandoc(documented(cls) or "")
    helps, types = _helps(text), dict(_entries(text, _TYPES))
    known = list(_names_by_class(cls, signature))
    for name in known:
        given = signature[name]
        annotation = given.annotation
        written = (
            annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
        )
        words = _words(types.get(name, ""))
        yield Parameter(name, written, given.default, helps.get(name, ""), words)


def _names_by_class(cls: type, names: Iterable[str]) -> list[str]:
    """Return parameters in the order of the classes that declare them, the nearest class first."""
    declared = [name for base in cls.__mro__ for name in inspect.get_annotations(base)]
    return list(dict.fromkeys(name for name in (*declared, *names) if name in names))
