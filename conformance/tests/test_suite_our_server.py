"""Our own server passes, on every event loop, with applications of both flavours."""

from __future__ import annotations

import pytest

from seaway.conformance.cases import all_cases
from seaway.conformance.face import Limits
from seaway.conformance.serving.profile import OFFERS, SETTINGS
from seaway.conformance.serving.target import ServerTarget
from seaway.conformance.suites import SERVER

COMMAND = "{python} -m seaway.reference serve {application} --host {host} --port {port}"
LIMITS = Limits(deadline=30.0)  # nobody waits for it who passes; a server that starts may need it on a busy machine
TARGET = ServerTarget.load(COMMAND, None)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("subject", TARGET.subjects, ids=lambda subject: subject.name)
def test_every_requirement_that_it_can_be_tested_for_is_met(subject: object) -> None:
    able = TARGET.offered(subject, LIMITS)  # type: ignore[arg-type]
    cases = [case for case in all_cases(SERVER) if case.needs <= able and TARGET.fits(case, subject)]  # type: ignore[arg-type]
    results = TARGET.run(cases, subject, LIMITS)  # type: ignore[arg-type]
    assert len(cases) > 80
    assert [f"{one.case}: {one.verdict}: {one.message}" for one in results if one.verdict != "pass"] == []


def test_what_it_is_not_tested_for_is_known() -> None:
    able = TARGET.offered(TARGET.subjects[0], LIMITS)
    assert SETTINGS.keys() <= able
    assert OFFERS.keys() - able == {"http2", "file", "compression"}
