"""Filter policies of SNS subscriptions, made from subscribers and patterns.

`translation` explains the theory. A policy never excludes a message that a subscriber matches.

- `policy`: makes the policy of some subscribers, and tests payloads against it.
- `event_source`: the filter criteria of a Lambda event source mapping.
- `translation`: translates a pattern to branches of conditions.
- `leaf_translation`: translates the pattern of one value to conditions.
- `text_translation`: translates patterns of texts to conditions.
- `negation`: translates the negation of a pattern.
- `prefixes`: the prefixes of all texts that a regular expression, number or day can match.
- `field_paths`: the places in a message where SNS finds a field of a payload.
- `branches`: conjunctions of conditions, and their combination.
- `widening`: widens branches until their policy is within SNS's limits.
- `policy_limits`: the limits, and the policy of branches as JSON.
- `operators`: the literals and operators of SNS, as JSON.
- `reasons`: the texts that explain why a policy is wider than a pattern.
"""
