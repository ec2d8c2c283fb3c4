"""`mega filter-policy`: the filter policy that the subscribers of a listener need."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import click

from mega.aws._transport.client import AwsClient, create_client
from mega.aws.sns import FilterPolicy, to_filter_policy
from mega.cli.confirmation import check_can_ask, confirm
from mega.cli.exit_status import FAILURE, SUCCESS
from mega.cli.options import app_dir_option, aws_options, output_options
from mega.cli.output import Output, Record, json_text, notify
from mega.cli.policies import (
    PROPAGATION_MINUTES,
    Policy,
    changes,
    difference,
    is_equal,
    needed_policy,
    read_policy,
    read_subscription,
)
from mega.cli.target import load_with_subscribers
from mega.errors import ConfigurationError, TransportError, safe_repr

__all__ = ('FORMATS', 'command')

_ARN = re.compile(r'arn:[a-z0-9-]+:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}(?:\.fifo)?:[\w-]+', re.A)


@click.command('filter-policy')
@click.argument('target')
@click.option(
    '--attribute',
    'attributes',
    metavar='NAME=PATH',
    multiple=True,
    help='A message attribute that the publishers copy from a field, such as kind=event.name. '
    'SNS then tests attributes, and not the body. Repeatable.',
)
@click.option(
    '--format',
    'form',
    type=click.Choice(['policy', 'boto3', 'cloudformation', 'terraform', 'event-source']),
    help='The format of the text. Default: policy, the JSON of the attribute FilterPolicy. '
    'event-source: FilterCriteria of a Lambda event source mapping.',
)
@click.option(
    '--check',
    metavar='SUBSCRIPTION_ARN',
    help='Exit with 1 if the subscription has another policy, and show the difference.',
)
@click.option('--apply', metavar='SUBSCRIPTION_ARN', help='Set the policy of a subscription.')
@click.option('-y', '--yes', is_flag=True, help='Do not ask before --apply.')
@app_dir_option
@aws_options
@output_options
def command(
    target: str,
    attributes: tuple[str, ...],
    form: str | None,
    check: str | None,
    apply: str | None,
    yes: bool,
    app_dir: str,
    output: Output,
) -> int:
    """Print the SNS filter policy that lets through all messages the subscribers of TARGET match.

    TARGET is a listener, or a handler of Lambda.

    Where SNS cannot express a pattern, the policy is wider, and stderr has the place and the
    reason.
    """
    _check_options(form, check, apply, yes, output)
    owner = load_with_subscribers(target, app_dir)
    paths = _paths(attributes)
    policy = to_filter_policy(owner, attributes=paths or None)
    for place in policy.widened:
        notify(f'Wider than the patterns: {place}')
    needed = needed_policy(policy)
    if arn := check or apply:
        aws = create_client('sns', arn)
        current = read_policy(read_subscription(aws, arn))
        if apply:
            return _apply(aws, arn, current, needed, asks=not yes)
        return _check(arn, current, needed, output)
    output.one(_record(policy), lambda record: FORMATS[form or 'policy'](policy))
    return SUCCESS


def _check_options(
    form: str | None, check: str | None, apply: str | None, yes: bool, output: Output
) -> None:
    """Refuse options that would have no effect."""
    if check and apply:
        raise click.UsageError('--check and --apply exclude each other')
    if form and (check or apply or output.format != 'text'):
        raise click.UsageError('--format applies only to the text of the policy')
    if yes and not apply:
        raise click.UsageError('--yes applies only to --apply')
    if apply and output.format != 'text':
        raise click.UsageError('--apply prints no data: leave out --output')
    if apply and not yes:
        check_can_ask()
    if (arn := check or apply) and not _ARN.fullmatch(arn):
        raise ConfigurationError(f'{safe_repr(arn)} is not the ARN of a subscription')


def _paths(attributes: tuple[str, ...]) -> Mapping[str, str]:
    paths: dict[str, str] = {}
    for attribute in attributes:
        name, separator, path = attribute.partition('=')
        if not (name and separator and path) or name in paths:
            problem = 'must be NAME=PATH, with each name once'
            raise ConfigurationError(f'--attribute {safe_repr(attribute)} {problem}')
        paths[name] = path
    return paths


def _check(arn: str, current: Policy, needed: Policy, output: Output) -> int:
    """Compare the policies, and show the difference on stderr."""
    equal = is_equal(current, needed)
    if output.format != 'text':
        record = {
            'subscription': arn,
            'is_equal': equal,
            'aws': current._asdict(),
            'target': needed._asdict(),
        }
        output.one(record, str)
    if equal:
        notify(f'{arn} has the policy of the target')
        return SUCCESS
    notify(difference(current, needed))
    notify(f'{arn} has another policy than the target')
    return FAILURE


def _apply(aws: AwsClient, arn: str, current: Policy, needed: Policy, *, asks: bool) -> int:
    """Set the policy of a subscription, after a confirmation."""
    if is_equal(current, needed):
        notify(f'{arn} already has the policy of the target')
        return SUCCESS
    notify(difference(current, needed))
    if asks:
        confirm(f'Set the policy of {arn}?')
    done: list[str] = []
    try:
        for name, value in changes(current, needed):
            aws.call(
                'set_subscription_attributes',
                SubscriptionArn=arn,
                AttributeName=name,
                AttributeValue=value,
            )
            done.append(f'{name} was set to {value}')
    except (TransportError, KeyboardInterrupt):
        for change in done:
            notify(f'The policy is not complete: {change}')
        raise
    notify(f'The policy is set. SNS applies it within {PROPAGATION_MINUTES} minutes.')
    return SUCCESS


def _record(policy: FilterPolicy) -> Record:
    return {
        'policy': policy.policy,
        'scope': policy.scope,
        'widened': [{'path': place.path, 'reason': place.reason} for place in policy.widened],
        'filter_attributes': dict(policy.filter_attributes),
    }


def _pretty(value: Mapping[str, Any]) -> str:
    return json_text(value, indent=2)


def _as_json(policy: FilterPolicy) -> str:
    """Return the value of the attribute FilterPolicy. `{}` removes a policy."""
    return _pretty(policy.policy or {})


def _as_boto3(policy: FilterPolicy) -> str:
    """Return the argument `Attributes` of `sns.subscribe`."""
    return _pretty(policy.subscription_attributes)


def _as_cloudformation(policy: FilterPolicy) -> str:
    """Return properties of AWS::SNS::Subscription, as JSON, which is also YAML."""
    if policy.policy is None:
        return _pretty({})
    return _pretty({'FilterPolicyScope': policy.scope, 'FilterPolicy': policy.policy})


def _as_terraform(policy: FilterPolicy) -> str:
    """Return arguments of `aws_sns_topic_subscription`. HCL accepts JSON, except for templates.

    https://developer.hashicorp.com/terraform/language/expressions/strings#escape-sequences
    """
    if policy.policy is None:
        return '# no policy: the subscription must receive every message'
    text = _pretty(policy.policy).replace('${', '$${').replace('%{', '%%{')
    return f'filter_policy_scope = "{policy.scope}"\nfilter_policy = jsonencode({text})'


def _as_event_source(policy: FilterPolicy) -> str:
    """Return the FilterCriteria of AWS::Lambda::EventSourceMapping, as JSON, which is also YAML."""
    criteria = policy.event_source_filters
    if criteria:
        notify('Lambda deletes messages that do not match, and bodies that are not JSON objects.')
    return _pretty(criteria)


FORMATS = {
    'policy': _as_json,
    'boto3': _as_boto3,
    'cloudformation': _as_cloudformation,
    'terraform': _as_terraform,
    'event-source': _as_event_source,
}
"""The text of a policy, by the name of its format."""
