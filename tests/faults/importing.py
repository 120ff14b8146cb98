"""Changing a module of the product in the moment in which it is imported, in a process that a test starts."""

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

Change = Callable[[ModuleType], None]
_changes: dict[str, list[Change]] = {}


def on_import(name: str, change: Change) -> None:
    """Call `change` once the module of that name was imported. Raises RuntimeError where it is too late for that."""
    if name in sys.modules:
        raise RuntimeError(f"{name} is imported already")
    if not _changes:
        sys.meta_path.insert(0, Finder())
    _changes.setdefault(name, []).append(change)


class Finder(importlib.abc.MetaPathFinder):
    """Finds what the others find."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name not in _changes:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = Loader(spec.loader)
        return spec


class Loader(importlib.abc.Loader):
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        made: ModuleType | None = self._inner.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        self._inner.exec_module(module)
        for change in _changes[module.__name__]:
            change(module)
