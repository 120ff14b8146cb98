"""The pages: a view finds, calls one service, answers."""

from flask import Flask

from webapp.views import (
    access,
    audit,
    errors,
    health,
    jobs,
    metrics,
    models,
    overview,
    photos,
    reports,
    review,
    rules,
    scans,
    sessions,
    trials,
    users,
)

ROOMS = (
    sessions,
    overview,
    review,
    scans,
    rules,
    models,
    jobs,
    trials,
    reports,
    audit,
    users,
    photos,
    health,
    metrics,
)


def init_app(app: Flask) -> None:
    access.init_app(app)
    errors.init_app(app)
    for room in ROOMS:
        app.register_blueprint(room.pages)
