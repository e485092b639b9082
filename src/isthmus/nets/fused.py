"""Loss and gradients of a chain of dense layers in one step.

For small networks most of a training step is bookkeeping: a node of the graph and two calls for
every operation. A chain needs none of it: its gradients are the same products in reverse order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn
from torch.nn import functional

from isthmus.tensors import is_plain

aten = torch.ops.aten

Pair = tuple[torch.Tensor, torch.Tensor]

BACKWARD: dict[type, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    nn.ReLU: lambda g, y: aten.threshold_backward(g, y, 0),
    nn.LeakyReLU: lambda g, y: aten.leaky_relu_backward(g, y, 0.2, True),
    nn.Tanh: aten.tanh_backward,
    nn.Sigmoid: aten.sigmoid_backward,
    nn.Softmax: lambda g, y: aten._softmax_backward_data(g, y, -1, y.dtype),
}
"""Gradient before an activation, from the gradient after it and what it returned."""
HANDLED = {nn.Linear, *BACKWARD}


def _squared(a: torch.Tensor, x: torch.Tensor, output: str) -> Pair:
    y = OUTPUTS[output](a)
    difference = y - x
    flat = difference.view(-1)
    loss = torch.dot(flat, flat) / len(flat)
    return loss, _through(output, difference.mul_(2 / len(flat)), y)


def _absolute(a: torch.Tensor, x: torch.Tensor, output: str) -> Pair:
    y = OUTPUTS[output](a)
    difference = y - x
    loss = difference.abs().mean()
    return loss, _through(output, difference.sign_().div_(difference.numel()), y)


def _cross_entropy(a: torch.Tensor, x: torch.Tensor, output: str) -> Pair:
    # from the logits: no logarithm of a rounded zero
    loss = functional.binary_cross_entropy_with_logits(a, x)
    return loss, torch.sigmoid(a).sub_(x).div_(x.numel())


def _through(output: str, gradient: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    backward = {"sigmoid": aten.sigmoid_backward, "tanh": aten.tanh_backward}.get(output)
    return backward(gradient, y) if backward else gradient


OUTPUTS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "linear": nn.Identity(),
}
"""Last activation of a decoder by name: values in [0, 1], in [-1, 1], or any."""
INVERSES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "sigmoid": lambda y: torch.logit(y, 0.01),
    "tanh": lambda y: torch.atanh(y.clamp(-0.99, 0.99)),
    "linear": nn.Identity(),
}
"""What a last layer has to return for a value, short of the ends that no number reaches."""
LOSSES: dict[str, Callable[..., Pair]] = {
    "mse": _squared,
    "mae": _absolute,
    "bce": _cross_entropy,
}
"""Reconstruction losses by name, each the mean over images and pixels, and its gradient with
respect to what the last layer returns before its activation."""


def chain_loss(
    layers: Sequence[nn.Module], x: torch.Tensor, target: torch.Tensor, output: str, loss: str
) -> tuple[torch.Tensor, bool]:
    """Return the loss of a chain of layers, and whether its gradients are in the weights already.

    Without gradients (while validating), in mixed precision, where not all layers are dense or
    fast paths are switched off, the loss is computed by torch's graph, and has to be asked for
    its gradients as usual.

    Parameters
    ----------
    layers : sequence of layers and activations
        The chain, without its last activation.
    x, target : tensors of shape (n, d)
        What goes in, and what should come out.
    output, loss : str
        Names in `OUTPUTS` and `LOSSES`.

    Examples
    --------
    >>> layers = [nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 3)]
    >>> x = torch.rand(5, 3)
    >>> loss, fused = chain_loss(layers, x, x, "sigmoid", "mse")
    >>> _ = fused or loss.backward()
    >>> layers[0].weight.grad.shape
    torch.Size([2, 3])
    """
    by_hand = torch.is_grad_enabled() and not torch.is_autocast_enabled(x.device.type)
    if not by_hand or is_plain() or any(type(layer) not in HANDLED for layer in layers):
        return _by_graph(nn.Sequential(*layers)(x).float(), target, output, loss), False
    with torch.no_grad():
        return _by_hand(layers, x, target, output, loss), True


def _by_graph(y: torch.Tensor, x: torch.Tensor, output: str, loss: str) -> torch.Tensor:
    if loss == "bce":
        return functional.binary_cross_entropy_with_logits(y, x)
    measure = {"mse": functional.mse_loss, "mae": functional.l1_loss}[loss]
    return measure(OUTPUTS[output](y), x)


def _by_hand(
    layers: Sequence[nn.Module], x: torch.Tensor, target: torch.Tensor, output: str, loss: str
) -> torch.Tensor:
    seen = [x]
    for layer in layers:
        if isinstance(layer, nn.Linear):
            seen.append(torch.addmm(layer.bias, seen[-1], layer.weight.T))
        else:
            seen.append(layer(seen[-1]))
    value, gradient = LOSSES[loss](seen[-1], target, output)
    for layer, before, after in zip(layers[::-1], seen[-2::-1], seen[:0:-1], strict=True):
        if isinstance(layer, nn.Linear):
            layer.weight.grad, layer.bias.grad = gradient.T @ before, gradient.sum(0)
            if before is not x:
                gradient = gradient @ layer.weight
        else:
            gradient = BACKWARD[type(layer)](gradient, after)
    return value
