"""A verb is one line in a table: a function, a command, a page and a row of the README each."""

import inspect
import json
import tempfile
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import get_type_hints

import numpy as np
import pytest
import typer
from PIL import Image

import isthmus as ist
from isthmus import signature
from isthmus.cli.commands import by_hand
from isthmus.cli.inputs import loading
from isthmus.cli.main import app
from isthmus.cli.options import LOADING, flags_of
from isthmus.cli.verbs import OURS, chosen_by
from isthmus.plots.videos import CODECS
from isthmus.verbs import COMMANDS, VERBS
from isthmus.verbs.decoded import Decoded
from isthmus.verbs.result import Result, Scores

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMAND_OF = {verb: command for command, verb in COMMANDS.items()}
PAGES = {
    "decode": "encode",
    "decompress": "compress",
    "survey": "data",
    "rate_distortion": "compress",
    "study": None,
}
"""Verbs that are told of on the page of another; a study is told of in the README."""
WAITING = {name for name, command in COMMAND_OF.items() if command in by_hand()}
"""Verbs whose command is written by hand."""
MADE = [name for name in VERBS if name not in WAITING]
BY_HAND = {
    "survey",
}
"""A list to empty: whoever makes a command from its verb takes it out."""


SAID = ("as_json", "quiet", "verbose", "help")
"""What all commands take."""


def function(name):
    return getattr(ist, name)


def test_commands_written_by_hand_become_fewer():
    assert WAITING == BY_HAND


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_is_public_and_has_a_page_that_the_readme_names(name):
    assert (name in ist.__all__) == (name != "map")  # a star import leaves Python's own alone
    assert function(name).__module__ == f"isthmus.{VERBS[name].home}"
    page = PAGES.get(name, name)
    shown = README
    if page is not None:
        assert f"| [`{name}`](docs/verbs/{page}.md) |" in README
        shown = (ROOT / "docs" / "verbs" / f"{page}.md").read_text(encoding="utf-8")
    assert f"isthmus {COMMAND_OF[name]} " in shown


@pytest.mark.parametrize("name", MADE)
def test_a_command_has_the_parameters_of_its_verb_and_the_reverse(name):
    parameters = dict(inspect.signature(function(name)).parameters)
    for each in signature.function(name, VERBS[name].home).parameters:
        if each.name in OURS or each.annotation.startswith("NewFile"):
            parameters.pop(each.name)
    loads = set(LOADING) if parameters.pop("loading", None) else set()
    root = typer.main.get_command(app)
    command = {each.name: each for each in root.commands[COMMAND_OF[name]].params}
    chosen = set(chosen_by(signature.function(name, VERBS[name].home)))
    chosen |= {"count"} if get_type_hints(function(name))["return"].evenly else set()
    shared = {"output", "force", "as_json", "quiet", "verbose", "help"}
    assert command.keys() - shared - chosen - loads == parameters.keys()
    assert loads <= command.keys()
    assert shared - command.keys() <= {"help"}
    for key, parameter in parameters.items():
        if parameter.default is inspect.Parameter.empty:
            assert command[key].param_type_name == "argument", key
            continue
        assert set(flags_of(key)) <= set(command[key].opts), key
        default = parameter.default
        default = ",".join(map(str, default)) if isinstance(default, tuple) else default
        assert command[key].default == default, key
        assert command[key].help, f"{name} says nothing of {key}"


LIKE = {"rows", "size", "resize", "color", "labels", "columns"}
"""What is said of images that Python is given as they are to be."""


def parameters_of(command):
    """Return what a command takes, but what all commands do and help."""
    found = {each.name: each for each in typer.main.get_command(app).commands[command].params}
    return {key: each for key, each in found.items() if key not in SAID}


@pytest.mark.parametrize(
    ("name", "told", "more"),
    [
        # images are the last of the words; bars are shown where a person watches
        ("export", {"images", "verbose"}, LIKE),
        ("explore", {"images", "verbose"}, LIKE | {"path", "force"}),  # -o is `isthmus export`
        ("reproduce", {"verbose", "watch"}, set()),  # a line a recipe, or JSON of all
    ],
)
def test_commands_by_hand_have_the_parameters_of_python(name, told, more):
    parameters, command = inspect.signature(function(name)).parameters, parameters_of(name)
    assert command.keys() - more == parameters.keys() - told
    assert more - LIKE <= inspect.signature(ist.export).parameters.keys()
    for key in parameters.keys() - told:
        option, default = command[key], parameters[key].default
        if option.param_type_name == "option" and key not in ("path", "folder"):
            assert set(flags_of(key)) <= set(option.opts), key
            assert (option.default or None) == (default or None), key


