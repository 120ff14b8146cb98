"""The pages: a view finds, calls one service, answers."""

from flask import Flask

from webapp.views import (
    access,
    account,
    audit,
    errors,
    health,
    hosts,
    jobs,
    metrics,
    models,
    openid,
    overview,
    photos,
    removals,
    reports,
    review,
    rules,
    scans,
    schedules,
    sessions,
    sources,
    team,
    trials,
    users,
)

ROOMS = (
    sessions,
    openid,
    account,
    overview,
    review,
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
    team,
    photos,
    health,
    metrics,
)


def init_app(app: Flask) -> None:
    access.init_app(app)
    errors.init_app(app)
    for room in ROOMS:
        app.register_blueprint(room.pages)
