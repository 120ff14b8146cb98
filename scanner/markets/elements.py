"""XML that a stranger wrote: mended where it is broken, nothing in it looked up or unfolded."""

from typing import Any

from lxml import etree


def read_root(body: bytes) -> Any:
    """The root of as much of it as can be read, None where nothing can."""
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        return etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None


def name_of(node: Any) -> tuple[str, str]:
    """(namespace, name) of an element; both empty for a comment and the like.

    etree.QName would raise for names that no XML may have, and mending broken XML makes such.
    """
    if not isinstance(node.tag, str):
        return "", ""
    namespace, _, name = node.tag.rpartition("}")
    return namespace.removeprefix("{"), name
