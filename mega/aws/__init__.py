"""Where payloads meet AWS: SQS queues and SNS topics.

boto3 is imported when the first client is made, not before.
"""
