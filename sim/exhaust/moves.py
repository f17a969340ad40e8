"""Every call that the pen, its user or its sensors can make into the core, in any order.

More than the pen does: it sends HOMED only in homing, asks only with the trigger down, and so on (`legal`). The
events that the core sends to itself (BLOCK, START, the fault events, CLEAR) come about through trip, ask and
clear; each is also forced in every state, to see what an event that cannot be leads to, but the checker does
not go on from there.
"""

from __future__ import annotations

from typing import Any

from sim.exhaust.subject import Firmware, Move

ZONE = "cheek"  # its cap is not the build's ceiling
# reach and how far out that is at the most: both ends of what is allowed, and beside them
REACHES = ((1, -460), (3100, 2550), (0, 100), (-1, 100), (3101, 2000), (1000, 2551))


class Moves:
    """The moves of one firmware. `codes`: only these faults are tripped from outside, for a quick look."""

    def __init__(self, firmware: Firmware, codes: tuple[int, ...] | None = None):
        safety, faults, depth = firmware.safety, firmware.faults, firmware.depth
        self._safety = safety
        self.names = {
            "event": dict(enumerate(safety.EVENT_NAMES)),
            "trip": {code: faults.key(code) for code in faults.TABLE}}  # fmt: skip
        sent = (safety.TESTED, safety.HOME, safety.HOMED, safety.RELEASE, safety.PARKED, safety.RETRACTED)
        self._sent_in = {
            safety.TESTED: safety.BOOT, safety.HOME: safety.UNHOMED, safety.HOMED: safety.HOMING,
            safety.PARKED: safety.STOPPING, safety.RETRACTED: safety.RETRACTING}  # fmt: skip
        self.forced = tuple(Move("event", event) for event in range(len(safety.EVENT_NAMES)) if event not in sent)
        zone = depth.zone_number(ZONE)
        row = depth.ZONES[zone]
        self.session = Move("open", zone, row.cap_um)  # below the supervised cap, to see what exceeds it
        over = (0, -1, row.supervised_cap_um + 1)
        refused = [Move("open", zone, um) for um in over] + [Move("open", 0, 1), Move("open", len(depth.ZONES), 1)]
        self.trips = tuple(Move("trip", code) for code in (faults.TABLE if codes is None else codes))
        self._always = (
            *self.trips, *(Move("event", event) for event in sent), Move("clear", 0), Move("clear", 1), self.session,
            *refused, Move("close"), Move("power_gone"), Move("spend", 1), Move("spend", 0), Move("update"),
            Move("open_gauge"), Move("close_gauge"),
            *(Move("ask_static", *pair) for pair in REACHES))
        self._asks: dict[int, tuple[Move, ...]] = {}

    def all(self, max_um: int) -> tuple[Move, ...]:
        """Every move in a state with this limit: asks are at, beside and beyond both ends of what is allowed."""
        if max_um not in self._asks:
            depths = sorted({-1, 0, 1, max_um, max_um + 1})
            self._asks[max_um] = (*self._always, *(Move("ask", um) for um in depths))
        return self._asks[max_um]

    def legal(self, move: Move, state: int, fault: int) -> bool:
        """Whether the pen makes this call in this state."""
        if move.what == "event":
            if move.a == self._safety.TESTED:
                return state == self._safety.BOOT and fault == 0
            return move.a == self._safety.RELEASE or self._sent_in.get(move.a) == state
        return True

    def text(self, move: Move) -> str:
        """The call in words a reader of safety.py knows."""
        what, a, b = move
        if what in self.names:
            return f"{what}({self.names[what][a]})"
        texts = {
            "ask": f"ask({a} um)", "spend": "permit.spend() " + ("after it expired" if a else "in time"),
            "clear": "clear(service)" if a else "clear()", "open": f"open_session(zone {a}, {b} um)",
            "ask_static": f"ask_static({a} um, {b} um out)", "open_gauge": "open_gauge()",
            "close_gauge": "close_gauge()",
            "close": "close_session()", "update": "update()", "power_gone": "power_gone()"}  # fmt: skip
        return texts[what]

    def answers(self) -> dict[int, Move]:
        """What the motor answers, by the state that asks it to do something."""
        safety = self._safety
        return {state: Move("event", event) for event, state in self._sent_in.items()
                if state in (safety.HOMING, safety.STOPPING, safety.RETRACTING)}  # fmt: skip


def helps(firmware: Firmware, moves: Moves, move: Move, state: int, fault: Any) -> bool:
    """Whether a user brings this about on the way out: what the pen does by itself, and what its panel says to do."""
    faults = firmware.faults
    if move.what == "trip" or move.what == "power_gone":
        return False
    if move.what == "clear" and move.a:
        return fault != faults.NONE and faults.remedy(fault) == faults.BY_SERVICE
    return moves.legal(move, state, fault)


def may_restart(firmware: Firmware, state: int, fault: Any) -> bool:
    """Whether the panel tells the user to switch off and on."""
    faults = firmware.faults
    return state == firmware.safety.POWER_DOWN or (fault != faults.NONE and faults.remedy(fault) == faults.BY_RESTART)
