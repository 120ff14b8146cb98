"""DenseNet-161, as Paddle's own vision library has it: the published parameters carry its very names."""

from paddle import nn
from paddle.vision import models


def make_densenet161(classes: int) -> nn.Layer:
    return models.densenet161(num_classes=classes)
