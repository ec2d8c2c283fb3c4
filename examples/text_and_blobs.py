"""Texts and blobs: subscribers receive them unchanged, even if they look like JSON or BSON.

python -m examples.text_and_blobs --endpoint-url http://127.0.0.1:4566
"""

from __future__ import annotations

from examples.scratch import on_aws, scratch_queue
from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import BlobSubscriber, SqsListener, TextSubscriber
from mega.match.functions import match, not_

TEXTS = {
    'Your order is on its way.': 'en',
    '{name}, vielen Dank für die Bestellung!': 'de',  # starts like a JSON object
    '["a list", "of texts"]': 'en',  # valid JSON, published as a text
    'DRAFT: do not send this': 'en',
}
BLOBS = (
    b'\x89PNG\r\n\x1a\n and the rest of a picture',
    b'\x05\x00\x00\x00\x00',  # the empty BSON document, published as a blob
)


class Letters(TextSubscriber):
    pattern = not_(match('DRAFT'))

    def process(self, payload: str) -> None:
        print(f'letter   {self.message.attributes["language"]!s}  {payload}')


class Pictures(BlobSubscriber):
    @staticmethod
    def pattern(blob: bytes) -> bool:
        return blob.startswith(b'\x89PNG')

    def process(self, payload: bytes) -> None:
        print(f'picture  {len(payload)} bytes')


class OtherBlobs(BlobSubscriber):
    pattern = not_(Pictures.pattern)

    def process(self, payload: bytes) -> None:
        print(f'blob     {payload.hex(" ")}')


def main(queue_url: str) -> None:
    with SqsPublisher(queue_url) as publisher:
        for text, language in TEXTS.items():
            publisher.publish(text, message_attributes={'language': language})
        for blob in BLOBS:
            publisher.publish(blob)
    with SqsListener(queue_url, [Letters, Pictures, OtherBlobs]) as listener:
        stats = listener.drain()
    print(f'{stats.done} processed, {stats.unmatched} unmatched')


if __name__ == '__main__':
    with on_aws('Texts and blobs over a queue.'), scratch_queue() as queue_url:
        main(queue_url)
