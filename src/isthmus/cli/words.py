"""Examples of commands, and which command is meant by words that are none."""

from __future__ import annotations

EXAMPLES = {
    "study": ("study photos -o runs/photos", "study digits --models pca,vae --budget 1m"),
    "data": ("data", "data photos", "data photos -n 60 -o sheet.png -o images.csv"),
    "fit": ("fit pca photos -o pca.safetensors", "fit vae photos -o vae.safetensors"),
    "report": ("report runs/photos", "report runs/photos -o elsewhere"),
    "encode": ("encode pca.safetensors photos -o codes.npy",),
    "decode": ("decode pca.safetensors codes.npy -o back",),
    "reconstruct": ("reconstruct pca.safetensors photos -o sheet.png",),
    "generate": ("generate vae.safetensors -n 25 -o new.png", "generate runs/photos -n 9 -o new"),
    "morph": ("morph vae.safetensors photos --images 3,17 -o way.gif",),
    "edit": ("edit vae.safetensors photos --from 3 --to 8 -o edited.png",),
    "traverse": ("traverse vae.safetensors photos -o numbers.png",),
    "denoise": ("denoise autoencoder.safetensors photos -o clean",),
    "compress": ("compress pca.safetensors photos -o photos.isth",),
    "decompress": ("decompress photos.isth -o back",),
    "segment": ("segment pixelnet.safetensors photos -o segments",),
    "export": ("export vae.safetensors -o vae.onnx",),
    "predict": ("predict classifier.safetensors photos -o predictions.csv",),
    "pick": (
        "pick pca.safetensors photos -n 5% -o to_label.csv",
        "pick few.safetensors photos --by unsure --labels to_label.csv -n 40 -o next.csv",
    ),
    "probe": ("probe pca.safetensors photos", "probe runs/photos photos --labels 300"),
    "cluster": ("cluster pca.safetensors photos -o groups",),
    "novelty": ("novelty pca.safetensors photos -o strangest.png",),
    "nearest": ("nearest pca.safetensors one.jpg --among photos -o found.png",),
    "rd": ("rd pca.safetensors photos -o rates.png",),
    "territory": ("territory pca.safetensors photos --dims 0,1 -o territory.png",),
    "finetune": ("finetune vae.safetensors photos --labels 100 -o few.safetensors",),
    "map": ("map pca.safetensors photos -o map.png",),
    "explore": ("explore runs/photos", "explore pca.safetensors photos --export page"),
    "info": ("info pca.safetensors", "info runs/photos:vae"),
    "rerun": ("rerun runs/photos", "rerun runs/photos -o runs/monday"),
    "reproduce": ("reproduce", "reproduce a"),
    "models": ("models", "models --json"),
}
"""Command to calls of it, the commonest first."""
MEANT = {
    **dict.fromkeys(("train", "learn", "run"), ("fit", "study")),
    **dict.fromkeys(("search", "find", "similar", "retrieve", "query"), ("nearest",)),
    **dict.fromkeys(("classify",), ("predict", "probe", "finetune")),
    **dict.fromkeys(("label", "annotate", "choose"), ("pick",)),
    **dict.fromkeys(("transform", "embed", "features", "codes"), ("encode",)),
    **dict.fromkeys(("sample", "draw", "new"), ("generate",)),
    **dict.fromkeys(("group", "groups", "sort"), ("cluster",)),
    **dict.fromkeys(("interpolate", "walk", "blend", "video"), ("morph", "traverse")),
    **dict.fromkeys(("resize", "scale", "crop", "inspect", "duplicates", "look"), ("data",)),
    **dict.fromkeys(("outliers", "anomaly", "anomalies"), ("novelty",)),
    **dict.fromkeys(("clean", "filter"), ("denoise",)),
    **dict.fromkeys(("zip", "pack", "shrink"), ("compress",)),
    **dict.fromkeys(("unzip", "unpack", "extract"), ("decompress",)),
    **dict.fromkeys(("evaluate", "score", "test", "benchmark"), ("probe", "study")),
    **dict.fromkeys(("compare",), ("study", "rd")),
    **dict.fromkeys(("plot", "tsne", "umap", "project", "layout"), ("map",)),
    **dict.fromkeys(("onnx", "convert"), ("export",)),
    **dict.fromkeys(("serve", "browse", "show", "gui"), ("explore",)),
    **dict.fromkeys(("families", "list"), ("models",)),
    **dict.fromkeys(("describe", "about", "summary"), ("info",)),
    **dict.fromkeys(("again", "repeat", "redo"), ("rerun",)),
    **dict.fromkeys(("sets", "datasets", "images"), ("data",)),
}
"""Words that people try, and the commands that they look for."""
MOST = 3


def examples_of(name: str) -> list[str]:
    """Return calls of a command, three at most.

    Examples
    --------
    >>> examples_of("info")
    ['isthmus info pca.safetensors', 'isthmus info runs/photos:vae']
    """
    return [f"isthmus {line}" for line in EXAMPLES.get(name, ())[:MOST]]


def meant_by(word: str) -> str:
    """Return in words which commands are meant by a word that is none, "" if nobody knows.

    Examples
    --------
    >>> meant_by("search")
    "there is no command 'search'; what it says is done by isthmus nearest"
    """
    commands = " or ".join(f"isthmus {name}" for name in MEANT.get(word.lower(), ()))
    return commands and f"there is no command {word!r}; what it says is done by {commands}"
