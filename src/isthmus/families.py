"""The table of families: one line each, each a file of `isthmus.models`; those of one's own."""

from __future__ import annotations

import inspect
import re
import sys
import warnings
from collections.abc import Callable, Container, Iterable
from functools import cache, reduce
from importlib import import_module
from itertools import chain, count
from typing import TYPE_CHECKING, Any, TypeVar, overload

from isthmus.validation import hint

if TYPE_CHECKING:
    from isthmus.base import Representation

Family = TypeVar("Family", bound="type[Representation]")
FAMILIES = {
    "kmeans": "KMeans",
    "pca": "PCA",
    "nmf": "NMF",
    "som": "SOM",
    "autoencoder": "Autoencoder",
    "vae": "VAE",
    "gan": "GAN",
    "classifier": "Classifier",
    "pixelnet": "PixelNet",
}
"""Name of the family, which is its module here and its name on the command line, and its class."""

GROUP = "isthmus.families"
"""Entry points by which an installed package offers families: name of the family, its class."""
NAME = re.compile(r"[a-z][a-z0-9_]*")
"""What a family of one's own may be called: a variant's name has a hyphen."""

_own: dict[str, type] = {}  # registered classes by name
_met: dict[str, type] = {}  # classes of models that are no registered family, by address
_allowed: list[str] = []  # modules that files may name classes of, wherever they are read


@overload
def register(name: Family) -> Family: ...
@overload
def register(name: str | None = None) -> Callable[[Family], Family]: ...
def register(name: Any = None) -> Any:
    """Make a class of your own a family, to be used by its name as those of isthmus are.

    It is then saved and loaded, studied, exported, explored and tuned like them. A package offers
    its families without being imported by entry points of the group ``isthmus.families``.

    Parameters
    ----------
    name : str, optional
        Lower case letters, digits and underscores; by default the name of the class in lower case.

    Returns
    -------
    type
        The class as it is, so that this is a decorator: ``@ist.register`` or
        ``@ist.register("name")``.

    Raises
    ------
    TypeError
        If the class does not derive from `Representation`, or has not what a family needs.
    ValueError
        If the name is taken.

    Examples
    --------
    >>> import isthmus as ist
    >>> @ist.register("narrow")
    ... class Narrow(ist.PCA):
    ...     "PCA with another default."
    ...     default_width = 2
    >>> family("narrow")().fit(ist.load_images("digits").train).n_components_
    2
    """
    if isinstance(name, type):
        return _registered(name, name.__name__.lower())
    return lambda cls: _registered(cls, name or cls.__name__.lower())


def _registered(cls: type, name: str) -> type:
    _check_class(cls)
    if not NAME.fullmatch(name):
        raise ValueError(
            f"a family cannot be called {name!r}: lower case letters, digits and underscores, a "
            "letter first"
        )
    point, known = _entry_points().get(name), _own.get(name)
    taken = name in FAMILIES or (known and address_of(known) != address_of(cls))
    if taken or (point and point.value != address_of(cls)):
        whose = known or (point and point.value) or f"isthmus.{FAMILIES.get(name)}"
        raise ValueError(f"the name {name!r} is taken, by {whose}: register({name + '2'!r})")
    _own[name] = cls  # a class that is defined anew, as in a notebook, takes its own place
    return cls


def _check_class(cls: type[Representation]) -> None:
    """Refuse a class that cannot be a family."""
    base = import_module("isthmus.base").Representation
    if base not in getattr(cls, "__mro__", ()):
        raise TypeError(
            f"{cls!r} is no family: derive a class from ist.Representation, or from "
            "ist.NeuralRepresentation"
        )
    if lacking := [name for name in cls.asked_for if not _has(cls, name)]:
        raise TypeError(f"{cls.__name__} has no {', '.join(lacking)}: see docs/own-family.md")
    parameters = inspect.signature(cls).parameters
    if needed := [name for name, one in parameters.items() if one.default is one.empty]:
        raise TypeError(f"{cls.__name__}: give {needed[0]} a default; every parameter needs one")
    if cls.width not in parameters:
        raise TypeError(
            f"{cls.__name__}.width={cls.width!r} must name the parameter that says how wide the "
            "code is; a class whose parameters are annotated fields needs "
            "@dataclass(eq=False, repr=False)"
        )


def _has(cls: type, name: str) -> bool:
    return not getattr(getattr(cls, name, None), "__isabstractmethod__", not hasattr(cls, name))


@cache
def _entry_points() -> dict[str, Any]:
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=GROUP) if point.name not in FAMILIES}


def _offered(name: str) -> type:
    """Return the class that an installed package offers as a family."""
    point = _entry_points()[name]
    try:
        return _registered(point.load(), name)
    except Exception as error:  # whatever another's module may raise
        raise ValueError(
            f"the family {name!r} of {point.value} cannot be loaded: {type(error).__name__}: "
            f"{error}"
        ) from error


def names() -> list[str]:
    """Return the names of all families, those of one's own after those of isthmus.

    Examples
    --------
    >>> names()[:2]
    ['kmeans', 'pca']
    """
    return [*FAMILIES, *sorted({*_own, *_entry_points()})]


def family(name: str) -> type[Representation]:
    """Return the class of a family by its name.

    Raises
    ------
    ValueError
        If there is no such family; the nearest name is suggested.

    Examples
    --------
    >>> family("pca").__name__
    'PCA'
    """
    if name in FAMILIES:
        cls: type[Representation] = getattr(
            import_module(f"isthmus.models.{name}"), FAMILIES[name]
        )
        return cls
    if own := _own.get(name) or _registered_at(name) or _met.get(name):
        return own
    if name in _entry_points():
        return _offered(name)
    there = ", ".join(names())
    raise ValueError(f"no family is called {name!r}{hint(name, names())} (there are: {there})")


