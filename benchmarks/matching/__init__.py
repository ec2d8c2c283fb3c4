"""What many patterns cost: microseconds for each event, against what else one could use.

python -m benchmarks.matching [--quick] [--write]

workload.py    rules, and events over them, by a seed
contenders.py  the same rules as a `PatternSet`, by hand, and in the words of other libraries
scaling.py     10 to 10,000 rules, distributed in several ways; events as text
cases.py       one kind of pattern after the other, and the same by hand
sets.py        sets of one kind; many matches; twelve patterns
dozen.py       twelve patterns, and the function somebody would write instead
building.py    making a set, and adding to it
timing.py      rounds, and ratios within them
tables.py, chart.py  how it is shown
"""
