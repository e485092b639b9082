"""Modules of the user's in place of the networks that a family would build."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

from isthmus.data.images import Images
from isthmus.nets.own import OwnDecoder, OwnEncoder, numbers_in
from isthmus.tensors import chance_of, generator

if TYPE_CHECKING:  # what it is mixed into
    from isthmus.neural import NeuralRepresentation as Base
else:
    Base = object

ENDS = nn.Sigmoid, nn.Tanh
"""Last layers that the family's own last activation would come after."""


class TakesModules(Base):
    """Mixin of a family that takes modules as `encoder` and, where it decodes, as `decoder`.

    A copy of a module learns, from the weights that it has: `init` and `random_state` are not
    asked. How wide the code is follows from what it makes of two images.
    """

    decoding = "decoder"  # parameter that a decoder is given as
    numbers_each = 1  # that an encoder makes for every latent dimension

    def _own_encoder(self, name: str = "encoder") -> nn.Sequential | None:
        """Return the user's module as a network from flat images, None where there is none."""
        module = getattr(self, name)
        if not isinstance(module, nn.Module):
            return None
        return nn.Sequential(OwnEncoder(name, module, self.image_shape_))

    def _own_decoder(self) -> nn.Sequential | None:
        """Return the user's module as a network to flat images, None where there is none."""
        module = getattr(self, self.decoding, None)
        if not isinstance(module, nn.Module):
            return None
        width = getattr(self, f"{self.width}_")
        own = OwnDecoder(self.decoding, module, self.image_shape_, width)
        if own.shapes and isinstance(own.shapes[-1][0], ENDS):
            last = type(own.shapes[-1][0]).__name__
            raise ValueError(
                f"{own.what} ends in {last}, and the last activation that output= says comes "
                "after it: leave it out"
            )
        return nn.Sequential(own)

    def _learn_width(self, images: Images) -> None:
        with chance_of(generator(0)):
            found = self._width_of_own()
        asked = getattr(self, self.width)
        if found is None:
            return super()._learn_width(images)
        if asked not in (None, found):
            raise ValueError(
                f"{self.width}={asked}, but the module given is for codes of {found} numbers: "
                f"leave {self.width} out"
            )
        return setattr(self, f"{self.width}_", found)

    def _width_of_own(self) -> int | None:
        """Return how wide the code of the user's modules is, None where ours decide."""
        self._check_modules()
        if (net := self._own_encoder()) is not None:
            own: Any = net[0]
            each = self.numbers_each
            if own.width % each:
                raise ValueError(
                    f"{own.what} makes {own.width} numbers of an image: {type(self).__name__} "
                    f"needs {each} for every latent dimension"
                )
            return own.width // each
        module = getattr(self, self.decoding, None)
        if getattr(self, self.width) is not None or not isinstance(module, nn.Module):
            return None
        return numbers_in(module)

    def _check_modules(self) -> None:
        for name in ("encoder", "decoder"):
            value = getattr(self, name, None)
            if value is not None and not isinstance(value, nn.Module):
                raise TypeError(f"{name}={value!r} must be None or an instance of torch.nn.Module")

    def _modules(self) -> list[str]:
        """Return the names of the parameters that are modules."""
        parameters = self.get_params(deep=False)
        return [name for name, value in parameters.items() if isinstance(value, nn.Module)]

    def _unsuited(self) -> str:
        own = ", ".join(self._modules())
        begins = f"{own} begins with the weights that it has" if own else ""
        return begins or super()._unsuited()

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self._modules() and self.settings.get("pretrain_epochs"):
            raise ValueError(
                f"pretrain_epochs={self.pretrain_epochs} is for networks of ours, layer by layer: "
                f"leave it out with {self._modules()[0]}="
            )

    def _check_units(self, *names: str) -> None:
        ours = (name for name in names if not isinstance(getattr(self, name), nn.Module))
        super()._check_units(*ours)

    def _own_judge(self) -> nn.Sequential | None:
        """Return the user's discriminator, None where there is none."""
        net = self._own_encoder("discriminator")
        if net is not None and net[0].width != 1:
            raise ValueError(
                f"{net[0].what} makes {net[0].width} numbers of an image: it must be one logit"
            )
        return net
