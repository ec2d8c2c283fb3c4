"""SQS, SNS and S3: publishers, listeners, and the store of large bodies.

boto3 is imported when the first client is created, not before.
"""
