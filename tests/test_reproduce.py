"""Recipes: what they leave, what a stop leaves, and the page about them."""

import functools
import importlib
import inspect
import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import isthmus as ist
from isthmus import training
from isthmus.reproduction import deck_f
from isthmus.reproduction import page as document
from isthmus.reproduction import runner as reproduce
from isthmus.reproduction.recipes import DECKS, RECIPES, Recipe
from isthmus.reproduction.seeds import APART
from isthmus.training.epochs import Epochs

SHARE = 0.001
NETWORKS = RECIPES["e-flowers-three"].options["networks"]
NEED_NOTHING = {
    *("b-convolution", "e-architectures", "e-glyphs", "e-transitions"),
    *("e-denoising", "e-attractors", "e-eight", "e-one-denoiser"),
}
"""Recipes that have what they need without any downloaded set."""
OTHER = {"d-deep", "c-raster-landsat"}
"""Recipes that go another way through a function than the first recipe that it carries out."""
LESS = {
    "b-factorisation": {"widths": (5, 40)},
    "b-denoising": {"levels": (0.1, 0.5)},
    "d-study": {"recipes": {"beta 1": "d-burgess-beta1", "beta 4": "d-burgess-beta4"}},
    "e-attractors": {"seeds": 2, "margins": (0.1,)},
    "e-eight": {"epochs": (1,) * 8},
    "e-flowers-three": {"seeds": 1, "epochs": dict.fromkeys(NETWORKS, 20)},
    "e-flowers-complexity": {"widths": (6, 12), "latents": (1, 2), "seeds": 1, "epochs": 20},
}
"""Shorter lists for recipes that go through one."""


def ways():
    """Return the recipes that are run here: the first of every function, and other ways."""
    first = {(recipe.deck, recipe.function): name for name, recipe in reversed(RECIPES.items())}
    return [name for name in RECIPES if name in {*first.values(), *OTHER}]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("reproduce")


@pytest.fixture
def run(run):
    """Run the command `reproduce`; see conftest.py."""
    return functools.partial(run, "reproduce")


@pytest.fixture
def few(monkeypatch):
    """Two recipes of two fits each, with a picture and a claim that does not hold."""
    from isthmus.reproduction import deck_b

    def tiny(run, width):
        images = ist.load_images("digits")
        for seed in range(2):
            model = ist.Autoencoder(width, hidden=(8,), epochs=10)
            run.fit(f"model-{seed}", model, images.train, seed=seed)
        run.figure("width | of a code", width, width + 1, False, "one was lost")
        from isthmus.plots import sheet

        run.picture("digits", sheet(images.test[:4], background="white"), "Four digits")

    monkeypatch.setattr(deck_b, "tiny", tiny, raising=False)
    recipes = {f"b-tiny-{k}": Recipe("B", f"tiny, {k}", 1, "tiny", {"width": k}) for k in (2, 3)}
    for name in list(RECIPES):
        monkeypatch.delitem(RECIPES, name)
    for name, recipe in recipes.items():
        monkeypatch.setitem(RECIPES, name, recipe)


once = functools.cache(ist.load_images)
"""The sets of the recipes, each read for the first that asks."""


@pytest.fixture
def narrow(monkeypatch):
    """Networks of few units and maps of few images: recipes are run here, not judged."""
    settings = reproduce.Run._settings

    def narrowed(run, model, seed):
        sizes = {}
        for name in ("channels", "hidden", "generator", "discriminator"):
            width = getattr(model, name, None)
            if isinstance(width, int):
                sizes[name] = min(width, 8)
            elif isinstance(width, tuple):
                sizes[name] = tuple(min(each, 8) for each in width)
        return settings(run, model, seed) | sizes

    monkeypatch.setattr(reproduce.Run, "_settings", narrowed)
    monkeypatch.setattr("isthmus.plots.drawing.MAPPED", 100)
    monkeypatch.setattr("isthmus.reproduction.deck_f.NOISES", deck_f.NOISES.split(",")[1])
    for name, options in LESS.items():
        for key, value in options.items():
            monkeypatch.setitem(RECIPES[name].options, key, value)
    monkeypatch.setattr(ist, "load_images", once)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_a_call(name):
    recipe = RECIPES[name]
    module = importlib.import_module(f"isthmus.reproduction.deck_{recipe.deck.lower()}")
    inspect.signature(getattr(module, recipe.function)).bind("run", **recipe.options)


