"""GoogLeNet, as Paddle's own vision library has it: the published parameters carry its very names."""

from typing import Any

from paddle import nn
from paddle.vision import models

from scanner.zoo.networks import NETWORKS


class GoogLeNet(models.GoogLeNet):
    """Three outputs: the main one, then the two auxiliary ones that helped training.

    The hub's file has no auxiliary parameters, so a state dict without them loads too; they keep what they had.
    """

    def set_state_dict(self, state_dict: dict[str, Any], use_structured_name: bool = True) -> Any:
        optional = NETWORKS["googlenet_imagenet"].optional
        kept = {name: value for name, value in self.state_dict().items() if name.startswith(optional)}
        return super().set_state_dict(kept | state_dict, use_structured_name)


def make_googlenet(classes: int) -> nn.Layer:
    return GoogLeNet(num_classes=classes)