def test_images_are_loaded_by_a_command_as_in_python():
    given = loading(**{name: default for name, (_, default) in LOADING.items()})
    known = inspect.signature(ist.load_images).parameters
    others = {"source", "like", "longest", "verbose"}  # said by commands themselves
    assert given.keys() == known.keys() - others
    for name, default in given.items():
        assert default == known[name].default or (name, default) == ("per", "image")


@pytest.mark.parametrize("name", MADE)
def test_what_a_signature_says_is_read_from_its_source(name):
    verb, code = signature.function(name, VERBS[name].home), function(name)
    parameters = inspect.signature(code).parameters
    loads = ["loading"] if verb.loads else []
    assert [each.name for each in verb.parameters] + loads == list(parameters)
    for each in verb.parameters:
        known = inspect.Parameter.empty if each.default is signature.REQUIRED else each.default
        assert parameters[each.name].default == known, each.name
    assert verb.caption == inspect.getdoc(code).partition("\n")[0]
    result = get_type_hints(code)["return"]
    assert verb.returns == result.__name__
    for key in ("saves", "only_saved", "evenly"):
        assert signature.constant(key, verb.returns, verb.home) == getattr(result, key)


@pytest.mark.parametrize("name", MADE)
def test_a_verb_returns_a_result(name):
    result = get_type_hints(function(name))["return"]
    assert issubclass(result, Result)
    assert hasattr(result, "scores") or "scores" in result.__annotations__
    assert result.saves
    for suffix in filter(None, result.saves):
        assert callable(getattr(result, f"_to_{suffix[1:]}"))


@pytest.fixture(scope="module")
def images():
    return ist.load_images("digits").test


@pytest.fixture(scope="module")
def pca(images):
    return ist.PCA(8).fit(images)


def whole(images):
    """Return images without a split."""
    return replace(images, is_test=None)


def mapping(images):
    """Return a network that learnt label maps, and gives images these to be measured on."""
    images.label_maps = (np.asarray(images)[..., 0] > 127).astype(np.uint8)
    return ist.PixelNet(2, channels=4, max_steps=2).fit(images[:20])


def archive(model, images):
    """Return a compressed file in a folder of its own."""
    return ist.compress(model, images, Path(tempfile.mkdtemp()) / "x.isth")


RESULTS = {
    "study": lambda m, x: ist.study(x, ["pca", "kmeans"], width=4),
    "compress": archive,
    "decompress": lambda m, x: ist.decompress(archive(m, x[:20]).path, m),
    "traverse": lambda m, x: ist.traverse(m, x, rows="classes"),
    "generate": lambda m, x: ist.generate(m, 5, x),
    "edit": lambda m, x: ist.edit(m, x, np.ones(8), rows=[0, 5]),
    "finetune": lambda m, x: ist.finetune(
        ist.Autoencoder(4, hidden=(8,), max_steps=2).fit(x), whole(x), 20, epochs=1, verbose=False
    ),
    "probe": lambda m, x: ist.probe(m, whole(x), 60, kinds=["knn"], verbose=False),
    "cluster": lambda m, x: ist.cluster(m, x, on="map", n_clusters=3, verbose=False),
    "morph": lambda m, x: ist.morph({"a": m, "b": m}, x, steps=3, rows=[0, 5]),
    "nearest": lambda m, x: ist.nearest(m, x, k=3, rows=[0, 5]),
    "pick": lambda m, x: ist.pick(m, x, 5),
    "predict": lambda m, x: ist.predict(ist.Classifier(4, max_steps=2).fit(x), x[:30]),
    "denoise": lambda m, x: ist.denoise({"a": m, "b": m}, x[:60], "gaussian:0.2", verbose=False),
    "novelty": lambda m, x: ist.novelty(m, x, count=4, verbose=False),
    "segment": lambda m, x: ist.segment(mapping(x), x[:3], verbose=False),
    "decode": lambda m, x: ist.decode(m, m.encode(x[:20])),
    "reconstruct": lambda m, x: ist.reconstruct(m, x[:20]),
    "rate_distortion": lambda m, x: ist.rate_distortion({"m": m}, x[:20], ["png"], points=2),
    "map": lambda m, x: ist.map(m, x[:20], "pca", place=x[20:30]),
    "territory": lambda m, x: ist.territory(m, x[:20], 8, copies=1),
}
"""How verbs are called to look at a result; others with a model and images alone."""


def test_no_call_is_of_a_verb_that_is_gone():
    assert set(RESULTS) <= set(MADE)


