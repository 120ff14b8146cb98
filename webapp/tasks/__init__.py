"""The queue. A message is a hint that may be lost or come twice: the database says what is to be done."""

from typing import Any

from celery import Celery

from webapp.settings import Settings
from webapp.tasks.disk_queue import address_of, register

RECONCILE_S = 15.0

register()


class TaskQueue(Celery):  # type: ignore[misc]
    """The Celery app with the settings of this process; read from the environment when first used."""

    _settings: Settings | None = None

    @property
    def settings(self) -> Settings:
        if self._settings is None:
            self._settings = Settings()
        return self._settings

    def use(self, settings: Settings) -> None:
        """Take `settings` from now on: another home, another broker."""
        self._settings = settings
        self.conf.update(options(settings))
        # Connections to the broker of before would be used on.
        self._pool = None
        self.__dict__.pop("amqp", None)


def options(settings: Settings) -> dict[str, Any]:
    return {
        "broker_url": settings.broker_url or address_of(settings.queue_dir),
        "accept_content": ["json"],
        "task_serializer": "json",
        "result_serializer": "json",
        "task_ignore_result": True,
        "task_acks_late": True,
        "worker_prefetch_multiplier": 1,
        "worker_hijack_root_logger": False,
        "worker_enable_remote_control": False,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "broker_connection_retry_on_startup": True,
        "timezone": "UTC",
        "enable_utc": True,
        "beat_scheduler": "celery.beat:Scheduler",
        "beat_schedule": {
            # Expires: a tick that nobody took in time is of no use, the next one is on its way.
            name: {"task": name, "schedule": RECONCILE_S, "options": {"expires": RECONCILE_S}}
            for name in ("scans.reconcile", "jobs.reconcile", "rules.apply_pack")
        },
    }


app = TaskQueue(
    "tuskline",
    include=["webapp.tasks.heartbeats", "webapp.tasks.models", "webapp.tasks.rules", "webapp.tasks.scans"],
    set_as_current=True,
)
app.add_defaults(lambda: options(app.settings))
