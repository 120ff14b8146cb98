"""What machines and crawls can do in a day, as measured."""

from flask import Blueprint, render_template, request

from webapp.extensions import app_settings, db_session
from webapp.forms.capacity import WhatIfForm
from webapp.models import Role
from webapp.services import capacity, stages
from webapp.views.access import requires

pages = Blueprint("capacity", __name__)


@pages.get("/capacity")
@requires(Role.VIEWER)
def show() -> str | tuple[str, int]:
    measured = capacity.measure(db_session(), app_settings())
    form = WhatIfForm(request.args)
    form.offer(measured.crawls)
    is_right = form.validate()
    wanted = form.wanted if is_right else capacity.Wanted()
    page = render_template(
        "capacity/show.html",
        capacity=measured,
        form=form,
        days=capacity.DAYS,
        stage_words=stages.STAGE_WORDS,
        is_asked=wanted.is_asked,
        answer=capacity.what_if(measured, wanted) if wanted.is_asked else None,
    )
    return page if is_right else (page, 422)
