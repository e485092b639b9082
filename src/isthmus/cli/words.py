"""Examples of commands, and which command is meant by words that are none."""

from __future__ import annotations

from collections.abc import Iterable

EXAMPLES = {
    "study": (
        "study photos -o runs/photos",
        "study digits --models pca,vae --budget 1m",
        "study photos --size 64 --width 16 --explain",
    ),
    "data": ("data", "data photos", "data photos -n 60 -o sheet.png -o images.csv"),
    "fit": (
        "fit pca photos -o pca.safetensors",
        "fit vae photos --width 16 --budget 5m -o vae.safetensors",
        "fit classifier photos --labels labels.csv -o classifier.safetensors",
    ),
    "report": (
        "report runs/photos",
        "report runs/photos -o elsewhere",
        "report runs/photos moved/photos",
    ),
    "encode": (
        "encode pca.safetensors photos -o codes.csv",
        "encode pca.safetensors one.jpg -o code.npy",
        "encode runs/photos:vae photos --split test -o codes.parquet",
    ),
    "decode": (
        "decode pca.safetensors codes.csv -o back",
        "decode pca.safetensors codes.npy -o sheet.png",
        "decode kmeans.safetensors 0,3,5 -o three",
    ),
    "reconstruct": (
        "reconstruct pca.safetensors photos -o sheet.png",
        "reconstruct pca.safetensors one.jpg -o back",
        "reconstruct vae.safetensors photos --images 0-9 -o sheet.png",
    ),
    "generate": (
        "generate vae.safetensors -n 25 -o new.png",
        "generate vae.safetensors --per-class 100 -o new",
        "generate vae.safetensors --score --among mnist -o new.png",
        "generate runs/photos -n 9 -o new",
    ),
    "morph": (
        "morph vae.safetensors photos --images 3,17 -o way.gif",
        "morph vae.safetensors one.jpg other.jpg -o way.gif",
        "morph vae.safetensors photos --images 3,17 --steps 25 --tile-size 256 -o way.gif",
    ),
    "edit": (
        "edit vae.safetensors photos --from 3 --to 8 -o edited.png",
        "edit pca.safetensors photos --from cat --to dog --by probe -o edited.png",
        "edit vae.safetensors photos --from 3 --to 8 --images 17 -o edited.gif",
    ),
    "traverse": (
        "traverse vae.safetensors photos -o numbers.png",
        "traverse vae.safetensors photos --dims 0,4 --steps 15 -o numbers.gif",
        "traverse vae.safetensors photos --images classes -o numbers.png",
    ),
    "denoise": (
        "denoise autoencoder.safetensors photos -o clean",
        "denoise autoencoder.safetensors noisy.png -o clean.png",
        "denoise autoencoder.safetensors photos --noise gaussian:0.3 -o table.csv",
    ),
    "compress": (
        "compress photos -o photos.isth",
        "compress pca.safetensors photos --quality 30 --embed -o photos.isth",
        "compress pca.safetensors mnist --lossless -o digits.isth",
    ),
    "decompress": (
        "decompress photos.isth -o back",
        "decompress photos.isth --model pca.safetensors -o back",
        "decompress photos.isth -o sheet.png",
    ),
    "segment": (
        "segment pixelnet.safetensors photos -o segments",
        "segment pixelnet.safetensors photos -o sheet.png",
        "segment pixelnet.safetensors photos --split test -o scores.json",
    ),
    "export": (
        "export vae.safetensors -o vae.onnx",
        "export classifier.safetensors --part predict -o classifier.onnx",
        "export runs/photos -o page",
    ),
    "predict": (
        "predict classifier.safetensors photos -o predictions.csv",
        "predict classifier.safetensors one.jpg",
        "predict classifier.safetensors photos --sure 0.9 -o by_class",
    ),
    "pick": (
        "pick pca.safetensors photos -n 5% -o to_label.csv",
        "pick pca.safetensors photos -n 40 --by cover -o to_label",
        "pick few.safetensors photos --by unsure --labels to_label.csv -n 40 -o next.csv",
    ),
    "probe": (
        "probe pca.safetensors photos",
        "probe runs/photos photos --labels 300",
        "probe pca.safetensors photos --labels labels.csv --curve -o probe.png",
    ),
    "cluster": (
        "cluster pca.safetensors photos -o groups",
        "cluster pca.safetensors photos -k auto --copy -o groups",
        "cluster pca.safetensors photos --method hdbscan -o clusters.csv",
    ),
    "novelty": (
        "novelty pca.safetensors photos -o anomalous.png",
        "novelty pca.safetensors new --among photos -o scores.csv",
        "novelty vae.safetensors photos --by likelihood -n 50 -o anomalous.png",
    ),
    "nearest": (
        "nearest pca.safetensors one.jpg --among photos -o found.png",
        "nearest pca.safetensors photos --images 3,17 -n 5 -o found.csv",
        "nearest pca.safetensors photos -o neighbours.csv",
    ),
    "rd": (
        "rd pca.safetensors photos -o rates.png",
        "rd pca.safetensors vae.safetensors photos --formats jpeg,webp -o rates.png",
        "rd pca.safetensors photos -n 200 --points 4 -o rates.json",
    ),
    "territory": (
        "territory pca.safetensors photos --dims 0,1 -o territory.png",
        "territory pca.safetensors photos --level 0.4 -o confusion.csv",
        "territory pca.safetensors photos -n 100 --resolution 100 -o territory",
    ),
    "disentangle": (
        "disentangle vae.safetensors sprites -o factors.png",
        "disentangle vae.safetensors photos --labels factors.csv",
        "disentangle seed0.safetensors,seed1.safetensors photos",
    ),
    "finetune": (
        "finetune vae.safetensors photos --labels 100 -o few.safetensors",
        "finetune runs/photos photos --labels labels.csv -o few.safetensors",
        "finetune vae.safetensors photos --frozen --budget 2m -o head.safetensors",
    ),
    "map": (
        "map pca.safetensors photos -o map.png",
        "map pca.safetensors photos --method tsne -n 5000 -o map.npz",
        "map pca.safetensors photos --dimensions 3 -o map.png",
    ),
    "explore": (
        "explore runs/photos",
        "explore pca.safetensors vae.safetensors photos",
        "explore pca.safetensors photos -o page",
    ),
    "info": ("info pca.safetensors", "info runs/photos:vae", "info runs/photos -o info.json"),
    "rerun": ("rerun runs/photos", "rerun runs/photos -o runs/monday", "rerun groups --dry"),
    "reproduce": ("reproduce", "reproduce a", "reproduce --all --share 0.01 -o rehearsal"),
    "completion": ("completion bash", "completion zsh", "completion fish"),
    "models": ("models", "models --json", "models --verbose"),
}
"""Command to calls of it, the commonest first."""
_WORDS = {
    "fit study": "train learn run",
    "nearest": "search find similar similarity retrieve query neighbours neighbors knn lookup "
    "match",
    "predict probe finetune": "classify classifier",
    "pick": "label annotate choose select active",
    "encode": "transform embed embedding embeddings features codes vectors reduce",
    "decode": "inverse",
    "generate": "sample draw new create synthesize",
    "cluster": "group groups sort",
    "morph traverse": "interpolate interpolation walk blend video gif animate",
    "traverse": "vary sweep slider latent",
    "data": "resize scale crop upscale inspect check duplicates dedupe look sets datasets images "
    "thumbnails split sheet",
    "novelty": "outlier outliers anomaly anomalies detect strange",
    "denoise": "clean filter restore repair noise",
    "compress": "zip pack shrink",
    "decompress": "unzip unpack extract",
    "segment": "mask masks",
    "probe study": "evaluate score scores test benchmark accuracy svm metrics validate measure",
    "study rd": "compare",
    "map": "plot tsne t-sne umap project projection layout scatter",
    "export": "onnx convert",
    "explore": "serve browse show gui view open",
    "models": "families list",
    "info": "describe about summary version versions licence license",
    "rerun": "again repeat redo",
}
MEANT = {word: tuple(names.split()) for names, words in _WORDS.items() for word in words.split()}
"""Words that people try, and the commands that they look for."""
FITTED = ("photos", "digits --width 8", "photos --size 64 --color grey --seed 1")
"""What a family is fitted on, in examples."""


