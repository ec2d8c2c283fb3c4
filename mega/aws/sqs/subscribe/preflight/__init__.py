"""Checks of a queue and of the settings at the start of a listener."""
