"""Subscribers: their declaration, their registration, and the match of payloads.

subscriber.py   the classes that users extend
declaration.py  reads the class attributes of a subscriber
typed.py        type parameters, and the conversion of payloads
retry_delay.py  delays before a retry
registration.py checks whether a listener can use a class
routing.py      the subscribers that match a payload
"""
