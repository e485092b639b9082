"""Deck D's networks and betas laid side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.plots import drawing

if TYPE_CHECKING:
    from isthmus.reproduction.run import Run

LATENTS = 10
DEEP = "deep, linear"
"""The deck's deep network, whose layers are printed without an activation."""
HELPED = 0.05
"""Gain of disentanglement from which a higher beta is taken to have helped."""
INDEPENDENCE = "disentanglement (DCI)"
SUMMARY = {
    "active dimensions of 10": "active of 10",
    "KL in nats": "KL",
    "test mse": "mse",
    "MIG against the digit": "MIG digit",
    "MIG against the angle": "MIG angle",
    "R^2 of the angle by its best dimension": "angle, best",
    "R^2 of the angle by all dimensions": "angle, all",
    INDEPENDENCE: "DCI",
}
"""Figures of a fit that are laid beside those of the others, and what they are called there."""


def study(run: Run, recipes: dict[str, str]) -> None:
    """Lay the recipes of all betas side by side; those that are missing are carried out."""
    from isthmus.reproduction.runner import carry_out

    root = run.folder.parents[2]  # of all results: this one is not in its place yet
    given: dict[str, Any] = {"share": run.share, "seed": run.seed}
    results = {
        label: carry_out(name, root, verbose=run.verbose, **given)
        for label, name in recipes.items()
    }
    found = {
        label: {row["what"]: row["ours"] for row in result["figures"]}
        for label, result in results.items()
    }
    for label, figures in found.items():
        for what in SUMMARY:
            run.figure(f"{label}: {what}", figures[what])
    _did_beta_help(run, found)
    _study_chart(run, {k: v for k, v in found.items() if k.startswith("beta")})
    _study_table(run, found)


def _did_beta_help(run: Run, found: dict[str, dict[str, Any]]) -> None:
    """Ask of both networks whether any beta above 1 sets factors apart better than 1 does."""
    for start, network, helped in (("beta", "burgess", True), (DEEP, "deep", False)):
        of_network = {label: of for label, of in found.items() if label.startswith(start)}
        if len(of_network) < 2:
            continue
        plain, *higher = of_network
        apart = {label: of_network[label][INDEPENDENCE] for label in of_network}
        best = max(higher, key=apart.__getitem__)
        gain = apart[best] - apart[plain]
        note = f"{best}, against {plain}; one seed, from {HELPED:g} taken for help"
        deck = "beta helped" if helped else "beta did not help"
        what = f"gain of disentanglement (DCI) by beta, the {network} network"
        run.figure(what, gain, deck, bool(gain >= HELPED) == helped, note)


def _study_chart(run: Run, found: dict[str, dict[str, Any]]) -> None:
    betas = [float(label.removeprefix("beta ")) for label in found]
    shares = {
        short: (betas, [figures[what] for figures in found.values()])
        for what, short in SUMMARY.items()
        if short not in ("KL", "active of 10", "mse")
    }
    active = [figures["active dimensions of 10"] / LATENTS for figures in found.values()]
    title = "What beta does: shares of what there could be"
    chart = drawing.lines(shares | {"active": (betas, active)}, title, "beta", "", log_x=True)
    run.picture("betas", chart, title)


def _study_table(run: Run, found: dict[str, dict[str, Any]]) -> None:
    columns = {what: short for what, short in SUMMARY.items() if short not in ("KL", "mse")}
    values = np.array([[figures[what] for what in columns] for figures in found.values()], float)
    values /= [LATENTS if "of 10" in what else 1 for what in columns]
    title = "Betas and networks side by side, as shares of what there could be"
    run.picture("table", drawing.table(values, list(found), list(columns.values()), title), title)
