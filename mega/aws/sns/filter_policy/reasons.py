"""The reasons in `Widened`: why a policy lets through more messages than the patterns match."""

from __future__ import annotations

MAX_ASTERISKS = 3
"""The largest number of asterisks in one wildcard.

https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html
"""

MAX_BRANCHES = 32
"""The largest number of branches in the expansion of one pattern. SNS accepts only five keys."""

# Numbers and instants
NUMBERS = 'SNS does not compare numbers with more digits than a double, so any value passes'
SPELLINGS = 'a text can spell a number in many ways, so texts that start like a spelling pass'
DAYS = 'SNS can test only how the text of an instant starts, which is a day in any time zone'
ORDER = 'SNS orders only numbers'
VERSION = 'a version of 1 may be absent'
TIME_ZONES = 'a timestamp may be in any time zone, so SNS can test only dates and instants'

# Texts
CASE = 'SNS ignores the case of fewer letters'
JSON = 'SNS cannot parse JSON in a text'
REGEX = 'SNS does not support regular expressions'
ANY_CHARACTERS = 'SNS has no wildcard for one character and no escapes, so any text matches there'
ASTERISKS = f'SNS accepts at most {MAX_ASTERISKS} asterisks in a wildcard'
ADDRESSES = 'SNS may parse an IP address differently'
QUOTING = 'SNS may read such a text differently'

# Arrays, objects and empty values
WHOLE = 'SNS tests the members of an array, not an array or a text as a whole'
NESTED = 'SNS cannot test arrays and objects inside arrays'
NEGATION = 'SNS treats an empty array or object as missing, but a negation accepts it'
EXCLUDED_SUFFIX = 'SNS refuses policies that exclude texts by a suffix'
PARTIAL_NEGATION = 'the policy excludes only plain values of one type'
EMPTY = 'SNS treats an empty value as missing'
EMPTY_ATTRIBUTE = 'an empty text has no message attribute'
OBJECT = 'SNS cannot test an object as a whole'

# Fields
ABSENCE = 'SNS can test the absence of top-level fields only'
NAME = 'SNS reads a field with such a name differently'
NO_ATTRIBUTE = 'no message attribute holds the field'
IN_ARRAYS = 'a field of an object in an array has no message attribute'
CONSTANT = 'the value is the same in every event'

# Metadata of messages
NOT_IN_BODY = 'SNS tests the body, not the attributes of a message'
ATTRIBUTE_TYPE = 'SNS compares an attribute by its type, which the pattern does not know'

# Patterns
NO_CONDITION = 'SNS has no condition with this meaning'
FUNCTION = 'SNS cannot call a function'
OTHER_FIELD = 'SNS cannot compare a field with another field'
BYTES = 'SNS cannot test bytes'
TYPE = 'SNS cannot test for a value of this type'
ONE_CONDITION = 'SNS tests one condition per field'
TOO_MANY_BRANCHES = f'the pattern expands to more than {MAX_BRANCHES} branches'
NO_MATCH = 'no message that SNS can read matches'

# Limits
KEYS = 'SNS accepts at most 5 keys'
COMPLEXITY = 'SNS accepts wildcards of at most 100 complexity points'
COMBINATIONS = 'SNS accepts at most 150 combinations of values and levels'
SIZE = 'SNS accepts at most 256 KB'
