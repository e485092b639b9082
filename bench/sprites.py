"""How far models disentangle sprites: `python bench/sprites.py bench/sprites > bench/sprites.md`.

Every model is fitted on the 50,000 training sprites from several seeds, and measured by all
scores of known factors on 2,000 held-out ones. The folder has a file for every fit: what is
in it is not fitted again, so the table can be made bit by bit. Settings are sought on other seeds
and on training images. Options: --seeds 0,1,2, --only NAME.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

SMALL = {
    "architecture": "conv", "channels": (8, 16, 32), "hidden": (128,), "init": "he_uniform",
    "batch_size": 64, "validation_fraction": 0, "keep_best": False,
}  # fmt: skip
VAE = SMALL | {"likelihood": "bernoulli", "prior": "normal"}
FACTOR = {"tc": "factor", "discriminator": (128, 128)}
APART = {"beta": 51.0, "capacity": 10.0, "warmup": 1.0, "max_steps": 4690}
"""The first part of a fit: what is learnt first has few dimensions, and these independent."""
FREE = {"beta": 6.0, "max_steps": 7820}
"""The second, from where the first has ended: beta as Chen et al. have it, and no ceiling."""
MODELS = {
    "PCA": ("PCA", [{}]),
    "Autoencoder": ("Autoencoder", [SMALL | {"max_steps": 4690}]),
    "beta-VAE": (
        "VAE",
        [VAE | {"beta": 100.0, "capacity": 16.0, "warmup": 0.9, "max_steps": 7820}],
    ),
    "beta-TCVAE": ("VAE", [VAE | {"tc": "tcvae"} | part for part in (APART, FREE)]),
    "FactorVAE": ("VAE", [VAE | FACTOR | part for part in (APART, FREE)]),
}
"""By the names of the table: family, and parameters of one fit after another."""
ARCHITECTURE = "architecture", "channels", "hidden", "init"
MEASURED = 2000


def fitted(name, seed, images):
    import isthmus as ist

    family, parts = MODELS[name]
    if family == "PCA":
        return ist.PCA(10).fit(images)
    model = getattr(ist, family)(10, random_state=seed, **parts[0]).fit(images)
    for part in parts[1:]:  # a copy of the networks learns on, from pictures to pictures
        nets = {"encoder": model.encoder_[1:], "decoder": model.decoder_[:-1]}
        ours = {key: value for key, value in part.items() if key not in ARCHITECTURE}
        model = getattr(ist, family)(random_state=seed, **nets, **ours).fit(images)
    return model


def record(name, seed, images, folder):
    from isthmus.metrics.factor_scores import factor_scores

    path = folder / f"{name}-{seed}.json"
    if not path.exists():
        began = time.process_time()
        train = images.train
        if name == "PCA":  # which has no seed: other images
            train = train[np.random.default_rng(seed).permutation(len(train))[: len(train) // 2]]
        model = fitted(name, seed, train)
        spent = time.process_time() - began
        few = images.test.evenly(MEASURED)
        scores = factor_scores(model.encode(few), dict(few.factors), random_state=seed)
        path.write_text(json.dumps({"cpu_seconds": spent, "scores": scores}), encoding="utf-8")
    return json.loads(path.read_text(encoding="utf-8"))


def table(found):
    """Return rows of Markdown: the mean over seeds of every score, and its 95 % interval."""
    from isthmus.metrics import METRICS, over_fits

    names = list(next(iter(found.values()))[0]["scores"])
    yield "| model | " + " | ".join(METRICS[name].title for name in names) + " | CPU s |"
    yield "| --- |" + " --- |" * (len(names) + 1)
    for model, records in found.items():
        cells = []
        for name in names:
            values = [each["scores"][name] for each in records]
            mean, within = over_fits(values) if len(values) > 1 else (values[0], float("nan"))
            cells.append(f"{mean:.3f} ± {within:.3f}")
        seconds = np.mean([each["cpu_seconds"] for each in records])
        yield f"| {model} | " + " | ".join(cells) + f" | {seconds:.0f} |"


def main():
    import isthmus as ist

    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("out", type=Path)
    asked.add_argument("--seeds", default="0,1,2")
    asked.add_argument("--only", choices=MODELS)
    given = asked.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    images = ist.load_images("sprites")
    seeds = list(map(int, given.seeds.split(",")))
    found = {
        name: [record(name, seed, images, given.out) for seed in seeds]
        for name in MODELS
        if given.only in (None, name)
    }
    print(f"Seeds {given.seeds}: the mean, and its 95 % interval over seeds by Student's t.\n")
    print("\n".join(table(found)))


if __name__ == "__main__":
    main()
