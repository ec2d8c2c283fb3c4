"""Finding the patterns that a payload matches without asking each of them.

conditions  a pattern taken apart: what it asks at which path
keys        by what each of these can be looked up
finders     the look-ups: hash tables, sorted prefixes, spans, tests
checks      what remains to be asked of what was found, as compiled code
steps       the walk through all this, node by node
tree        which look-up comes first
"""
