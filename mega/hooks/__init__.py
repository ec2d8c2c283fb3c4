"""Hooks for listeners, each in a module of its own, which imports only what it needs.

records.py  the records of idempotency, the protocol of their stores, and the store in memory
"""
