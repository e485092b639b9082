"""How commands read what the parameters of verbs are given: a reader for every type of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from isthmus import signature
from isthmus.cli.inputs import images_for, numbers_from, rows_from
from isthmus.cli.options import flags_of, numbers_of, seconds_of

if TYPE_CHECKING:
    import numpy as np


class Known(NamedTuple):
    """What has been read before: the model, the images of SOURCE, and how these were asked for."""

    model: Any
    images: Any
    asked: dict[str, Any]


Reader = Callable[[str, str, Known], Any]
"""From what is given, the option and what is known to the value of a parameter."""


def array_from(text: str, option: str, known: Known) -> np.ndarray:
    """Return the array in a .npy file, or the numbers in "0,3,5".

    Examples
    --------
    >>> array_from("0,3,-1", "--without", Known(None, None, {})).tolist()
    [0, 3, -1]
    """
    import numpy as np

    if Path(text).suffix == ".npy":
        from isthmus.verbs.decode import codes_in

        return codes_in(known.model, Path(text))
    try:
        return np.array(numbers_from(text, option, int))
    except ValueError:
        return np.array(numbers_from(text, option))


def codes_from(text: str, option: str, known: Known) -> Any:
    """Return the file that a text names, or the codes in "0,3,5".

    Examples
    --------
    >>> str(codes_from("codes.csv", "CODES", Known(None, None, {})))
    'codes.csv'
    """
    from isthmus.verbs.decode import FILES

    return Path(text) if Path(text).suffix in FILES else array_from(text, option, known)


def code_from(text: str, option: str, known: Known) -> np.ndarray:
    """Return the code of the image that has this number."""
    from isthmus.latent.codes import codes_of

    rows = rows_from(text, known.images, option[2:])
    if len(rows) > 1:
        raise ValueError(f"{option} {text!r}: expected the number of one image")
    return codes_of(known.model, known.images[rows])[0]


def count_from(text: str, option: str, known: Known) -> int | str:
    """Return the number a text is, or what stands for one as it is.

    Examples
    --------
    >>> [count_from(text, "-n", Known(None, None, {})) for text in ("12", "5%")]
    [12, '5%']
    """
    return int(text) if text.strip().isdecimal() else text


def words_from(text: str) -> list[str]:
    """Return the words in "a, b"; "none" and "" are none.

    Examples
    --------
    >>> words_from("knn,svm"), words_from("none")
    (['knn', 'svm'], [])
    """
    return [word.strip() for word in text.split(",") if word.strip() not in ("", "none")]


READERS: dict[str, Reader] = {
    "ImagesLike": lambda text, option, known: images_for(known.model, text, known.asked),
    "ArrayLike": array_from,
    "CodesLike": codes_from,
    "Code": code_from,
    "Words": lambda text, option, known: words_from(text),
    "Seconds": lambda text, option, known: seconds_of(text, option),
    "Count": count_from,
    "Labels": count_from,
    "Rows": lambda text, option, known: rows_from(text, known.images, option[2:]),
}
"""By the types of `isthmus.verbs.parameters`."""


def said_as(parameter: signature.Parameter) -> str:
    """Return how a parameter is called on a command line: as an argument, or as an option.

    Examples
    --------
    >>> said_as(signature.function("decode", "verbs.decode").parameters[1])
    'CODES'
    """
    is_argument = parameter.default is signature.REQUIRED
    return parameter.name.upper() if is_argument else flags_of(parameter.name)[0]


def value_of(parameter: signature.Parameter, given: Any, known: Known) -> Any:
    """Return the value of a parameter from what its option was given."""
    words = parameter.annotation.startswith("Words")  # one of several, which are a list still
    if not isinstance(given, str) or (given in parameter.choices and not words):
        return given
    if "tuple[" in parameter.annotation:
        return numbers_of(parameter, given)
    kinds = parameter.annotation.split(" | ")
    reader = next((READERS[kind] for kind in kinds if kind in READERS), None)
    return given if reader is None else reader(given, said_as(parameter), known)
