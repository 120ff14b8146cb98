"""In which order the sources of a model are asked."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from scanner.zoo.fetching.transfers import public_url
from scanner.zoo.options import InstallOptions
from scanner.zoo.sources.addresses import fetch_address, published_address
from scanner.zoo.sources.errand import Delivery, Errand
from scanner.zoo.sources.heads import fetch_head
from scanner.zoo.sources.hub import fetch_from_hub, left_by_hub
from scanner.zoo.sources.npm import fetch_npm
from scanner.zoo.sources.origins import fetch_origin
from scanner.zoo.sources.wheels import fetch_wheel
from scanner.zoo.spec import AddressSource, HeadSource, HubSource, ModelSpec, NpmSource, Source, WheelSource


@dataclass(frozen=True, slots=True)
class Way:
    """words: the source, as people are told of it; fetch: brings its files."""

    words: str
    fetch: Callable[[Errand], Delivery]


def ways_to(name: str, spec: ModelSpec | None, origin: str | None, options: InstallOptions) -> Iterator[Way]:
    """What the user gave, and nothing else; without it what `hub install` left, then the catalogue's sources."""
    if origin is not None:
        words = public_url(origin) if "://" in origin else origin
        yield Way(words, lambda errand: fetch_origin(origin, errand))
        return
    left = left_by_hub(name)
    if left is not None:
        yield Way(f"PaddleHub's {left}", lambda _: Delivery(left, f"PaddleHub's {left}"))
    for source in spec.sources if spec else ():
        yield _way_to(source, options)


def _way_to(source: Source, options: InstallOptions) -> Way:
    match source:
        case WheelSource():
            return Way(f"{source.requirement} of the Python package index", lambda errand: fetch_wheel(source, errand))
        case HubSource():
            words = f"PaddleHub's server {public_url(options.hub_server)}"
            return Way(words, lambda errand: fetch_from_hub(source, errand))
        case AddressSource():
            address = published_address(source, options.mirror)
            return Way(public_url(address.url), lambda errand: fetch_address(address, errand))
        case NpmSource():
            words = f"{source.package} {source.version} of the npm registry"
            return Way(words, lambda errand: fetch_npm(source, errand))
        case HeadSource():
            return Way("the head that Tuskline ships", lambda errand: fetch_head(source, errand))
