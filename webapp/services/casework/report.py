"""The findings of a case as pages to read, made as a report of these alone."""

import json
import logging
from collections.abc import Iterator
from typing import Any

from sqlalchemy import func, select

from webapp.exporters import FORMATS
from webapp.exporters.content import Choices, Content, Means
from webapp.language import ENGLISH, say, speaking
from webapp.models import FindingRow, PictureChoice
from webapp.services import freezing
from webapp.services.casework.evidence import Findings
from webapp.services.casework.parts import Gathering
from webapp.services.freezing import Wanted
from webapp.services.report_files import missing_words
from webapp.services.report_pictures import Pictures

logger = logging.getLogger(__name__)

MOST_FINDINGS = 500


def copy_report(gathering: Gathering, findings: Findings) -> bool:
    """The findings as pages to read; whether they are there. A case without them is one all the same."""
    exporter, case = FORMATS.get("pdf"), gathering.case
    if exporter is None:
        gathering.notices.append(say("The report's pages are left out: this Tuskline can't write PDF."))
        return False
    if len(case.finding_ids) > MOST_FINDINGS:
        sentence = say("The report's pages are left out: there are more than %(most)s findings.", most=MOST_FINDINGS)
        gathering.notices.append(sentence)
        return False
    gathering.tell("writing the report's pages", 0, None)
    content, sha256 = report_content(gathering, findings)
    pictures = Pictures(gathering.place, PictureChoice.PLAIN)
    means = Means(pictures.find)
    path = gathering.folder / "report.pdf"
    try:
        with path.open("wb") as file:
            exporter.write(content, Choices(pictures="plain", sha256=sha256), means, file)
    except Exception:
        logger.exception("case %d has no report pages", case.id)
        gathering.notices.append(say("The report's pages could not be written; the log of the worker says why."))
        return False
    gathering.notices += [*means.notices, *missing_words(pictures.missing)]
    with path.open("rb") as file:
        gathering.packing.add_file("report.pdf", exporter.media_type, "the findings as a report", file)
    return True


def report_content(gathering: Gathering, findings: Findings) -> tuple[Content, str]:
    """As a report of these findings alone would freeze them, and its SHA-256."""
    session, case = gathering.session, gathering.case
    first = session.scalar(select(func.min(FindingRow.found_at)).where(FindingRow.id.in_(case.finding_ids)))
    wanted = Wanted(first or case.made_at, case.made_at, case.title)
    with speaking(ENGLISH):
        head = freezing.head_of(session, gathering.settings, wanted, case.made_by, case.made_at, findings.tally)
    lines = gathering.folder / "report-findings.jsonl"
    with lines.open("wb") as file:
        file.writelines(map(freezing.as_line, findings.spool.rows()))
    frozen = freezing.put_together(gathering.folder / "report.jsonl.done", head, lines, len(case.finding_ids))

    def each() -> Iterator[dict[str, Any]]:
        with frozen.path.open("rb") as file:
            file.readline()
            yield from map(json.loads, file)

    return Content(head, each), frozen.sha256