@pytest.mark.parametrize("name", ways())
def test_recipes_run(name, root, narrow, request):
    if name not in NEED_NOTHING:
        request.getfixturevalue("data_folder")
    result = reproduce.carry_out(name, root, share=SHARE)
    folder = root / name
    assert json.loads((folder / "result.json").read_text()) == result
    assert (result["recipe"], result["deck"]) == (name, RECIPES[name].deck)
    assert result["share"] == SHARE
    assert result["seconds"] >= 0
    assert result["command"] == f"isthmus reproduce {name} --share {SHARE:g}"
    assert result["figures"]
    assert result["pictures"]
    for figure in result["figures"]:
        assert figure["what"]
        assert figure["holds"] in (True, False, None)
    for picture in result["pictures"]:
        assert len(picture["title"]) > 3
        if picture["file"].endswith(".png"):
            with Image.open(folder / picture["file"]) as opened:
                assert min(opened.size) > 40
    files = {picture["file"] for picture in result["pictures"]} | {"result.json"}
    there = {path.name for path in folder.iterdir()}
    assert files <= there
    others = {Path(name).suffix for name in there - files}
    assert others <= {".safetensors", ".npz", ""}, "models, and a folder of logs"
    assert not list((root / reproduce.WORK).iterdir())


def test_names_say_their_deck():
    assert {recipe.deck for recipe in RECIPES.values()} <= set(DECKS)
    for name, recipe in RECIPES.items():
        assert name.startswith(f"{recipe.deck.lower()}-")
        assert 0 < recipe.minutes < 200
    order = [recipe.deck for recipe in RECIPES.values()]
    assert order == sorted(order)


def test_chosen(few):
    assert reproduce.chosen(["b"]) == ["b-tiny-2", "b-tiny-3"]
    assert reproduce.chosen(["b-tiny-3", "B"]) == ["b-tiny-3", "b-tiny-2"]
    assert reproduce.chosen([], every=True) == ["b-tiny-2", "b-tiny-3"]
    with pytest.raises(ValueError, match="did you mean 'b-tiny-2'"):
        reproduce.chosen(["b-tiny2"])
    with pytest.raises(ValueError, match="no recipe is called 'G'"):
        reproduce.chosen(["G"])


def test_what_is_done_is_left_alone(few, tmp_path):
    first = reproduce.carry_out("b-tiny-2", tmp_path, share=0.5)
    written = (tmp_path / "b-tiny-2" / "result.json").stat().st_mtime_ns
    assert reproduce.carry_out("b-tiny-2", tmp_path, share=0.2) == first
    assert (tmp_path / "b-tiny-2" / "result.json").stat().st_mtime_ns == written
    with pytest.raises(ValueError, match="was done with seed 0"):
        reproduce.carry_out("b-tiny-2", tmp_path, share=0.5, seed=1)
    assert reproduce.carry_out("b-tiny-2", tmp_path, share=0.5, seed=1, force=True)["seed"] == 1
    assert reproduce.carry_out("b-tiny-2", tmp_path, seed=1)["share"] == 1  # no rehearsal


