"""VGG-19 (Simonyan and Zisserman, 2014, arXiv:1409.1556)."""

from paddle import nn

from scanner.zoo.networks.blocks import make_convolution, make_dropout

STAGES_19 = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))  # width, convolutions
HIDDEN = 4096
DROPOUT = 0.5
FEATURE_SIDE = 7


def make_vgg19(classes: int) -> nn.Sequential:
    stages = []
    inside = 3
    for number, (width, count) in enumerate(STAGES_19, 1):
        stages.append((f"conv_block_{number}", _make_stage(inside, width, count)))
        inside = width
    return nn.Sequential(*stages, ("flatten", nn.Flatten()), *_make_head(inside * FEATURE_SIDE**2, classes))


def _make_stage(inside: int, width: int, count: int) -> nn.Sequential:
    """The published convolutions carry no bias, unlike the paper's."""
    layers: list[tuple[str, nn.Layer]] = []
    for number in range(1, count + 1):
        layers.append((f"conv{number}", make_convolution(inside if number == 1 else width, width, 3)))
        layers.append((f"relu{number}", nn.ReLU()))
    return nn.Sequential(*layers, ("max_pool", nn.MaxPool2D(2, stride=2)))


def _make_head(inside: int, classes: int) -> list[tuple[str, nn.Layer]]:
    return [
        ("fc1", nn.Linear(inside, HIDDEN)),
        ("relu1", nn.ReLU()),
        ("dropout1", make_dropout(DROPOUT)),
        ("fc2", nn.Linear(HIDDEN, HIDDEN)),
        ("relu2", nn.ReLU()),
        ("dropout2", make_dropout(DROPOUT)),
        ("fc3", nn.Linear(HIDDEN, classes)),
    ]
