"""The client with boto3's methods, whose large bodies are in S3."""
