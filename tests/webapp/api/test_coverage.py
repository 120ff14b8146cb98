"""Whatever can be done on the pages can be done by a program, or there is a reason why none needs to."""

import pytest
from flask import Flask

from tests.webapp.api.test_operations import OPERATIONS

SIGNING_IN = "A program signs in nowhere: it shows a token."
TYPED = "It asks for what a person types and no program holds: the password of now, or a code of their device."
BROWSER = "It is a matter of one browser; PATCH /me sets the same for all of them."

# Endpoint of a page that takes a POST: the operations that do the same.
OPERATION = {
    "account.change": "change_me",
    "account.change_look": "change_preferences",
    "account.create_token": "create_token",
    "account.end_sign_ins": "end_my_sign_ins",
    "account.revoke_token": "revoke_my_token",
    "audit.verify": "verify_log",
    "batches.decide": "decide_findings",
    "batches.preview": "preview_decisions",
    "blind.answer": "answer_blind_item",
    "case_files.create": "make_case_file",
    "case_files.preview": "preview_case_file",
    "desk.claim": "claim_listing take_over_listing",
    "desk.release": "release_listing",
    "desk.skip": "skip_finding",
    "hosts.allow": "allow_host",
    "hosts.stop": "stop_host",
    "holds.place": "place_hold",
    "holds.release": "release_hold",
    "looks.change": "change_preferences",
    "models.put_first": "put_model_first",
    "models.start": "start_job",
    "models.train": "train_model",
    "photos.reveal": "reveal_photo",
    "quality.appeal": "appeal_finding",
    "quality.close": "close_recall_audit",
    "quality.set_policy": "set_policy",
    "quality.settle": "settle_case",
    "quality.start": "start_recall_audit",
    "report_schedules.change": "change_report_schedule",
    "report_schedules.create": "create_report_schedule",
    "report_schedules.delete": "delete_report_schedule",
    "report_schedules.deliver_again": "deliver_again",
    "report_schedules.pause": "pause_report_schedule",
    "report_schedules.resume": "resume_report_schedule",
    "report_schedules.run": "run_report_schedule",
    "report_schedules.send_test_mail": "send_test_mail",
    "reports.build": "build_report",
    "reports.correct": "build_report",
    "reports.write": "write_report",
    "retention.change": "preview_purge set_retention_policy",
    "review.decide": "decide_finding",
    "review.revise": "revise_decision",
    "review.undo": "undo_decisions",
    "rules.change": "preview_thresholds propose_thresholds",
    "rules.restore": "preview_thresholds propose_restoring",
    "saved_filters.choose_default": "choose_default_filter",
    "saved_filters.create": "save_filter",
    "saved_filters.delete": "delete_filter",
    "saved_filters.rename": "rename_filter",
    "scans.cancel": "cancel_scan",
    "scans.pause": "pause_scan",
    "scans.resume": "resume_scan",
    "scans.start": "start_scan",
    "schedules.change": "change_schedule",
    "schedules.create": "create_schedule",
    "schedules.delete": "delete_schedule",
    "schedules.pause": "pause_schedule",
    "schedules.resume": "resume_schedule",
    "shadow_runs.promote": "promote_shadow_run",
    "shadow_runs.reject": "reject_shadow_run",
    "sources.change": "change_source",
    "sources.create": "create_source",
    "sources.delete": "delete_source",
    "team.change": "change_team",
    "trials.try_all": "try_models",
    "trials.try_one": "try_model",
    "users.change_access": "change_access",
    "users.change_identity": "change_identity",
    "users.create": "create_user",
    "users.end_sign_ins": "end_sign_ins",
    "users.reset_factor": "reset_second_factor",
    "users.reset_password": "set_password",
    "users.revoke_token": "revoke_token",
    "webhooks.change": "change_webhook",
    "webhooks.create": "create_webhook",
    "webhooks.ping": "ping_webhook",
    "webhooks.remove": "delete_webhook",
    "webhooks.send_again": "send_message_again",
}
# Those that no program has a need of, and why.
REASON = {
    "account.change_password": TYPED,
    "account.end_sign_in": "It is a matter of one browser; POST /me/sign-ins/end ends all of them.",
    "account.renew_codes": TYPED,
    "account.switch_factor_off": TYPED,
    "account.switch_factor_on": TYPED,
    "languages.change_language": BROWSER,
    "languages.change_theme": BROWSER,
    "sessions.second_step": SIGNING_IN,
    "sessions.sign_in": SIGNING_IN,
    "sessions.sign_out": SIGNING_IN,
    "sessions.sign_in_by_link": SIGNING_IN,
}


@pytest.fixture
def posts(app: Flask) -> set[str]:
    """Endpoints of the pages that take a POST."""
    rules = [rule for rule in app.url_map.iter_rules() if "POST" in rule.methods]
    return {rule.endpoint for rule in rules if not rule.endpoint.startswith("api.")}


def test_every_deed_of_the_pages_has_an_operation_or_a_reason(posts: set[str]) -> None:
    assert posts - OPERATION.keys() - REASON.keys() == set(), "name its operation, or say why a program needs none"


def test_the_table_names_nothing_that_there_is_not(posts: set[str]) -> None:
    assert OPERATION.keys() | REASON.keys() == posts
    assert not OPERATION.keys() & REASON.keys()
    named = {name for names in OPERATION.values() for name in names.split()}
    assert named <= {operation.name for operation in OPERATIONS}