def test_seeds_are_means_with_intervals(few, tmp_path, monkeypatch):
    from isthmus.reproduction import deck_b

    def seeded(run, text):
        k = run.seed // APART  # 0, 1, 2
        run.figure("a number", 20 + 0.2 * k, 21, k < 2, "near")
        run.figure("numbers", f"1.{k}0 of 30%, {text}", "few", True)
        run.figure("a word", "abc"[k], None)
        run.figure("the same", 5)

    monkeypatch.setattr(deck_b, "seeded", seeded, raising=False)
    recipe = Recipe("B", "seeded", 1, "seeded", {"text": "and so"}, seeds=3)
    monkeypatch.setitem(RECIPES, "b-seeded", recipe)
    result = reproduce.carry_out("b-seeded", tmp_path)
    assert result["seeds"] == 3
    number, numbers, word, same = result["figures"]
    half = 4.302653 * 0.2 / 3**0.5  # Student's t with 2 degrees of freedom
    assert (number["ours"], number["within"]) == pytest.approx((20.2, half), abs=1e-5)
    assert (number["holds"], number["note"]) == (False, "near; holds with 2 of 3 seeds")
    assert (numbers["ours"], numbers["holds"]) == ("1.10 ± 0.25 of 30%, and so", True)
    assert (word["ours"], word["note"]) == ("a", "of the first seed")
    assert (same["ours"], "within" in same, same["note"]) == (5, False, "")
    ist.reproduce(folder=tmp_path, document=tmp_path / "page.md")
    text = (tmp_path / "page.md").read_text()
    assert "| 21 | 20.2 ± 0.4968 | **no** | near; holds with 2 of 3 seeds |" in text
    assert "took 0.0 s with 3 seeds." in text
    short = reproduce.carry_out("b-seeded", tmp_path / "short", share=0.5)
    assert (short["seeds"], short["figures"][0]["ours"]) == (1, 20)


@pytest.mark.parametrize("share", [0, -1, 1.5, float("nan")])
def test_bad_share(few, tmp_path, share):
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        reproduce.carry_out("b-tiny-2", tmp_path, share=share)
    assert not list(tmp_path.iterdir())


def counted(monkeypatch):
    """Count the fits of the loop."""
    fits = []
    run = training.Loop.run
    monkeypatch.setattr(training.Loop, "run", lambda loop: (fits.append(1), run(loop))[1])
    return fits


