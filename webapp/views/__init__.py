"""The pages: a view finds, calls one service, answers."""

from flask import Flask

from webapp.views import (
    access,
    audit,
    blind,
    errors,
    health,
    hosts,
    jobs,
    languages,
    metrics,
    models,
    overview,
    photos,
    quality,
    removals,
    reports,
    review,
    rules,
    scans,
    schedules,
    sessions,
    sources,
    trials,
    users,
    webhooks,
)

ROOMS = (
    sessions,
    languages,
    overview,
    review,
    blind,
    quality,
    sources,
    schedules,
    hosts,
    scans,
    removals,
    rules,
    models,
    jobs,
    trials,
    reports,
    audit,
    users,
    webhooks,
    photos,
    health,
    metrics,
)


def init_app(app: Flask) -> None:
    access.init_app(app)
    errors.init_app(app)
    for room in ROOMS:
        app.register_blueprint(room.pages)
