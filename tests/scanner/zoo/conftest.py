"""Fixtures for where models come from."""

from collections.abc import Iterator

import pytest

from tests.scanner.zoo.file_server import FileServer, run_file_server


@pytest.fixture
def server() -> Iterator[FileServer]:
    """Files at 127.0.0.1, as the test puts them."""
    with run_file_server() as running:
        yield running