def test_an_interrupt_stops_the_recipe_and_the_next_run_goes_on(few, tmp_path, monkeypatch):
    reproduce.carry_out("b-tiny-2", tmp_path)
    steps, step = [], Epochs._step

    def interrupted(epochs, batch):
        steps.append(epochs.model.random_state)
        if steps.count(1) == 15:  # in the second fit
            raise KeyboardInterrupt
        step(epochs, batch)

    monkeypatch.setattr(Epochs, "_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        reproduce.carry_out("b-tiny-3", tmp_path)
    assert not (tmp_path / "b-tiny-3").exists()
    assert (tmp_path / "b-tiny-2" / "result.json").exists()
    monkeypatch.setattr(Epochs, "_step", step)
    fits = counted(monkeypatch)
    assert reproduce.carry_out("b-tiny-3", tmp_path)["figures"]
    assert len(fits) == 1


def test_a_model_of_another_setting_is_not_taken_for_this(few, tmp_path, monkeypatch):
    def fails(run, what, *rest):
        raise RuntimeError("after the fits")

    figure = reproduce.Run.figure
    monkeypatch.setattr(reproduce.Run, "figure", fails)
    with pytest.raises(RuntimeError):
        reproduce.carry_out("b-tiny-3", tmp_path)
    monkeypatch.setattr(reproduce.Run, "figure", figure)
    monkeypatch.setitem(RECIPES, "b-tiny-3", Recipe("B", "wider", 1, "tiny", {"width": 5}))
    fits = counted(monkeypatch)
    assert reproduce.carry_out("b-tiny-3", tmp_path)["figures"][0]["ours"] == 5
    assert len(fits) == 2


KILLED = """
import os, signal, sys
from isthmus.cli.main import main
from isthmus.reproduction.run import Run

fit, fits = Run.fit, []

def killed(run, name, *given, **more):
    fits.append(name)
    if len(fits) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return fit(run, name, *given, **more)

Run.fit = killed
sys.argv = ["isthmus", "reproduce", "b-convolution", "e-glyphs", "-o", ".", "--share", "0.001"]
main()
"""


def test_a_killed_run_leaves_what_was_done_and_resumes(tmp_path, monkeypatch):
    command = [sys.executable, "-c", KILLED]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert (tmp_path / "b-convolution" / "result.json").is_file()
    assert not (tmp_path / "e-glyphs").exists()
    kept = len(list(tmp_path.glob(".work/e-glyphs*/models/chosen-*.safetensors")))
    assert kept == 2
    fits = counted(monkeypatch)
    result = reproduce.carry_out("e-glyphs", tmp_path, share=0.001)
    assert len(fits) == RECIPES["e-glyphs"].options["seeds"] - kept
    assert result["figures"]
    assert [path.name for path in tmp_path.glob(".work/*")] == []


def test_list_run_and_json(few, run, tmp_path):
    code, out, _ = run()
    assert code == 0
    assert "b-tiny-2" in out
    assert "2 minutes in all" in out
    code, out, _ = run("B", "--share", 0.3)
    assert code == 0
    assert "rehearsal" in out
    assert (tmp_path / "runs" / "reproduce" / "b-tiny-3" / "digits.png").is_file()
    rows = json.loads(run("--json")[1])
    assert [row["state"] for row in rows] == ["rehearsed", "rehearsed"]
    results = json.loads(run("--all", "--json")[1])
    assert [result["share"] for result in results] == [1, 1]
    assert json.loads(run("--json")[1])[0]["state"] == "done"


def test_python_carries_out_what_the_command_does(few, run, tmp_path):
    seen = []
    found = ist.reproduce(
        "B", share=0.3, folder=tmp_path / "runs" / "reproduce", watch=seen.append
    )
    assert list(found) == ["b-tiny-2", "b-tiny-3"]
    assert list(found.values()) == seen
    assert found.scores["recipes"] == len(found.table()) == 2
    assert found.picture().width > 0
    assert "<img src=" in found._repr_html_()
    assert found.save(tmp_path / "recipes.csv").read_text().count("b-tiny") == 2
    page = ist.reproduce(folder=found.folder, document=tmp_path / "page.md")
    assert (len(page), page.documented) == (0, 2)
    results = json.loads(run("B", "--share", 0.3, "--json")[1])  # done already, and left alone
    assert results == seen
    with pytest.raises(ValueError, match="no recipe is named"):
        ist.reproduce()


def test_what_there_is_no_time_for_is_left_for_another_day(few, tmp_path):
    with pytest.warns(UserWarning, match="budget=1e-09 s: it was over after 1 recipes"):
        found = ist.reproduce("B", share=0.3, folder=tmp_path / "short", budget=1e-9)
    assert list(found) == ["b-tiny-2"]


def test_a_recipe_that_fails_does_not_keep_the_others(few, run, tmp_path, monkeypatch):
    monkeypatch.setitem(RECIPES, "b-tiny-2", Recipe("B", "too wide", 1, "tiny", {"width": -1}))
    code, out, err = run("--all")
    assert code == 2
    assert "1 of 2 recipes failed: b-tiny-2" in err
    assert out.startswith("b-tiny-3")
    code, _, err = run("b-tiny-2", "-o", "other")
    assert code == 2
    assert err.startswith("isthmus: latent_dim=-1")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["b-tiny-4"], "did you mean 'b-tiny-"),
        (["Z"], "no recipe is called 'Z'"),
        (["B", "--share", "2"], "share=2 must be"),
        (["--document", "page.txt"], "page.txt must end in .md"),
        (["--document", "page.md"], "there are no results in runs/reproduce"),
        (["b-tiny-2", "--seed", "x"], "valid int"),
    ],
)
def test_errors_are_one_line_and_exit_code_2(few, run, tmp_path, arguments, words):
    code, out, err = run(*arguments)
    assert code == 2
    assert words in err
    assert err.splitlines()[-1].startswith("isthmus: ")
    assert out == ""
    assert not list(tmp_path.iterdir())


