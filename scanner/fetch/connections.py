"""Connections that are checked when they are made: the address that was judged is the address that is asked."""

import socket
import ssl
from collections.abc import Callable, Collection, Iterable
from typing import Any

import httpcore2
import httpx2

from scanner.fetch.addresses import check_addresses
from scanner.fetch.deadlines import clip

Resolver = Callable[[str, int], list[str]]


def resolve(host: str, port: int) -> list[str]:
    """Every address of `host`, in the order that the system prefers. Raises OSError where there is none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class CheckedTransport(httpx2.HTTPTransport):
    """httpx2's own transport on a pool whose connections go through CheckedBackend."""

    def __init__(self, allowed: Collection[str], resolver: Resolver, verify: ssl.SSLContext | bool = True) -> None:
        context = httpx2.create_ssl_context(verify=verify, trust_env=False)
        super().__init__(verify=context, trust_env=False)
        # No public way leads from httpx2 to its pool; test_connections fails if the name ever moves.
        self._pool = httpcore2.ConnectionPool(
            ssl_context=context,
            max_connections=20,
            max_keepalive_connections=10,
            keepalive_expiry=15,
            network_backend=CheckedBackend(allowed, resolver),
        )


class CheckedBackend(httpcore2.NetworkBackend):
    """Resolves a name once, checks all its addresses, and connects to one of just those."""

    def __init__(self, allowed: Collection[str], resolver: Resolver) -> None:
        self._allowed = allowed
        self._resolver = resolver
        self._network = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        addresses = self._resolve(host, port)
        check_addresses(host, port, addresses, self._allowed)
        failure: Exception = httpcore2.ConnectError(f"{host} has no address")
        for address in addresses:
            try:
                stream = self._network.connect_tcp(address, port, _left(timeout), local_address, socket_options)
                return DeadlineStream(stream)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure

    def _resolve(self, host: str, port: int) -> list[str]:
        try:
            return self._resolver(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError(f"the name {host} was not found") from error


class DeadlineStream(httpcore2.NetworkStream):
    """A stream of which no single step outlasts the deadline."""

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return DeadlineStream(self._stream.start_tls(ssl_context, server_hostname, _left(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(timeout_s: float | None) -> float | None:
    left = clip(timeout_s)
    if left is not None and left <= 0:
        raise httpcore2.ReadTimeout("the deadline has passed")
    return left
