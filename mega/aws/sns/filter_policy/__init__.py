"""What subscribers want, as the filter policy of an SNS subscription: nothing wanted is held back.

policy     from subscribers to a policy, and how much it lets through
wanting    from a pattern to what SNS is asked, never narrower
asked      the same of one value; beginnings: with what texts begin that match
places     where a field of a payload stands in a message
attributes  ... and as which message attribute
branches   what has to hold together, and what instead of each other
fitting    what is left out, until SNS takes it
words      the words of SNS's policies
"""