def test_page(few, run, tmp_path):
    run("b-tiny-2", "--share", 0.5)
    assert run("b-tiny-3", "--document", "docs/reproduction.md")[0] == 0
    page = (tmp_path / "docs" / "reproduction.md").read_text()
    assert page.count("\n### b-tiny-") == 2
    assert "A rehearsal with 50.00% of the work" in page
    assert "## Where a deck's claim does not hold" in page
    assert "the deck says 4, ours is 3. One was lost." in page
    assert r"| width \| of a code | 4 | 3 | **no** | one was lost |" in page
    assert "`isthmus reproduce b-tiny-3` took" in page
    pictures = re.findall(r"!\[Four digits\]\((.*?)\)", page)
    assert pictures == [f"reproduction/b-tiny-{k}/digits.webp" for k in (2, 3)]
    for picture in pictures:
        with Image.open(tmp_path / "docs" / picture) as opened:
            assert opened.size[0] > 100
    for anchor in re.findall(r"\]\(#(.*?)\)", page):
        headings = [document._anchor(text) for text in re.findall(r"^#+ (.*)$", page, re.M)]
        assert anchor in headings
    assert not re.search(r"(?<![\w.])/(tmp|work|home|root|usr)\b", page)
    code, _, err = run("--document", "docs/reproduction.md")
    assert code == 2
    assert "exists already" in err
    assert run("--document", "docs/reproduction.md", "--force")[0] == 0
    assert (tmp_path / "docs" / "reproduction.md").read_text() == page


def test_a_page_keeps_what_is_on_it(few, run, tmp_path):
    run("b-tiny-2")
    run("--document", "page.md")
    shutil.rmtree(tmp_path / "runs")
    run("b-tiny-3")
    again = ("b-tiny-2", "--share", 0.5, "--document", "page.md")
    assert run(*again)[0] == 2
    assert not (tmp_path / "runs/reproduce/b-tiny-2").exists()  # refused before any work
    assert run(*again, "--force")[0] == 0
    page = (tmp_path / "page.md").read_text()
    assert page.count("\n### b-tiny-") == 2
    assert "rehearsal" not in page  # the full result stays
    assert (tmp_path / "page" / "b-tiny-2" / "digits.webp").is_file()


def test_a_page_overwrites_nothing_else(few, run, tmp_path):
    run("b-tiny-2", "--share", 0.5)
    (tmp_path / "mine.md").write_text("# My notes")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.png").write_text("a picture")
    for page, words in (("mine.md", "not a page of this kind"), ("photos.md", "holds cat.png")):
        code, _, err = run("--document", page)
        assert (code, err.count("\n")) == (2, 1)
        assert words in err
    assert (tmp_path / "mine.md").read_text() == "# My notes"
    assert (tmp_path / "photos" / "cat.png").is_file()


def test_pages_of_results(root, tmp_path):
    """After the recipes above: what they wrote can stand on a page; one of a deck is enough."""
    found = {path.parent.name[0]: path.parent for path in sorted(root.glob("*/result.json"))}
    if not found:
        pytest.skip("the recipes were not run")
    for folder in found.values():
        shutil.copytree(folder, tmp_path / "results" / folder.name)
    root = tmp_path / "results"
    count = document.write_document(tmp_path / "reproduction.md", root)
    assert count == len(found)
    page = (tmp_path / "reproduction.md").read_text()
    assert page.count("\n### ") == count
    assert str(root) not in page
    assert not re.search(r"(?<![\w.])/(tmp|work|home|root|usr)\b", page)
    for picture in re.findall(r"!\[.*?\]\((.*?)\)", page):
        assert (tmp_path / picture).is_file()
