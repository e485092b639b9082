"""How often a study calls two models a tie: two of a kind, and two that differ.

    python bench/ties.py [--seeds 100] [--repeats 1] [--mnist 5]

Two autoencoders of the same kind, with random weights of two seeds, are studied on a part of the
digits: what tells them apart is luck. Two of 8 and 32 numbers on a part of MNIST do differ.
"""

import argparse
import os
from collections import Counter

import isthmus as ist
from isthmus.studies.outcome import Study

STEPS = 200


def twins(seed: int, repeats: int) -> Study:
    """Return a study of two models of a kind."""
    images = ist.load_images("digits").evenly(500)
    made = {
        name: ist.Autoencoder(6, hidden=(32,), max_steps=STEPS, random_state=first + 10 * seed)
        for name, first in (("one", 0), ("other", 5000))
    }
    return ist.study(images, made, repeats=repeats, random_state=10 * seed)


def apart(seed: int, folder: str, repeats: int) -> Study:
    """Return a study of two models that differ."""
    images = ist.load_images(f"{folder}/mnist").evenly(3000).split(seed=seed)
    made = {
        f"ae-{width}": ist.Autoencoder(width, max_steps=STEPS, random_state=seed)
        for width in (8, 32)
    }
    return ist.study(images, made, repeats=repeats, random_state=seed)


def count(studies, title: str) -> None:
    """Print for every purpose how many studies call it a tie."""
    ties, answered, number = Counter(), Counter(), 0
    for study in studies:
        number += 1
        for each in study.rankings():
            answered[each["purpose"]] += len(each["ranking"]) == 2
            ties[each["purpose"]] += each["tie"]
    print(f"\n| {title} | studies of both | called a tie |\n| --- | --- | --- |")
    for purpose in answered:
        print(f"| {purpose} | {answered[purpose]} of {number} | {ties[purpose]} |")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--mnist", type=int, default=5)
    given = parser.parse_args()
    count((twins(seed, given.repeats) for seed in range(given.seeds)), "two of a kind, digits")
    if folder := os.environ.get("ISTHMUS_DATA"):
        studies = (apart(seed, folder, given.repeats) for seed in range(given.mnist))
        count(studies, "AE-8 against AE-32, MNIST")


if __name__ == "__main__":
    main()
