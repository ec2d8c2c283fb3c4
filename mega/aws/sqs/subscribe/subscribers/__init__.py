"""Subscribers: their declaration, their registration, and the match of payloads.

subscriber.py   the classes that users extend
declaration.py  reads the class attributes of a subscriber
retry_delay.py  delays before a retry
routing.py      the subscribers that match a payload
"""
