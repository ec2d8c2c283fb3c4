"""The benchmark of the hook of OpenTelemetry."""

from __future__ import annotations

from math import isfinite

from benchmarks import telemetry


def test_each_hook_is_measured_with_sent_and_received_messages() -> None:
    """A single round may show a negative difference, because other load adds to a part of it."""
    costs = telemetry.own_costs(1)
    assert len(costs) == 6
    assert all(isfinite(sent) and isfinite(received) for sent, received in costs.values())
