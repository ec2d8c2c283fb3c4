"""XML as AWS's clients send and read it: elements with text or children, without attributes.

A document type is refused, because it could define entities that expand to a much larger text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.parsers.expat import ExpatError, ParserCreate
from xml.sax.saxutils import escape

from mega.local.rules import FORBIDDEN

__all__ = ('Element', 'parse', 'text_of')

MAX_DEPTH = 32


@dataclass(slots=True)
class Element:
    """An element. Its name has no namespace."""

    name: str
    text: str = ''
    children: list[Element] = field(default_factory=list)


def parse(document: bytes) -> Element:
    """Parse a document in time and memory that are linear in its size.

    Raises:
        ValueError: for a document that is not XML, has a document type, or is nested too deeply.
    """
    root = Element('')
    path = [root]
    texts: list[list[str]] = [[]]

    def start(name: str, attributes: object) -> None:
        if len(path) > MAX_DEPTH:
            raise ValueError(f'XML must not be nested deeper than {MAX_DEPTH} levels')
        element = Element(name.rpartition(' ')[2])
        path[-1].children.append(element)
        path.append(element)
        texts.append([])

    def end(name: str) -> None:
        path.pop().text = ''.join(texts.pop())

    def refuse(*arguments: object) -> None:
        raise ValueError('XML must not have a document type')

    parser = ParserCreate(namespace_separator=' ')
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = lambda text: texts[-1].append(text)
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(document, True)
    except ExpatError as error:
        raise ValueError(f'the body is not XML: {error}') from None
    return root.children[0]


def text_of(value: object) -> str:
    """Return a value as the text of an element.

    XML excludes some characters: U+FFFD stands for them. A carriage return is escaped, because a
    parser would read it as a line feed.
    """
    if isinstance(value, bool):
        return 'true' if value else 'false'
    return escape(FORBIDDEN.sub('\ufffd', str(value)), {'\r': '&#13;'})
