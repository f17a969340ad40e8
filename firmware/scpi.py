"""The SCPI parser: from the bytes of a line to a row of the command table and its parameters.

Pure. Headers are matched in long and short form, in any case, with optional nodes, and along the path of the command
before a semicolon. The tree is built once, by scpi_tree; after that nothing here allocates, so that it may run while
needles move. Parameters stand in arrays until the next command: whole numbers, quoted strings, and words of a list.
"""

from array import array

import scpi_errors as errors
from heap import borrow
from micropython import const

PARAMS_MAX = const(9)
NUMBER_MOST = const(999999999)

# Kinds of parameters
INT = const(0)  # from `low` to `high`
TEXT = const(1)  # a quoted string of `low` to `high` characters
WORD = const(2)  # one of `words`, without quotes

# Who may, a sum of:
REST = const(1)  # only while nothing moves
IDLE = const(2)  # and no session is open
TECHNICIAN = const(4)  # and a technician has proven the key

_QUOTE = const(34)
_APOSTROPHE = const(39)
_HASH = const(35)
_COLON = const(58)
_SEMICOLON = const(59)
_COMMA = const(44)
_QUESTION = const(63)
_STAR = const(42)
_NONE = const(-1)


class Parser:
    """Finds rows of `table` by the headers in a line. After `unit`, the fields tell what it found.

    A row is a tuple that begins with a header as SCPI writes it, `SYSTem:ERRor[:NEXT]?`, its parameters, and who may.
    `row`: index into the table, -1 for an empty command; `query`: whether it is one; `count`: how many parameters;
    `values[i]`: a number, or the index of a word; `starts[i]`, `ends[i]`: where a parameter stands in the line, without
    its quotes. `access[row]`: who may. Nothing else of the table is kept.
    """

    def __init__(self, table):
        tree = borrow("scpi_tree").Tree(table)
        self._text = tree.text
        self._starts = tree.starts
        self._lengths = tree.lengths
        self._shorts = tree.shorts
        self._child = tree.child
        self._next = tree.next
        self._command = tree.command
        self._query = tree.query
        self._params = [row[1] for row in table]
        self.access = bytes([row[2] for row in table])
        self._path = 0
        self._kinds = bytearray(PARAMS_MAX)
        self.values = array("i", [0] * PARAMS_MAX)
        self.starts = array("h", [0] * PARAMS_MAX)
        self.ends = array("h", [0] * PARAMS_MAX)
        self.count = 0
        self.row = 0
        self.query = False
        self.detail = b""  # more of what was wrong: a constant, or empty

    # -- the tree -----------------------------------------------------------------------------------

    def _same(self, line, at, node, length):
        """Whether line[at:at+length] is how the node's name begins, in any case."""
        text = self._text
        start = self._starts[node]
        for i in range(length):
            c = line[at + i]
            if 97 <= c <= 122:
                c -= 32
            if c != text[start + i]:
                return False
        return True

    def headers(self, parent=0, before=b""):
        """Each header in full with its line end, and a mark if it is only a query or none, as SCPI's help has it.

        Optional nodes are written out: a header comes once with and once without them. It allocates.
        """
        node = self._child[parent]
        while node != _NONE:
            start = self._starts[node]
            short = start + self._shorts[node]
            name = before + bytes(self._text[start:short] + self._text[short : start + self._lengths[node]].lower())
            if self._command[node] != _NONE:
                yield name + (b"/nquery/\n" if self._query[node] == _NONE else b"\n")
            elif self._query[node] != _NONE:
                yield name + b"?/qonly/\n"
            yield from self.headers(node, name + b":")
            node = self._next[node]

    # -- reading a line -----------------------------------------------------------------------------

    def begin(self):
        """A new line: headers start from the root."""
        self._path = 0

    def unit_end(self, line, at, end) -> int:
        """Where the command that begins at `at` ends: at the next semicolon outside quotes, or at `end`."""
        quote = 0
        while at < end:
            c = line[at]
            if quote:
                if c == quote:
                    quote = 0
            elif c == _QUOTE or c == _APOSTROPHE:
                quote = c
            elif c == _SEMICOLON:
                break
            at += 1
        return at

    def unit(self, line, at, end) -> int:
        """Read the command in line[at:end]: 0 and the fields are set, or the number of an error."""
        self.detail = b""
        self.count = 0
        self.row = _NONE
        at = _skip_space(line, at, end)
        while end > at and line[end - 1] <= 32:
            end -= 1
        if at == end:
            return 0
        at = self._header(line, at, end)
        if at < 0:
            return at
        error = self._parameters(line, at, end)
        return error if error else self._check(line)

    def _header(self, line, at, end):
        """Follow the header down the tree; where its parameters may begin, or the number of an error."""
        node = self._path
        if line[at] == _COLON:
            node = 0
            at += 1
        common = at < end and line[at] == _STAR
        if common:
            node = 0
        parent = node
        while True:
            stop = at
            while stop < end and _in_name(line[stop]):
                stop += 1
            if stop == at:
                return errors.SYNTAX
            after = line[stop] if stop < end else 32
            # two words may share a short form, as STATe and STATus: what follows tells which is meant
            column = self._child if after == _COLON else self._query if after == _QUESTION else self._command
            parent = node
            node = self._find(node, line, at, stop, column)
            if node == _NONE:
                return errors.UNDEFINED_HEADER
            at = stop
            if after != _COLON:
                break
            at += 1
        if after == _QUESTION:
            at += 1
        if at < end and line[at] > 32:
            return errors.HEADER_SEPARATOR
        self.row = column[node]
        self.query = after == _QUESTION
        if not common:
            self._path = parent
        return at

    def _find(self, parent, line, at, stop, column):
        """The child of that name with something in `column`: further children, a query or a command."""
        length = stop - at
        node = self._child[parent]
        while node != _NONE:
            if column[node] != _NONE and (length == self._lengths[node] or length == self._shorts[node]):
                if self._same(line, at, node, length):
                    return node
            node = self._next[node]
        return _NONE

    def _parameters(self, line, at, end):
        at = _skip_space(line, at, end)
        if at == end:
            return 0
        while True:
            if self.count == PARAMS_MAX:
                return errors.TOO_MANY
            at = self._parameter(line, at, end)
            if at < 0:
                return at
            self.count += 1
            at = _skip_space(line, at, end)
            if at == end:
                return 0
            if line[at] != _COMMA:
                return errors.SEPARATOR
            at = _skip_space(line, at + 1, end)
            if at == end:
                return errors.MISSING

    def _parameter(self, line, at, end):
        """Take one parameter; where it ends, or the number of an error."""
        c = line[at]
        i = self.count
        if c == _QUOTE or c == _APOSTROPHE:
            stop = at + 1
            while stop < end and line[stop] != c:
                stop += 1
            if stop == end:
                return errors.STRING
            self._kinds[i] = TEXT
            self.starts[i] = at + 1
            self.ends[i] = stop
            return stop + 1
        if c == _HASH:
            return errors.BLOCK
        self.starts[i] = at
        if 48 <= c <= 57 or c == 43 or c == 45 or c == 46:
            return self._number(line, at, end)
        stop = at
        while stop < end and _in_name(line[stop]):
            stop += 1
        if stop == at:
            return errors.SYNTAX
        self._kinds[i] = WORD
        self.ends[i] = stop
        return stop

    def _number(self, line, at, end):
        i = self.count
        negative = line[at] == 45
        if negative or line[at] == 43:
            at += 1
        value = digits = 0
        while at < end and 48 <= line[at] <= 57:
            if value > NUMBER_MOST // 10:
                value = NUMBER_MOST + 1  # beyond every range
            elif value <= NUMBER_MOST:
                value = value * 10 + line[at] - 48
            digits += 1
            at += 1
        if at < end and line[at] == 46:  # 500.0 is a whole number, 500.5 is not read kindly
            at += 1
            while at < end and 48 <= line[at] <= 57:
                if line[at] != 48:
                    self.detail = b"a whole number is expected"
                    return errors.NUMERIC
                digits += 1
                at += 1
        if not digits:
            return errors.NUMERIC
        if at < end and _in_name(line[at]):
            return errors.SUFFIX
        self._kinds[i] = INT
        self.values[i] = -value if negative else value
        self.ends[i] = at
        return at

    def _check(self, line):
        """The parameters against what the row of the table says of them."""
        params = self._params[self.row]
        if self.count > len(params):
            return errors.TOO_MANY
        if self.count < len(params) and not params[self.count].optional:
            return errors.MISSING
        for i in range(self.count):
            param = params[i]
            if self._kinds[i] != param.kind:
                self.detail = _EXPECTED[param.kind]
                return errors.DATA_TYPE
            if param.kind == INT:
                if not param.low <= self.values[i] <= param.high:
                    return errors.OUT_OF_RANGE
            elif param.kind == TEXT:
                if not param.low <= self.ends[i] - self.starts[i] <= param.high:
                    return errors.ILLEGAL_VALUE
            else:
                self.values[i] = self._word(param.words, line, self.starts[i], self.ends[i])
                if self.values[i] < 0:
                    return errors.ILLEGAL_VALUE
        return 0

    def _word(self, words, line, at, stop):
        length = stop - at
        for i in range(len(words)):
            if len(words[i]) == length and _same(line, at, words[i], length):
                return i
        return _NONE


_EXPECTED = (b"a number is expected", b"a string in quotes is expected", b"a word without quotes is expected")


def _skip_space(line, at, end):
    while at < end and line[at] <= 32:
        at += 1
    return at


def _in_name(c):
    return 97 <= c <= 122 or 65 <= c <= 90 or 48 <= c <= 57 or c == 95 or c == _STAR


def _same(line, at, name, length):
    """Whether line[at:at+length] is `name`, which is in capitals, in any case."""
    for i in range(length):
        c = line[at + i]
        if 97 <= c <= 122:
            c -= 32
        if c != name[i]:
            return False
    return True
