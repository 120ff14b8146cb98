"""Models: what there is, what is installed, and what they say of a picture."""

from scanner.zoo.networks import build_network

__all__ = ["build_network"]
