"""Throughput of `mega listen` with one process and with several, on the same queue.

target.py    the listeners: with a trivial subscriber, and with one that computes
__main__.py  runs the command, and times how it empties a queue
"""
