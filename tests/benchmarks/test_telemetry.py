"""The benchmark of the hook of OpenTelemetry."""

from __future__ import annotations

from benchmarks import telemetry


def test_each_hook_has_a_cost_for_sent_and_received_messages() -> None:
    costs = telemetry.own_costs(1)
    assert len(costs) == 6
    assert all(sent > 0 and received > 0 for sent, received in costs.values())
