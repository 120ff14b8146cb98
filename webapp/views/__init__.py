"""The pages: a view finds, calls one service, answers."""

from flask import Flask

from webapp.views import (
    access,
    account,
    audit,
    blind,
    desk,
    errors,
    health,
    hosts,
    jobs,
    languages,
    looks,
    metrics,
    models,
    openid,
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
    team,
    trials,
    users,
    webhooks,
)

ROOMS = (
    sessions,
    languages,
    openid,
    account,
    overview,
    review,
    blind,
    quality,
    desk,
    looks,
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
