"""The queue. A message is a hint that may be lost or come twice: the database says what is to be done."""

import time
from datetime import UTC, datetime
from typing import Any

from celery import Celery
from celery.schedules import schedule
from kombu.entity import Exchange, Queue

from webapp.settings import Settings
from webapp.tasks.disk_queue import address_of, register

LONGEST_TICK_S = 15.0  # and not longer than a lease: what a dead worker left is seen soon after its end
SCHEDULES_S = 5.0
SEALS_S = 60.0  # how long an entry of the audit log may stand without a seal
# A tick that nobody took for so long is of no use. Much longer than its pace: sender and taker read different clocks.
EXPIRES_S = 3600.0
UPKEEP = "upkeep"  # ticks: whatever else a worker serves, it serves these
QUEUES = ("crawl", "scan", "reports")
ROUTES = {
    "scans.run": "crawl",
    "pictures.score": "scan",
    "jobs.run": "scan",
    "jobs.write": "reports",
    "rules.apply_pack": "reports",
    "retention.purge": "reports",
    "reports.deliver": "reports",  # a large file over a slow line is not to hold up other ticks
    "audit.verify": "scan",  # these workers share the web's data folder, where the signing key lies
}
# Ticks: each looks into the database for what is due.
TICKS = ("scans.reconcile", "jobs.reconcile", "rules.apply_pack")
# Those with a pace of their own, in seconds.
PACED = {
    "schedules.fire": SCHEDULES_S,
    "reports.fire": 15.0,
    "reports.deliver": 5.0,
    "audit.seal": SEALS_S,
    "webhooks.deliver": 5.0,
    "webhooks.forget": 3600.0,
    # It works once a day; a clock that began anew every day would never come to a pace of days.
    "retention.purge": 3600.0,
}

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


def ticks(settings: Settings) -> dict[str, float]:
    """Seconds between two ticks, by task."""
    return dict.fromkeys(TICKS, max(1.0, min(LONGEST_TICK_S, settings.lease_s / 4))) | PACED


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
        "task_default_queue": UPKEEP,
        "task_queues": [Queue(name, Exchange(name), routing_key=name) for name in (*QUEUES, UPKEEP)],
        "task_routes": {task: {"queue": name, "routing_key": name} for task, name in ROUTES.items()},
        "beat_schedule": {
            name: {
                "task": name,
                "schedule": schedule(every_s, nowfun=steady_now),
                "options": {"expires": max(EXPIRES_S, every_s)},
            }
            for name, every_s in ticks(settings).items()
        },
    }


def steady_now() -> datetime:
    """The time for the pace of ticks: nobody sets it, so that a clock that is put back an hour costs no hour."""
    return datetime.fromtimestamp(time.monotonic(), UTC)


ROOMS = ("audit", "heartbeats", "jobs", "reports", "retention", "rules", "scans", "schedules", "webhooks")
app = TaskQueue("tuskline", include=[f"webapp.tasks.{room}" for room in ROOMS], set_as_current=True)
app.add_defaults(lambda: options(app.settings))
