import pytest
from sqlalchemy.orm import Session

from rules.cascade import Cascade
from scanner.zoo.catalogue import CATALOGUE, DEFAULT, PRIMARY
from tests.factories import make_job, make_user
from tests.webapp.services.zoo import place_model
from webapp.models import AuditEntry, JobKind, JobState
from webapp.services import models
from webapp.services.errors import NotFound, Refused
from webapp.services.models import Zoo
from webapp.settings import Settings

POLICY = Cascade(primary=PRIMARY, fallbacks=(DEFAULT, "efficientnet_lite0_imagenet"))


def zoo(session: Session, settings: Settings) -> Zoo:
    return models.view_zoo(session, settings.models_dir, POLICY)


def test_with_nothing_installed_the_catalogue_is_shown_and_what_to_do(session: Session, settings: Settings) -> None:
    found = zoo(session, settings)
    assert [model.name for model in found.absent] == list(CATALOGUE)
    assert (found.installed, found.first, found.primary, found.primary_absent) == ([], None, PRIMARY, True)
    assert found.notice is not None and found.notice.startswith("No model is installed")


def test_installed_models_stand_in_the_order_in_which_they_are_asked(session: Session, settings: Settings) -> None:
    for name in ("efficientnet_lite0_imagenet", DEFAULT, "alexnet_imagenet"):
        place_model(settings.models_dir, name)
    place_model(settings.models_dir, "our_head", own=True)
    found = zoo(session, settings)
    assert [(model.name, model.rank) for model in found.installed] == [
        (DEFAULT, 1),
        ("efficientnet_lite0_imagenet", 2),
        ("alexnet_imagenet", None),
        ("our_head", None),
    ]
    assert found.first is not None and found.first.name == DEFAULT
    assert found.notice is not None and PRIMARY in found.notice


def test_a_card_that_can_t_be_read_is_told_and_hides_no_other_model(session: Session, settings: Settings) -> None:
    place_model(settings.models_dir)
    broken = settings.models_dir / "alexnet_imagenet"
    broken.mkdir()
    (broken / "card.json").write_text("{")
    found = zoo(session, settings)
    fault = models.find(found, "alexnet_imagenet").fault
    assert fault is not None and "install the model again" in fault
    assert models.find(found, DEFAULT).is_whole


def test_what_runs_on_a_model_and_its_newest_speed_stand_beside_it(session: Session, settings: Settings) -> None:
    model = place_model(settings.models_dir)
    for speed, digest in [(11.0, "an older version"), (12.5, model.digest)]:
        make_job(session, JobKind.MEASURE, result={"pictures_a_second": speed, "digest": digest})
    make_job(session, JobKind.MEASURE, result={"pictures_a_second": 99.0, "digest": "a newer version"})
    running = make_job(session, state=JobState.RUNNING)
    view = models.find(zoo(session, settings), DEFAULT)
    assert view.speed is not None and view.speed["pictures_a_second"] == 12.5
    assert view.job is running


def test_another_model_is_put_first_and_the_pack_s_own_ends_that(session: Session, settings: Settings) -> None:
    place_model(settings.models_dir)
    place_model(settings.models_dir, PRIMARY)
    place_model(settings.models_dir, "our_head", own=True)
    admin = make_user(session, "ann")
    models.make_primary(session, settings.models_dir, POLICY, "our_head", admin)
    assert zoo(session, settings).primary == "our_head"
    assert zoo(session, settings).first.name == "our_head"  # type: ignore[union-attr]
    models.make_primary(session, settings.models_dir, POLICY, PRIMARY, admin)
    assert zoo(session, settings).first.name == PRIMARY  # type: ignore[union-attr]
    changes = [(entry.subject, entry.facts) for entry in session.query(AuditEntry).order_by(AuditEntry.id)]
    assert changes == [
        ("model:our_head", {"before": PRIMARY, "after": "our_head"}),
        (f"model:{PRIMARY}", {"before": "our_head", "after": PRIMARY}),
    ]


def test_a_model_that_is_absent_can_not_be_put_first(session: Session, settings: Settings) -> None:
    with pytest.raises(Refused, match="not installed"):
        models.make_primary(session, settings.models_dir, POLICY, "alexnet_imagenet", make_user(session))
    assert session.query(AuditEntry).count() == 0


def test_unknown_models_are_not_found(session: Session, settings: Settings) -> None:
    with pytest.raises(NotFound, match="no model nothing"):
        models.find(zoo(session, settings), "nothing")


def test_labels_stand_under_the_concept_and_the_look_alike_that_they_mean(session: Session, settings: Settings) -> None:
    place_model(settings.models_dir)
    labels = models.labels_by_concept(models.find(zoo(session, settings), DEFAULT))
    assert labels["elephant"] == ["label 101", "label 385", "label 386"]
    assert labels["armadillo"] == ["label 363"]


def test_a_lost_label_list_costs_the_labels_and_not_the_page(session: Session, settings: Settings) -> None:
    (place_model(settings.models_dir).folder / "label_list.txt").unlink()
    assert models.labels_by_concept(models.find(zoo(session, settings), DEFAULT)) == {}


def test_the_ways_of_an_install_are_told_beforehand(
    session: Session, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_HOME", str(settings.home / "hub"))
    found = zoo(session, settings)
    assert models.ways_to(models.find(found, DEFAULT)) == ["paddlelabel-ml==1.0.0 of the Python package index"]
    assert len(models.ways_to(models.find(found, PRIMARY))) == 2, "the hub's server, then the address"
