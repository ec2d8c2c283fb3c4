"""docs/doctor.md explains every code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mega.aws.sqs.subscribe.preflight.findings import Kind

PAGE = Path(__file__).parents[3] / 'docs' / 'doctor.md'


def test_the_page_has_a_section_for_each_code_with_its_severity() -> None:
    if not PAGE.exists():
        pytest.skip('only a checkout has it, an installed package does not')
    sections = re.findall(r'^### (MEGA\d+): .* \((\w+)\)$', PAGE.read_text(), re.M)
    assert sections == [(kind.code, kind.severity.value) for kind in Kind]
