"""Publishers and the builder, with typed objects."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass

import attrs
import msgspec
import pydantic
import pydantic.dataclasses
from typing_extensions import TypedDict, assert_type

from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher
from mega.event import Payload, PayloadBuilder, event


@event('item.added')
@dataclass(frozen=True, slots=True)
class Dataclass:
    item_id: str


@attrs.frozen
class Attrs:
    item_id: str


class Struct(msgspec.Struct):
    item_id: str


class Dict(TypedDict):
    item_id: str


class Model(pydantic.BaseModel):
    item_id: str


@pydantic.dataclasses.dataclass
class PydanticDataclass:
    item_id: str


def publish(publisher: SqsPublisher, topic: SnsPublisher) -> None:
    assert_type(publisher.publish(Dataclass('1')), str)
    publisher.publish(Attrs('1'), binary_encoding=True)
    publisher.publish(Struct('1'))
    publisher.publish(Dict(item_id='1'))
    publisher.publish(Model(item_id='1'))
    publisher.publish(PydanticDataclass('1'))
    publisher.publish({'item_id': '1'})
    publisher.publish('text')
    publisher.publish(b'blob')
    topic.publish(Dataclass('1'), subject='added')
    publisher.publish(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    publisher.publish(None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    publisher.publish(Dataclass)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def objects() -> Iterator[Dataclass]:
    yield Dataclass('1')


async def publish_many(publisher: SqsPublisher) -> None:
    publisher.publish_batch(objects())
    publisher.publish_batch([Attrs('1'), Struct('2'), {'a': 1}, 'text'])
    assert_type(await publisher.apublish(Model(item_id='1')), str)
    with publisher.buffer() as buffer:
        assert_type(buffer.publish(Dataclass('1')), Future[str])


payload = (
    PayloadBuilder()
    .with_event(Dataclass('1'), publisher='shop')
    .with_object(type='item', current=Model(item_id='1'), previous={'item_id': '0'})
    .build()
)
assert_type(payload, Payload)
