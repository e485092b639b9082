import gc
import os
import signal
import sys
from pathlib import Path

import pytest

# models of a few units gain nothing from threads, which wait for each other on a busy machine
os.environ.setdefault("OMP_NUM_THREADS", "1")
# a shell has what it starts in the background ignore Ctrl-C, and tests interrupt
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


collect_ignore = ["consumer"]  # type checkers read it; to import it would register its family

DEAREST = (
    *("reproduce", "studies", "contract", "estimators", "onnx", "vae", "autoencoder", "readme"),
    *("verbs", "views", "codec", "gan", "explorer", "explorer_page", "explorer_live"),
    *("pixelnet", "verb_pages", "samplers", "tuning", "denoising", "cli", "golden"),
)
"""Files of tests that take long: they go first, so that no core waits for the last of them."""

HASTY = {
    "isthmus.metrics.labels.PENALTIES": (10.0,),
    "isthmus.metrics.labels.WIDTHS": (1.0,),
    "isthmus.metrics.labels.FOLDS": 2,
    "isthmus.verbs.layouts.QUICK": (20, 30),
    "isthmus.metrics.features.MOST": 60,
}
"""Support vectors of one C and gamma, not the best of nine; few steps of t-SNE for reports,
and of the network that drawn images are compared by."""


def pytest_collection_modifyitems(items):
    first = {f"test_{name}": place for place, name in enumerate(DEAREST)}
    items.sort(key=lambda item: first.get(item.path.stem, len(first)))


def pytest_collection_finish(session):
    gc.collect()  # modules and tests stay to the end: no collection need look at them again
    gc.freeze()


@pytest.fixture
def forgotten(monkeypatch):
    """Forget after a test what families it has registered and modules it has allowed."""
    from isthmus import families

    monkeypatch.setattr(families, "_own", dict(families._own))
    monkeypatch.setattr(families, "_allowed", [])


@pytest.fixture(scope="session")
def data_folder():
    """The real data sets that tests may use, where there are any."""
    if not os.environ.get("ISTHMUS_DATA"):
        pytest.skip("ISTHMUS_DATA is not set: no real data sets here")
    return Path(os.environ["ISTHMUS_DATA"])


@pytest.fixture(scope="module", autouse=True)
def hasty(request):
    """Have what is judged in one file of tests done in little time in all others."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in HASTY.items() if request.module.__name__ != "test_probing" else ():
            patch.setattr(name, value)
        yield


@pytest.fixture(scope="session")
def commands():
    """The tree of all commands, built once: each process of the command line builds it anew."""
    from typer.main import get_command

    from isthmus.cli.main import app

    return get_command(app)


@pytest.fixture
def run(monkeypatch, tmp_path, capsys, commands):
    """Run one command in an empty folder; return exit code, standard output and error."""
    from isthmus.cli import main as cli
    from isthmus.system import progress

    monkeypatch.setattr(progress, "SELDOM", float("inf"))  # a busy machine says no more
    progress._lines.cache_clear()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "app", commands)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["isthmus", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        out, err = capsys.readouterr()
        return stop.value.code, out, err

    return run


@pytest.fixture(scope="module")
def images():
    """The digits that come with scikit-learn."""
    import isthmus as ist

    return ist.load_images("digits")


@pytest.fixture(scope="module")
def pca(images):
    """Eight principal components of the digits to train on."""
    import isthmus as ist

    return ist.PCA(8).fit(images.train)