@pytest.mark.parametrize("name", MADE)
def test_a_result_can_be_seen_and_saved(name, pca, images, tmp_path):
    found = RESULTS.get(name, function(name))(pca, images)
    assert isinstance(found, get_type_hints(function(name))["return"])
    assert dict(found.scores)
    assert all(row.keys() == found.table()[0].keys() for row in found.table())
    assert found.picture().width > 50
    assert found.pictures()
    assert len(repr(found)) < 200
    assert "<img src='data:image" in found._repr_html_()
    json.dumps(found.record(), default=int)
    saves = [each for each in found.saves if each not in CODECS or find_spec("av")]
    for suffix in saves:
        path = found.save(tmp_path / f"it{suffix}")
        assert path.exists()
        with pytest.raises(FileExistsError):
            found.save(path)
        assert found.save(path, force=True) == path
    if name != "study":  # its folder may be called anything
        with pytest.raises(ValueError, match=r"it\.docx must"):
            found.save(tmp_path / "it.docx")
    assert {path.name for path in tmp_path.iterdir()} == {f"it{each}" for each in saves}


def test_what_is_decoded_is_an_array(pca, images, tmp_path):
    back, plain = ist.reconstruct(pca, images), pca.decode(pca.encode(images))
    assert isinstance(back, np.ndarray)
    np.testing.assert_array_equal(back, plain)
    for made in (back[0], back[::-1], 1 - back, back.mean(0), np.concatenate([back, back])):
        assert type(made) is np.ndarray
    assert type(back.mean()) is type(plain.mean())
    assert back.copy().images is back.images
    assert isinstance(back.reshape(len(back), -1), Decoded)
    assert back.reshape(len(back), -1).images is None
    assert back.scores["mse"] == pytest.approx(-pca.score(images), rel=1e-5)
    assert back.measured.seen == len(images)
    assert np.load(back.save(tmp_path / "b.npy")).shape == plain.shape


def test_a_tuple_stays_a_tuple(pca, images):
    found = ist.nearest(pca, images, k=3)
    rows, distances = found
    assert rows is found.rows
    assert distances.shape == (len(images), 3)
    assert (rows != np.arange(len(images))[:, None]).all()
    assert found.scores["precision at k"] > 0.5


def test_scores_of_images_are_an_array_and_figures():
    scores = Scores.of([1.0, 3.0, 2.0], {"auroc": 0.5})
    assert scores["auroc"] == dict(scores)["auroc"] == 0.5
    assert type(scores[:2]) is type(scores + 1) is np.ndarray
    assert scores.max() == 3
    with pytest.raises(KeyError):
        _ = scores[:2].view(Scores)["auroc"]


def test_parameters_may_be_called_as_before_for_a_release(pca, images):
    with pytest.warns(DeprecationWarning, match="images now"):
        assert len(ist.reconstruct(pca, X=images[:3])) == 3
    with pytest.warns(DeprecationWarning, match="images now"):
        assert ist.morph(pca, a=images[:2], steps=3).shape == (3, 8, 8, 1)
    with pytest.warns(DeprecationWarning, match="count now"):
        assert len(ist.generate(pca, n_samples=3)) == 3
    with pytest.warns(DeprecationWarning, match="among now"):
        assert ist.nearest(pca, images[:2], images=images, k=1).rows.tolist() == [[0], [1]]


@pytest.fixture
def model(run):
    run("fit", "pca", "digits", "--n-components", 4, "-o", "p.safetensors")
    return "p.safetensors"


def test_commands_can_do_what_python_can(run, model, tmp_path):
    images, pca = ist.load_images("digits"), ist.load_model(tmp_path / model)
    np.save("truth.npy", images.test.y == 1)
    novelty = ("novelty", model, "digits", "--split", "test", "--truth", "truth.npy", "--json")
    code, out, err = run(*novelty)
    assert code == 0, err
    found = ist.novelty(pca, images, split="test", truth=images.test.y == 1, verbose=False)
    assert json.loads(out)["auroc"] == pytest.approx(found.auroc)
    without = ("nearest", model, "digits", "--images", "3,5", "--without", "3,-1", "-n", 1)
    code, out, err = run(*without, "--json")
    assert code == 0, err
    rows = json.loads(out)["rows"]
    assert rows[0] != [3]
    assert rows[1] == [5]
    assert run("reconstruct", model, "digits", "--images", "2-4", "-o", "r.npy")[0] == 0
    np.testing.assert_allclose(np.load("r.npy"), ist.reconstruct(pca, images[2:5]), atol=1e-6)


def test_commands_say_what_they_found(run, model, tmp_path):
    code, out, err = run("nearest", model, "digits", "--split", "test", "--images", "0-9", "-n", 3)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "digits: on 10 images the model never saw"
    assert "precision at k" in out
    assert lines[-1] == "... and 10 more"
    code, out, _ = run("nearest", model, "digits", "--images", "0", "-o", "n.csv")
    assert out.splitlines()[-1] == "wrote n.csv"
    code, out, err = run("nearest", model, "digits", "--rows", "0", "-o", "n.png")
    assert (code, err) == (0, "isthmus: nearest --rows is called --images now\n")
    with Image.open(tmp_path / "n.png") as picture:
        assert picture.width > 100
    code, _, err = run("reconstruct", model, "digits")
    assert code == 2
    assert "--out" in err
