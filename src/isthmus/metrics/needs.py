"""What a study can hand to a metric."""

from __future__ import annotations

NEEDS = {
    "images": "held-out images (n, ...)",
    "reconstructions": "the same, decoded from their codes (n, ...)",
    "pictures": "`images`, where they have rows and columns (n, h, w, c)",
    "likeness": "structural similarity of the two over one scale and several, by their names",
    "value_range": "the values of black and white, where images are in no units of their own",
    "few_images": "some of the held-out images, if codes are vectors that can be decoded",
    "from_leading": "the same, decoded from the 5 leading numbers of their codes alone",
    "coded_bits": "bits an image of held-out images as a compressed file, and half their interval",
    "real": "features of held-out images (m, p), if the model can draw samples",
    "drawn": "features of as many samples (m, p)",
    "samples": "scores of samples beside real images in a network's features, by their names",
    "probe_codes": "codes of labelled training images",
    "probe_labels": "classes of these",
    "test_codes": "codes of labelled held-out images",
    "test_labels": "classes of these",
    "classes": "classes of held-out images (n,), -1 where unknown",
    "clusters": "clusters of their codes (n,)",
    "codes": "codes of held-out images: (n,) indices or (n, k) vectors",
    "factor_scores": "scores of codes against known factors of the images, by their names",
    "whole": "anomaly scores of some held-out images",
    "foreign": "those of the same images with a block of another one in them",
    "seed": "seed of whatever is drawn",
    "unit_distances": "distances of held-out images to the nearest unit of a self-organizing map",
    "units_apart": "of which of them the two nearest units are not neighbors (n,)",
    "likelihoods": "how probable all held-out images are under the model, by names of figures",
    "encode_rate": "images a second that are encoded, with its interval",
    "decode_rate": "codes a second that are decoded, with its interval",
    "learned_numbers": "how many numbers the model has learned",
    "file_kb": "kB of its file",
    "seconds": "seconds that the fit took",
    "peak_memory_mb": "MB that the fit needed",
}
"""What a study can hand to a metric. Where it is None, so is the metric."""
