"""Where each backend differs from AWS: the reason, and the behaviours that it concerns.

A listed behaviour must fail on its backend. The list is wrong, and the run fails, if it passes. By
day, a server without a clock skips the tests that let time pass, whether it has a gap or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

import pytest

__all__ = ('COLLECTED', 'GAPS', 'behaviour_of', 'behaviours', 'reason_of')

Gaps: TypeAlias = Mapping[str, tuple[str, ...]]
"""Behaviours by reason. A name without its case, `name[case]`, has all cases of a test."""

MOTO: Gaps = {
    'accepts forbidden characters': (
        'a_forbidden_character_in_a_body_is_refused',
        'a_forbidden_character_in_a_message_is_refused',
        'a_forbidden_character_in_an_attribute_is_refused',
        'an_invalid_entry_fails_alone[character]',
    ),
    'counts characters instead of bytes': ('the_size_of_a_message_is_in_bytes',),
    'does not count attributes towards the size': (
        'attributes_count_towards_the_size_of_a_message',
    ),
    'checks few rules of attributes': (
        'eleven_attributes_are_refused',
        'an_invalid_name_of_an_attribute_is_refused[AWS.x]',
        'an_invalid_name_of_an_attribute_is_refused[amazon.x]',
        'an_invalid_name_of_an_attribute_is_refused[.x]',
        'an_invalid_name_of_an_attribute_is_refused[x.]',
        'an_invalid_name_of_an_attribute_is_refused[x..y]',
        'an_invalid_name_of_an_attribute_is_refused[xxxxxxxx]',
        'an_invalid_attribute_is_refused[empty text]',
        'an_invalid_attribute_is_refused[empty bytes]',
        'an_invalid_attribute_is_refused[not a number]',
        'an_invalid_attribute_is_refused[text as binary]',
        'an_invalid_attribute_of_a_published_message_is_refused[name]',
        'an_invalid_entry_fails_alone[attribute]',
    ),
    'accepts an empty body': ('an_empty_body_is_refused', 'an_empty_message_is_refused'),
    'checks few ranges': (
        'an_attribute_out_of_its_range_is_refused[DelaySeconds-901]',
        'an_attribute_out_of_its_range_is_refused[MessageRetentionPeriod-59]',
        'an_attribute_out_of_its_range_is_refused[MessageRetentionPeriod-1209601]',
        'an_attribute_out_of_its_range_is_refused[ReceiveMessageWaitTimeSeconds-21]',
        'an_attribute_out_of_its_range_is_refused[VisibilityTimeout-43201]',
        'an_attribute_out_of_its_range_is_refused[VisibilityTimeout-long]',
        'a_parameter_out_of_its_range_is_refused[VisibilityTimeout--1]',
        'a_delay_out_of_its_range_is_refused[-1]',
        'a_change_out_of_range_is_refused[-1]',
        'the_maximum_of_receives_is_1_to_1000',
        'an_unknown_attribute_of_a_queue_is_refused',
    ),
    'checks no group and deduplication ids': (
        'an_invalid_group_is_refused',
        'an_invalid_deduplication_id_is_refused',
        'a_deduplication_id_on_a_standard_queue_is_refused',
    ),
    'refuses a whole batch because of one large entry': ('an_invalid_entry_fails_alone[size]',),
    'checks few rules of batches': (
        'an_invalid_batch_is_refused[delete-eleven]',
        'an_invalid_batch_is_refused[delete-space in id]',
        'an_invalid_batch_is_refused[delete-long id]',
        'an_invalid_batch_is_refused[change-empty]',
        'an_invalid_batch_is_refused[change-eleven]',
        'an_invalid_batch_is_refused[change-same id]',
        'an_invalid_batch_is_refused[change-space in id]',
        'an_invalid_batch_is_refused[change-long id]',
        'an_invalid_batch_of_publishes_is_refused[empty]',
        'an_invalid_batch_of_publishes_is_refused[space in id]',
        'a_batch_of_publishes_above_the_limit_is_refused',
    ),
    'checks no entry of a PublishBatch': ('an_invalid_entry_of_a_publish_fails_alone',),
    'has no sequence numbers': (
        'sequence_numbers_increase',
        'the_results_of_a_batch_have_sequence_numbers',
        'sequence_numbers_of_a_fifo_topic_increase',
        'an_envelope_of_a_fifo_topic_has_the_sequence_number',
    ),
    'gives a duplicate an id of its own': (
        'a_duplicate_has_the_id_and_the_number_of_the_first_message',
    ),
    'remembers deduplication ids only while the message is in the queue': (
        'a_duplicate_of_a_deleted_message_is_not_delivered',
        'a_fifo_topic_drops_a_duplicate_of_a_deleted_message',
    ),
    'deletes with an expired handle of a FIFO queue': (
        'an_expired_handle_of_a_fifo_queue_is_refused',
    ),
    'changes the order of a group when a timeout ends': (
        'a_group_keeps_its_order_when_a_timeout_ends',
    ),
    'has no deduplication scope': ('a_deduplication_id_may_concern_one_group',),
    'has no deduplication by content in topics': ('a_fifo_topic_may_compare_bodies',),
    'ignores the id of a receive attempt': ('a_receive_can_be_repeated_with_its_attempt_id',),
    'hides a message that is visible': ('a_message_that_is_visible_cannot_be_hidden',),
    'does not name the source of a dead letter': ('a_dead_letter_names_its_source',),
    'checks few rules of redrive policies': (
        'a_dead_letter_queue_has_the_type_of_its_source[standard]',
        'a_redrive_policy_must_be_an_object',
        'a_queue_may_refuse_to_be_a_dead_letter_queue',
        'a_queue_may_allow_some_sources',
    ),
    'has no digest of system attributes': (
        'the_response_of_a_send_has_the_digest_of_the_trace_header',
    ),
    'answers 500 to a receive of a raw binary attribute': (
        'attributes_of_a_raw_message_become_those_of_sqs[Binary]',
    ),
    'delivers more than ten raw attributes': ('a_raw_message_with_eleven_attributes_is_discarded',),
    'refuses a publish that one queue cannot accept': (
        'an_envelope_may_be_too_large_for_a_queue',
        'a_message_that_cannot_be_delivered_moves_to_a_dead_letter_queue',
        'an_undeliverable_message_without_a_dead_letter_queue_is_lost',
    ),
    'signs with version 2 only': ('an_envelope_is_signed',),
    'has another code for a missing group': ('a_message_of_a_fifo_topic_needs_a_group',),
    'has topics with one fixed limit': (
        'a_topic_may_have_a_higher_limit',
        'a_topic_may_have_a_lower_limit_in_bytes',
        'attributes_count_towards_the_size_of_a_published_message',
        'a_topic_returns_its_maximum_message_size',
        'a_maximum_message_size_out_of_range_is_refused',
    ),
    'accepts line breaks in a subject': (
        'an_invalid_subject_is_refused[line break]',
        'an_invalid_subject_is_refused[control]',
    ),
    'has no wildcards and no addresses in filter policies': (
        'a_policy_filters_by_an_attribute[wildcard]',
        'a_policy_filters_by_an_attribute[address]',
        'a_policy_filters_by_the_body[wildcard]',
        'a_policy_filters_by_the_body[address]',
    ),
    'compares values of bodies in another way': (
        'a_policy_filters_by_the_body[boolean]',
        'a_policy_filters_by_the_body[null]',
    ),
    'reads anything-but in another way': (
        'a_policy_filters_by_an_attribute[anything but, or missing]',
        'a_policy_filters_by_the_body[anything but]',
    ),
    'has no message move tasks': (
        'dead_letters_can_be_moved_back',
        'messages_are_moved_from_dead_letter_queues_only',
    ),
    'reads $or in a body as a key': ('a_policy_filters_by_the_body[or]',),
    'checks few rules of filter policies': (
        'an_invalid_policy_is_refused[anything but a suffix]',
        'an_invalid_policy_is_refused[empty array]',
        'an_invalid_policy_is_refused[not JSON]',
    ),
    'checks few names': (
        'an_invalid_name_of_a_bucket_is_refused[Capital]',
        'an_invalid_name_of_a_bucket_is_refused[two..dot]',
        'a_key_above_1024_bytes_is_refused',
    ),
    'ignores the expected owner of a bucket': ('a_bucket_of_another_owner_is_refused',),
    'does not say that objects are encrypted': ('an_object_is_encrypted_by_default',),
    'checks few rules of completed uploads': (
        'parts_in_another_order_are_refused',
        'the_parts_of_a_completion_have_the_checksums_of_its_upload',
    ),
    'does not compare the checksum of a part': ('a_part_that_arrives_damaged_is_refused',),
    'fails for an aborted upload': ('an_aborted_upload_cannot_be_continued',),
}

MINISTACK: Gaps = {
    'deletes with an expired handle of a FIFO queue': (
        'an_expired_handle_of_a_fifo_queue_is_refused',
    ),
    'hides messages for more than 12 hours': ('a_message_is_hidden_for_12_hours_in_total',),
    'accepts forbidden characters in SNS and in attributes': (
        'a_forbidden_character_in_a_message_is_refused',
        'a_forbidden_character_in_an_attribute_is_refused',
    ),
    'does not count attributes towards the size': (
        'attributes_count_towards_the_size_of_a_message',
    ),
    'checks no rules of attributes': (
        'eleven_attributes_are_refused',
        'an_invalid_name_of_an_attribute_is_refused',
        'an_invalid_attribute_is_refused',
        'an_invalid_attribute_of_a_published_message_is_refused',
        'an_invalid_entry_fails_alone[attribute]',
    ),
    'accepts an empty message': ('an_empty_message_is_refused',),
    'checks few ranges': (
        'a_parameter_out_of_its_range_is_refused[VisibilityTimeout--1]',
        'a_parameter_out_of_its_range_is_refused[VisibilityTimeout-43201]',
        'a_parameter_out_of_its_range_is_refused[WaitTimeSeconds--1]',
        'a_parameter_out_of_its_range_is_refused[WaitTimeSeconds-21]',
        'a_delay_out_of_its_range_is_refused',
        'a_change_out_of_range_is_refused',
        'an_unknown_attribute_of_a_queue_is_refused',
    ),
    'returns all attributes of a queue without a request': (
        'no_attributes_of_a_queue_are_returned_without_a_request',
    ),
    'checks no names': (
        'an_invalid_name_of_a_queue_is_refused',
        'an_invalid_name_of_a_topic_is_refused',
        'a_key_above_1024_bytes_is_refused',
    ),
    'checks no group and deduplication ids': (
        'an_invalid_group_is_refused',
        'an_invalid_deduplication_id_is_refused',
        'a_deduplication_id_on_a_standard_queue_is_refused',
        'a_deduplication_id_on_a_standard_topic_is_refused',
    ),
    'ignores the id of a receive attempt': ('a_receive_can_be_repeated_with_its_attempt_id',),
    'forgets the handles of deleted and released messages': (
        'a_message_can_be_deleted_twice',
        'an_old_handle_of_a_standard_queue_is_accepted',
    ),
    'hides a message that is visible': ('a_message_that_is_visible_cannot_be_hidden',),
    'allows a second purge at once': ('a_second_purge_within_a_minute_is_refused',),
    'has no message move tasks': (
        'the_sources_of_a_dead_letter_queue_are_listed',
        'dead_letters_can_be_moved_back',
        'messages_are_moved_from_dead_letter_queues_only',
    ),
    'has no permissions of redrives': (
        'a_dead_letter_queue_has_the_type_of_its_source',
        'a_queue_may_refuse_to_be_a_dead_letter_queue',
        'a_queue_may_allow_some_sources',
    ),
    'has no digest of system attributes': (
        'the_response_of_a_send_has_the_digest_of_the_trace_header',
    ),
    'delivers more than ten raw attributes': ('a_raw_message_with_eleven_attributes_is_discarded',),
    'delivers messages that are too large for a queue': (
        'an_envelope_may_be_too_large_for_a_queue',
    ),
    'leaves the value of a binary attribute out of the envelope': (
        'an_envelope_has_types_and_values_of_attributes[Binary]',
    ),
    'has no dead-letter queues of subscriptions': (
        'a_message_that_cannot_be_delivered_moves_to_a_dead_letter_queue',
    ),
    'has InvalidParameterException in place of the code InvalidParameter': (
        'a_message_of_a_fifo_topic_needs_a_group',
        'a_message_of_a_fifo_topic_needs_a_deduplication_id',
        'the_name_of_a_fifo_topic_must_end_in_fifo',
    ),
    'has no sequence number in an envelope': (
        'an_envelope_of_a_fifo_topic_has_the_sequence_number',
    ),
    'has topics with one fixed limit': (
        'a_topic_may_have_a_higher_limit',
        'a_topic_may_have_a_lower_limit_in_bytes',
        'attributes_count_towards_the_size_of_a_published_message',
        'a_maximum_message_size_out_of_range_is_refused',
    ),
    'checks no subjects': ('an_invalid_subject_is_refused',),
    'checks no entry of a PublishBatch': ('an_invalid_entry_of_a_publish_fails_alone',),
    'checks few rules of batches in SNS': (
        'an_invalid_batch_of_publishes_is_refused[empty]',
        'an_invalid_batch_of_publishes_is_refused[space in id]',
        'a_batch_of_publishes_above_the_limit_is_refused',
    ),
    'lets FIFO queues subscribe to standard topics': (
        'a_fifo_queue_cannot_subscribe_to_a_standard_topic',
    ),
    'does not return the default scope of a filter policy': (
        'a_subscription_filters_by_attributes_by_default',
    ),
    'compares the texts of values in filter policies': (
        'a_policy_filters_by_the_body[number]',
        'a_policy_filters_by_the_body[boolean]',
        'a_policy_filters_by_the_body[null]',
        'a_policy_filters_by_the_body[range]',
    ),
    'does not look into objects in arrays': ('a_policy_filters_by_the_body[objects in an array]',),
    'checks no filter policies': ('an_invalid_policy_is_refused',),
    'has another default content type': ('an_object_has_the_type_of_bytes_by_default',),
    'ignores the expected owner of a bucket': ('a_bucket_of_another_owner_is_refused',),
    'does not say that objects are encrypted': ('an_object_is_encrypted_by_default',),
    'checks few rules of completed uploads': (
        'parts_in_another_order_are_refused',
        'a_small_part_before_the_last_one_is_refused',
        'the_parts_of_a_completion_have_the_checksums_of_its_upload',
    ),
    'needs the id of a KMS key': ('an_object_may_be_encrypted_by_kms',),
}

GAPS: Mapping[str, Gaps] = {'moto': MOTO, 'ministack': MINISTACK}


COLLECTED = pytest.StashKey[set[tuple[str, str]]]()
"""The collected behaviours of each backend, also if the command line deselects them."""


def behaviours(items: Iterable[pytest.Item]) -> Iterator[pytest.Function]:
    """Yield the tests that show a behaviour of a backend."""
    for item in items:
        is_here = item.path.is_relative_to(Path(__file__).parent)
        if is_here and isinstance(item, pytest.Function) and 'aws' in item.fixturenames:
            yield item


def behaviour_of(item: pytest.Function) -> tuple[str, str]:
    """Return the behaviour that a test shows, and its backend."""
    backend = str(item.callspec.params['aws'])
    name = item.originalname.removeprefix('test_')
    case = item.callspec.id.removeprefix(backend).removeprefix('-')
    return (f'{name}[{case}]' if case else name), backend


def reason_of(item: pytest.Function) -> str | None:
    """Return the reason of a listed gap, or None."""
    behaviour, backend = behaviour_of(item)
    for reason, names in GAPS.get(backend, {}).items():
        if {behaviour, behaviour.partition('[')[0]} & set(names):
            return reason
    return None
