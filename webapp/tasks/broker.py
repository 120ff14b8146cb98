"""Whether the broker answers."""

from kombu.connection import Connection
from kombu.exceptions import KombuError

from webapp.settings import Settings
from webapp.tasks import options

PATIENCE_S = 2.0


class BrokerError(OSError):
    """It does not answer; the end of a sentence, without the password of the address."""


def ask_broker(settings: Settings, patience_s: float = PATIENCE_S) -> str:
    """The broker's address without its password. Raises BrokerError where it does not answer within `patience_s`."""
    limits = {"socket_connect_timeout": patience_s, "socket_timeout": patience_s}
    address = options(settings)["broker_url"]
    try:
        with Connection(address, connect_timeout=patience_s, transport_options=limits) as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=patience_s)
            return str(connection.as_uri())
    except (OSError, KombuError) as error:
        raise BrokerError(f"does not answer ({error or type(error).__name__})") from error
