"""Training by gradients: one loop for all families; stages, limits, checkpoints, callbacks."""

from isthmus.training.callbacks import FitState
from isthmus.training.loop import Loop
from isthmus.training.optimizers import OPTIMISERS, optimizer
from isthmus.training.stages import Fused, Stage, Step

__all__ = ["OPTIMISERS", "FitState", "Fused", "Loop", "Stage", "Step", "optimizer"]