def loadable() -> list[str]:
    """Return the names of all families whose class can be had; warn of those that cannot."""
    return [name for name in names() if name in FAMILIES or _loads(name)]


def _loads(name: str) -> bool:
    try:
        family(name)
    except ValueError as error:
        warnings.warn(str(error), UserWarning, stacklevel=3)
        return False
    return True


def every_name() -> list[str]:
    """Return every family and every variant of one, as "autoencoder-conv".

    Examples
    --------
    >>> every_name()[:2]
    ['kmeans', 'pca']
    """
    return [
        name + variant
        for name in loadable()
        for variant in ("", *(f"-{variant}" for variant in family(name).variants))
    ]


def named(name: str) -> tuple[Any, dict[str, Any]]:
    """Return the class of a family or variant, and the parameters that make it that variant.

    Examples
    --------
    >>> named("autoencoder-conv")[1]
    {'architecture': 'conv'}
    """
    base, _, variant = name.partition("-")
    cls = family(base)
    if variant and variant not in cls.variants:
        known = ", ".join(f"{base}-{known}" for known in cls.variants) or "none"
        raise ValueError(f"{base} has no variant {name!r} (there are: {known})")
    return cls, cls.variants[variant] if variant else {}


def name_of(model: Representation | type[Representation]) -> str:
    """Return the family name of a model or of a class; of other classes their address.

    Examples
    --------
    >>> import isthmus as ist
    >>> name_of(ist.PCA(3))
    'pca'
    """
    cls = model if isinstance(model, type) else type(model)
    of_ours = _of_ours(cls)
    return of_ours or next((name for name, own in _own.items() if own is cls), address_of(cls))


def free_name(model: Representation | str, taken: Container[str]) -> str:
    """Return what a model, or one of a name, is called among others that are called so already.

    Examples
    --------
    >>> import isthmus as ist
    >>> free_name(ist.PCA(3), ["kmeans"]), free_name("pca", ["pca", "pca-2"])
    ('pca', 'pca-3')
    """
    base = model if isinstance(model, str) else name_of(model)
    if not isinstance(model, str) and ":" in base:  # the address of a class that is no family
        base = type(model).__name__.lower()
    further = (f"{base}-{n}" for n in count(2))
    return next(name for name in chain([base], further) if name not in taken)


def _of_ours(cls: type) -> str:
    """Return the name of a family of isthmus, "" of any other class, be it called like one."""
    for name, class_name in FAMILIES.items():
        module = sys.modules.get(f"isthmus.models.{name}")
        if module is not None and getattr(module, class_name) is cls:
            return name
    return ""


def address_of(cls: type) -> str:
    """Return "module:qualname" of a class.

    Examples
    --------
    >>> address_of(dict)
    'builtins:dict'
    """
    return f"{cls.__module__}:{cls.__qualname__}"


def _registered_at(address: str) -> type | None:
    """Return the registered class of an address, None if there is none."""
    return next((cls for cls in _own.values() if address_of(cls) == address), None)


def stored_name(model: Representation) -> str:
    """Return what a file says of a model's class: a family of isthmus, or an address.

    Raises
    ------
    ValueError
        If the class could not be found again.
    """
    cls = type(model)
    address = address_of(cls)
    if (of_ours := _of_ours(cls)) or cls in _own.values():
        return of_ours or address
    try:
        there = _at(address, sys.modules.__getitem__)
    except (KeyError, AttributeError):
        there = None
    if there is not cls:
        raise ValueError(
            f"{address} is a class of your own that a file could not find again: define it in a "
            "module, outside of functions, or register it by @ist.register"
        )
    _met[address] = cls
    return address


def _at(address: str, module_of: Callable[[str], Any]) -> Any:
    module, _, qualname = address.partition(":")
    return reduce(getattr, qualname.split("."), module_of(module))


def stored_class(name: str, allow: Iterable[str] = ()) -> type[Representation]:
    """Return the class that a file names.

    Parameters
    ----------
    name : str
        A family of isthmus, or "module:qualname".
    allow : iterable of str
        Modules and packages that may be imported for it.

    Raises
    ------
    ValueError
        If there is none, or it is of a module that is not allowed.
    """
    if ":" not in name:
        return family(name)
    offered = (point for point in _entry_points().values() if point.value == name)
    found = _registered_at(name) or next((_offered(point.name) for point in offered), None)
    if found is None:
        _check_allowed(name, allow)
        found = _imported(name)
    _met[name] = found
    return found


def _check_allowed(address: str, allow: Iterable[str]) -> None:
    module = address.partition(":")[0]
    allowed = (*((allow,) if isinstance(allow, str) else allow), *_allowed)
    if not any(f"{module}.".startswith(f"{one}.") for one in allowed):
        raise ValueError(
            f"its class is {address}, none of isthmus, and no file has a module imported: if you "
            f"trust that one, give load_model(path, allow=({module!r},)), on the command line "
            f"--allow {module}; or import the module that registers the class"
        )


def _imported(address: str) -> Any:
    try:
        found = _at(address, import_module)
        _check_class(found)
    except (ImportError, AttributeError, TypeError) as error:
        raise ValueError(f"its class {address} cannot be had: {error}") from None
    return found


def allow(*modules: str) -> None:
    """Import modules; files may from now on name classes of theirs, and of modules in them."""
    for module in modules:
        import_module(module)
        _allowed.append(module)
