"""The visibility timeout of one delivery, as its `Message` reads it during the processing."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from mega.aws.sqs.subscribe.engine.delivery import Delivery

__all__ = ('DeliveryVisibility',)


class DeliveryVisibility(Struct, frozen=True):
    """The visibility timeout of a delivery. `monotonic` is the clock of the delivery's times."""

    delivery: Delivery
    monotonic: Callable[[], float]

    @property
    def is_lost(self) -> bool:
        """Whether another consumer may have received the message."""
        return self.delivery.is_lost or not self.time_left

    @property
    def time_left(self) -> float:
        """Seconds until the visibility timeout ends."""
        if self.delivery.is_visibility_lost:
            return 0.0
        return max(0.0, self.delivery.hidden_until - self.monotonic())
