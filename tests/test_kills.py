"""Commands that are killed: `tests/kills.py` does it at random moments, these at chosen ones."""

import json

import kills

AT = """
        if name == "isthmus.{module}":
            import isthmus.{home} as home
            usual, calls = home.{what}, []
            def counted(*given, **options):
                calls.append(1)
                if len(calls) == {call}:
                    import os
                    os._exit(9)
                return usual(*given, **options)
            home.{what} = counted
"""


def killed(words, folder, **at):
    process = kills.begun(words, folder, AT.format(**at))
    _, err = process.communicate(timeout=120)
    assert process.returncode == 9, err


def test_a_study_that_is_killed_loses_the_model_in_work_alone(run, tmp_path):
    words = "study digits --models kmeans,pca,nmf --width 4 -o s"
    at = {"module": "studies.study", "home": "studies.measure", "what": "measure", "call": 3}
    killed(words, tmp_path, **at)
    assert len(kills.study_is_whole(tmp_path)) == 2
    assert kills.left_over(tmp_path) == []
    code, out, _ = run(*words.split(), "--resume")
    assert (code, "taken over: kmeans" in out) == (0, True)
    assert len(kills.study_is_whole(tmp_path)) == 3


def test_packing_that_is_killed_leaves_nothing_after_the_next_run(run, tmp_path, monkeypatch):
    from PIL import Image

    (tmp_path / "photos").mkdir()
    for i in range(5):
        Image.new("L", (8, 8), i).save(tmp_path / "photos" / f"{i}.png")
    monkeypatch.setenv("ISTHMUS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("isthmus.data.folder.memory_allowed", lambda: 0)
    at = {"module": "data.folder", "home": "data.decode", "what": "read_image", "call": 3}
    killed("data photos --json", tmp_path, **at)
    assert kills.left_over(tmp_path)
    code, out, _ = run("data", "photos", "--json")
    assert (code, json.loads(out)["count"]) == (0, 5)
    assert kills.left_over(tmp_path) == []
