"""The pages: a view finds, calls one service, answers."""

from flask import Flask

from webapp.views import (
    access,
    account,
    audit,
    batches,
    blind,
    case_files,
    desk,
    errors,
    health,
    hosts,
    jobs,
    languages,
    lexicon,
    looks,
    metrics,
    models,
    openid,
    overview,
    photos,
    quality,
    removals,
    report_schedules,
    reports,
    review,
    rules,
    saved_filters,
    scans,
    schedules,
    sessions,
    shadow_runs,
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
    batches,
    saved_filters,
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
    shadow_runs,
    lexicon,
    models,
    jobs,
    trials,
    reports,
    report_schedules,
    case_files,
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
