"""What the parser's tree is built with, from the rows of the command table: once, then it is dropped.

Pure. It allocates.
"""

from array import array
from collections import namedtuple

from micropython import const
from scpi import INT, TEXT, WORD

Param = namedtuple("Param", ("name", "kind", "low", "high", "words", "optional"))

_NONE = const(-1)


def number(name, low, high):
    """A whole number from `low` to `high`."""
    return Param(name, INT, low, high, (), False)


def text(name, low, high):
    """A quoted string of `low` to `high` characters."""
    return Param(name, TEXT, low, high, (), False)


def word(name, words):
    """One of `words`, written without quotes."""
    return Param(name, WORD, 0, 0, tuple([w.upper().encode() for w in words]), False)


def maybe(param):
    """The same, but it may be left out; only the last ones may."""
    return Param(param.name, param.kind, param.low, param.high, param.words, True)


class Tree:
    """The nodes of all headers; node 0 is the root. `text`: their names in capitals, each `lengths[node]` from
    `starts[node]` on, the first `shorts[node]` of them its short form. `child`, `next`: nodes, `command`, `query`: rows
    of the table, -1 for none. ValueError for a header that is there twice.
    """

    def __init__(self, table):
        self.text = bytearray()
        self.starts = array("h", [0])
        self.lengths = bytearray(1)
        self.shorts = bytearray(1)
        self.child = array("h", [_NONE])
        self.next = array("h", [_NONE])
        self.command = array("h", [_NONE])
        self.query = array("h", [_NONE])
        for index in range(len(table)):
            self._add(table[index][0], index)

    def _add(self, header, index):
        for spelling in spellings(header):
            node = 0
            query = spelling[-1] == "?"
            for name in (spelling[:-1] if query else spelling).split(":"):
                node = self._grow(node, name)
            where = self.query if query else self.command
            if where[node] != _NONE:
                raise ValueError("two commands with the header %s" % header)
            where[node] = index

    def _grow(self, parent, name):
        long = name.upper().encode()
        last = _NONE
        node = self.child[parent]
        while node != _NONE:
            start = self.starts[node]
            if self.text[start : start + self.lengths[node]] == long:
                return node
            last = node
            node = self.next[node]
        node = len(self.lengths)
        self.starts.append(len(self.text))
        self.text += long
        self.lengths += bytes((len(long),))
        self.shorts += bytes((len([c for c in name if not "a" <= c <= "z"]),))
        for column in (self.child, self.next, self.command, self.query):
            column.append(_NONE)
        if last == _NONE:
            self.child[parent] = node
        else:
            self.next[last] = node
        return node


def spellings(header):
    """Every way to write a header with and without its optional nodes, for building the tree; it allocates."""
    at = header.find("[")
    if at < 0:
        return [header]
    stop = header.find("]")
    tails = spellings(header[stop + 1 :])
    head = header[:at]
    inner = header[at + 1 : stop]
    return [head + tail for tail in tails] + [head + inner + tail for tail in tails]