def examples_of(name: str) -> list[str]:
    """Return calls of a command, three at most; those of a family's fit are all alike.

    Examples
    --------
    >>> examples_of("info")[:2]
    ['isthmus info pca.safetensors', 'isthmus info runs/photos:vae']
    >>> examples_of("fit pca")[0]
    'isthmus fit pca photos -o pca.safetensors'
    """
    family = name.removeprefix("fit ")
    alike = [f"{name} {words} -o {family}.safetensors" for words in FITTED] * (name != family)
    return [f"isthmus {line}" for line in EXAMPLES.get(name, alike)]


def epilog_of(name: str) -> str:
    """Return what stands below the help of a command: calls of it.

    Examples
    --------
    >>> epilog_of("reproduce").splitlines()[:2]
    ['Examples:', '  isthmus reproduce']
    """
    return "\n  ".join(["Examples:", *examples_of(name)])


def meant_by(word: str, families: Iterable[str] = (), commands: Iterable[str] = ()) -> str:
    """Return in words which commands are meant by a word that is none, "" if nobody knows.

    Examples
    --------
    >>> meant_by("search")
    "there is no command 'search'; what it says is done by isthmus nearest"
    >>> meant_by("pca", ["pca"])
    "there is no command 'pca'; what it says is done by isthmus fit pca"
    >>> meant_by("tarin")
    "there is no command 'tarin'; what it says is done by isthmus fit or isthmus study"
    """
    from difflib import get_close_matches

    said = word.lower()
    if said in families:
        meant: tuple[str, ...] = (f"fit {said}",)
    elif said in MEANT or get_close_matches(said, list(commands)):  # of which others tell
        meant = MEANT.get(said, ())
    else:
        near = get_close_matches(said, MEANT, 1, 0.75)
        meant = MEANT[near[0]] if near else ()
    done = " or ".join(f"isthmus {name}" for name in meant)
    return done and f"there is no command {word!r}; what it says is done by {done}"
