"""How far models disentangle sprites: `python bench/sprites.py OUT > bench/sprites.md`.

Every model is fitted on the 50,000 training sprites from several seeds, and measured by all
scores of known factors on 2,000 held-out ones. OUT is a folder with a file for every fit: what is
in it is not fitted again, so the table can be made bit by bit. Settings are sought on other seeds
and on training images. Options: --steps N, --seeds 0,1,2, --only NAME.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

STEPS = 14_000
SMALL = {"hidden": (128, 64), "batch_size": 64, "validation_fraction": 0, "keep_best": False}
VAE = SMALL | {"learning_rate": 2e-3, "prior": "normal"}
MODELS = {
    "PCA": ("PCA", {}),
    "Autoencoder": ("Autoencoder", SMALL),
    "beta-VAE": ("VAE", VAE | {"beta_norm": 0.03}),
    "beta-TCVAE": ("VAE", VAE | {"beta_norm": 0.06, "tc": "tcvae"}),
    "FactorVAE": ("VAE", VAE | {"beta_norm": 0.06, "tc": "factor", "discriminator": (128, 128)}),
}
"""By the names of the table: family and parameters, all with 10 latent dimensions."""
MEASURED = 2000


def fitted(name, seed, steps, images):
    import isthmus as ist

    family, parameters = MODELS[name]
    if family != "PCA":
        parameters = parameters | {"max_steps": steps, "random_state": seed}
    return getattr(ist, family)(10, **parameters).fit(images)


def record(name, seed, steps, images, folder):
    from isthmus.metrics.factor_scores import factor_scores

    path = folder / f"{name}-{steps}-{seed}.json"
    if not path.exists():
        began = time.process_time()
        train = images.train
        if name == "PCA":  # which has no seed: other images
            train = train[np.random.default_rng(seed).permutation(len(train))[: len(train) // 2]]
        model = fitted(name, seed, steps, train)
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
    asked.add_argument("--steps", type=int, default=STEPS)
    asked.add_argument("--seeds", default="0,1,2")
    asked.add_argument("--only", choices=MODELS)
    given = asked.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    images = ist.load_images("sprites")
    seeds = list(map(int, given.seeds.split(",")))
    found = {
        name: [record(name, seed, given.steps, images, given.out) for seed in seeds]
        for name in MODELS
        if given.only in (None, name)
    }
    print(f"{given.steps:,} steps, seeds {given.seeds}; mean and 95 % interval over seeds.\n")
    print("\n".join(table(found)))


if __name__ == "__main__":
    main()
