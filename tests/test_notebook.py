"""The example notebook runs, and what it shows are pictures, tables and a bar."""

import re
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

NOTEBOOK = Path(__file__).parents[1] / "examples" / "digits.ipynb"


def cells(book):
    """Return the code cells of a notebook by their first words."""
    return {cell.source.partition("(")[0]: cell for cell in book.cells if cell.cell_type == "code"}


def kinds(cell):
    """Return the MIME types that a cell shows."""
    return {kind for output in cell.outputs for kind in output.get("data", ())}


@pytest.fixture(scope="module")
def kept():
    return cells(nbformat.read(NOTEBOOK, 4))


@pytest.fixture(scope="module")
def executed():
    book = nbformat.read(NOTEBOOK, 4)
    nbclient.NotebookClient(book, timeout=120).execute()
    return cells(book)


@pytest.mark.parametrize(
    ("source", "kind", "words"),
    [
        ("study = ist.study", "text/html", "kmeans"),
        ("study.picture", "image/png", ""),
        ("model = ist.Autoencoder", "text/html", "Autoencoder"),
        ("model.plot_history", "image/png", ""),
        ("ist.reconstruct", "text/html", "<img"),
        ("found = ist.probe", "text/html", "<table"),
        ("found.chart", "image/png", ""),
    ],
)
def test_what_a_cell_shows(executed, kept, source, kind, words):
    shown = [
        output.data[kind] for output in executed[source].outputs if kind in output.get("data", ())
    ]
    assert len(shown) == 1
    assert words in shown[0]
    assert kinds(kept[source]) == kinds(executed[source])


def test_a_fit_shows_a_bar(executed):
    outputs = executed["model = ist.Autoencoder"].outputs
    said = "".join(output.text for output in outputs if output.output_type == "stream")
    assert "fit" in said
    assert "60 in " in said
    assert "Warning" not in said


def test_the_notebook_in_the_repository_is_small_and_tells_nothing_of_a_machine():
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert len(text) < 300_000
    assert not re.findall(r"/(?:home|work|tmp|Users)/|stderr", text)
