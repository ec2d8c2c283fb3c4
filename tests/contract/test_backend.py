"""The tests of the contract leave nothing behind on AWS."""

from __future__ import annotations

from dataclasses import replace

from tests.contract.backend import Backend, refused


def test_the_resources_of_a_test_are_deleted(bus_backend: Backend) -> None:
    aws = replace(bus_backend)
    (topic, queue), bucket = aws.subscribed(), aws.bucket()
    aws.s3.put_object(Bucket=bucket, Key='k', Body=b'x')
    aws.delete_resources()
    with refused('NotFound'):
        aws.sns.get_topic_attributes(TopicArn=topic)
    with refused('QueueDoesNotExist'):
        aws.sqs.get_queue_attributes(QueueUrl=queue)
    with refused('NoSuchBucket'):
        aws.s3.list_objects_v2(Bucket=bucket)
    subscriptions = aws.sns.list_subscriptions()['Subscriptions']
    assert topic not in {each['TopicArn'] for each in subscriptions}


def test_resources_that_a_test_deleted_are_left_out(bus_backend: Backend) -> None:
    aws = replace(bus_backend)
    topic, queue = aws.topic(), aws.queue()
    aws.sns.delete_topic(TopicArn=topic)
    aws.sqs.delete_queue(QueueUrl=queue)
    aws.delete_resources()
