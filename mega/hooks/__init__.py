"""Hooks for listeners, each in a module of its own, which imports only what it needs.

idempotency.py  a subscriber that finished a message does not process it again
records.py      its records, the protocol of stores, and the store in memory
"""
