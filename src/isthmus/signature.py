"""What a family's parameters are, read from its source; those of one's own from their class.

torch takes seconds to import, and `isthmus fit pca --help` must not. A test holds this against
the estimators' own ``get_params()``.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from isthmus.families import FAMILIES, family

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Parameter:
    """One parameter of a family: its name, annotation as written, default and help."""

    name: str
    annotation: str
    default: Any
    help: str

    @property
    def is_option(self) -> bool:
        """Whether a command can be given it: objects can only be given in Python."""
        return not re.search(r"tuple\[Any|Module", self.annotation)


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


def _of_class(class_name: str, file: str) -> list[Parameter]:
    defined = {node.name: node for node in _tree(file).body if isinstance(node, ast.ClassDef)}
    if class_name not in defined:
        home = _home(class_name, file)
        return _of_class(*home) if home else []
    node = defined[class_name]
    helps = _helps(ast.get_docstring(node) or "")
    own = [
        Parameter(
            field.target.id,
            ast.unparse(field.annotation),
            ast.literal_eval(field.value),
            helps.get(field.target.id, ""),
        )
        for field in node.body
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and field.value
        if not ast.unparse(field.annotation).startswith("ClassVar")
    ]
    for base in node.bases:
        own += _inherited(_of_class(ast.unparse(base), file), own)
    return own


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
            own[i] = replace(own[i], help=parameter.help)
    return [parameter for parameter in shared if parameter.name not in known]


@cache
def _tree(file: str) -> ast.Module:
    return ast.parse((HERE / file).read_text(encoding="utf-8"))


def _helps(docstring: str) -> dict[str, str]:
    """Return the text under every entry of a numpydoc section "Parameters"."""
    section = re.search(r"^Parameters\n-+\n(.*?)(?=^\w[^\n]*\n-+\n|\Z)", docstring, re.M | re.S)
    if not section:
        return {}
    entries = re.findall(r"^(\w+)(?: : [^\n]*)?\n((?:    [^\n]*\n?|\n)+)", section[1], re.M)
    return {name: " ".join(text.split()) for name, text in entries}


def _of_own(cls: Any) -> Iterator[Parameter]:
    """Yield the parameters of a class, its own first, as `parameters` does."""
    signature = inspect.signature(cls).parameters
    helps: dict[str, str] = {}
    for base in cls.__mro__[::-1]:
        helps |= _helps(inspect.cleandoc(base.__doc__ or ""))
    known = list(_names_by_class(cls, signature))
    for name in known:
        given = signature[name]
        annotation = given.annotation
        written = (
            annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
        )
        yield Parameter(name, written, given.default, helps.get(name, ""))


def _names_by_class(cls: Any, names: Any) -> list[str]:
    """Return parameters in the order of the classes that declare them, the nearest class first."""
    declared = [name for base in cls.__mro__ for name in inspect.get_annotations(base)]
    return list(dict.fromkeys(name for name in (*declared, *names) if name in names))
