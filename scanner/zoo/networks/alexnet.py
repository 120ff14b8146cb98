"""AlexNet, as Paddle's own vision library has it: the published parameters carry its very names."""

from paddle import nn
from paddle.vision import models


def make_alexnet(classes: int) -> nn.Layer:
    return models.alexnet(num_classes=classes)
