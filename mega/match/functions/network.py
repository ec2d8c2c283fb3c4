"""Patterns of IP addresses."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network

from mega.errors import PatternError
from mega.match.comparables import parse_address
from mega.match.context import Context
from mega.match.pattern import Pattern
from mega.match.representation import call_repr

__all__ = ('Cidr', 'cidr')


class Cidr(Pattern, frozen=True):
    """A text that spells an IP address in a CIDR block."""

    block: IPv4Network | IPv6Network
    source: str

    @property
    def bounds(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """The first and the last address of the block, in the form of `parse_address`."""
        version = self.block.version
        return (
            (version, int(self.block.network_address)),
            (version, int(self.block.broadcast_address)),
        )

    def accepts(self, lhs: object, context: Context) -> bool:
        address = parse_address(lhs)
        if address is None:
            return False
        first, last = self.bounds
        return first <= address <= last

    def __repr__(self) -> str:
        return call_repr('cidr', self.source)


def cidr(block: str) -> Pattern:
    """A text that spells an IP address in a CIDR block, IPv4 or IPv6.

    Host bits of the block are ignored. A block without a mask is a single address.

    >>> evaluate('10.1.2.3', cidr('10.0.0.0/8')), evaluate('::1', cidr('10.0.0.0/8'))
    (True, False)
    """
    if not isinstance(block, str) or '%' in block:
        raise PatternError('', block, "a CIDR block must be a str like '10.0.0.0/8'")
    try:
        return Cidr(ip_network(block, strict=False), block)
    except ValueError as error:
        raise PatternError('', block, f'is not a CIDR block: {error}') from error
