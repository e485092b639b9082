"""Curves of a fit for TensorBoard: a folder of its own for every fit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from isthmus.training.stages import MAIN


class Curves:
    """Scalars and histograms of one fit, in a new folder within `log_dir`.

    Two fits in one folder would be drawn over each other.

    Parameters
    ----------
    log_dir : str
        Folder of all fits.
    family : str
        What the folder of this fit is named after, with a number.
    folder : str, optional
        That of a fit that goes on.
    """

    def __init__(self, log_dir: str, family: str, folder: str | None = None):
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise ImportError(
                "log_dir needs TensorBoard: pip install 'isthmus[tensorboard]'"
            ) from None
        is_there = folder is not None and Path(folder).parent.resolve() == Path(log_dir).resolve()
        self.folder = folder if folder and is_there else str(_new_folder(Path(log_dir), family))
        self.writer: Any = SummaryWriter(self.folder)

    def add(self, stage: str, epoch: int, logs: Mapping[str, float], nets: nn.Module) -> None:
        """Write the values after an epoch, and histograms of all weights.

        Names of stages other than the fit proper stand before those of their values.
        """
        before = "" if stage == MAIN else f"{stage}/"
        for name, value in logs.items():
            self.writer.add_scalar(before + name, value, epoch)
        for name, weight in nets.named_parameters():
            self.writer.add_histogram(before + name, weight, epoch)

    def close(self) -> None:
        """Write what is left."""
        self.writer.close()


def _new_folder(parent: Path, name: str) -> Path:
    n = 1
    while True:
        folder = parent / f"{name}-{n}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            n += 1
        else:
            return folder
