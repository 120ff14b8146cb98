"""Stores of every kind, each empty: a folder, and S3 as a server on loopback speaks it."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import boto3
import pytest
from moto.server import ThreadedMotoServer

from webapp.settings import Settings
from webapp.storage import RemoteStore, Store, open_store


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3_url(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bucket of its own and a prefix in it; the variables are those that an operator sets."""
    for name, value in (
        ("AWS_ENDPOINT_URL", s3_server),
        ("AWS_ACCESS_KEY_ID", "a test"),
        ("AWS_SECRET_ACCESS_KEY", "a test"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ):
        monkeypatch.setenv(name, value)
    bucket = f"bucket-{uuid4().hex}"
    client = boto3.client("s3")
    client.create_bucket(Bucket=bucket)
    client.close()
    return f"s3://{bucket}/tuskline"


@pytest.fixture
def remote(s3_url: str, tmp_path: Path) -> RemoteStore:
    place = open_store(Settings(home=tmp_path / "home", store_url=s3_url))
    assert isinstance(place, RemoteStore)
    return place


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "s3":
        store: Store = request.getfixturevalue("remote")
        return store
    return open_store(Settings(home=tmp_path / "home", store_url=str(tmp_path / "shared")))
