"""The console's SECurity commands: the challenge, its answer, and who hears of it."""

import os

import access
import machine

NO_KEY = b"this pen has no key: provision it with one"
HOLD_SELECT = b"hold SELECT on the pen while the answer is sent"


class Commands:
    def __init__(self, pen, console):
        self._pen = pen
        self._access = console.access
        self._reply = console.reply
        self._line = console.line
        self._parser = console.parser
        self._given = bytearray(access.ANSWER_CHARS // 2)

    def challenge(self):
        refusal = self._not_now()
        if refusal:
            return refusal
        fresh = os.urandom(32) + machine.unique_id() + b"%d" % self._pen.counters.boots
        nonce = self._access.challenge(fresh, self._pen.uptime_ms)
        self._pen.panel.say("Computer: hold SEL", ">")
        self._reply.text("".join(["%02x" % value for value in nonce]).encode())

    def answer(self):
        refusal = self._not_now()
        if refusal:
            return refusal
        if not self._pen.panel.select_held():
            return HOLD_SELECT
        if not access.unhex(self._line, self._parser.starts[0], self._given):
            return b"the answer has 64 hexadecimal digits"
        if not self._access.answer(self._given, self._pen.uptime_ms):
            return b"wrong answer, or its challenge is older than a minute or used up"

    def _not_now(self):
        if not self._access.has_key():
            return NO_KEY
        left_ms = self._access.left_ms(self._pen.uptime_ms)
        if left_ms:
            return b"a wrong answer was given; wait %d s" % ((left_ms + 999) // 1000)

    def state(self):
        reply = self._reply
        reply.text(b"open," if self._access.open else b"locked,")
        reply.number(1 if self._access.has_key() else 0)
        reply.comma()
        reply.number(self._access.wrong)
        reply.comma()
        reply.number((self._access.left_ms(self._pen.uptime_ms) + 999) // 1000)

    def close(self):
        self._access.close()
