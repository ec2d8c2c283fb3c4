"""Measure the cost of matching: microseconds per event, compared with alternatives.

python -m benchmarks.matching [--quick] [--write]

workload.py          random rules and events, reproducible by a seed
contenders.py        the same rules as a `PatternSet`, as handwritten code and for other libraries
scaling.py           10 to 10,000 rules with several distributions
texts.py             the same events as JSON text
cases.py             patterns of one kind, and the same as handwritten code
eventbridge_cases.py the same for EventBridge patterns
sets.py              sets of one kind; many matches; twelve patterns
dozen.py             twelve patterns, and an equivalent handwritten function
building.py          to build a set, and to add to it
timing.py            rounds, and the ratios within each round
tables.py, chart.py  the output
"""
