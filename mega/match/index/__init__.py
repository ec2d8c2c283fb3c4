"""Find the patterns that match a payload without testing each pattern.

- `normal_form`: a pattern as alternatives (OR) of conditions (AND), each with a path.
- `keys`: values of a condition that can be looked up.
- `lookups`: hash tables, sorted prefixes, substrings and lists of tests.
- `array_lookups`: look-ups of the fields of EventBridge patterns in events with arrays.
- `bounds`, `intervals`: intervals, and those that contain a value.
- `residuals`: compiled functions that check the remaining conditions of a pattern.
- `codegen`: nodes, and the generation of the functions that visit them.
- `decision_tree`: the choice of look-ups, and the theory of the index with an example.
"""
