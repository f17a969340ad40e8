"""One pen from both of its memories: the sessions of FRAM and archive together, each once.

Invariant: of a session that is in both, the copy with more of it intact counts; that two intact copies differ is a
problem, because one of them is not what the pen wrote.
"""

from __future__ import annotations

from dataclasses import replace

from penimage.archive import Archive, decode_archive
from penimage.flash import SIZES
from penimage.fram import decode
from penimage.littlefs import LOG, Reader
from penimage.model import Image, Problem, Session


class DifferentPens(ValueError):
    """The two images are of two pens."""


def read_pen(fram: bytes | None, flash: bytes | None, reader: Reader | None = None) -> Image:
    """What is intact in the images of a pen's FRAM and flash, at least one of them.

    DifferentPens when both name their pen, each another. Nothing else raises.
    """
    image = decode(fram) if fram is not None else Image()
    if flash is None:
        _note_unread_archive(image)
        image.pen_serial = image.pen_serial or _of_heads(image)
        return image
    record = image.records.get("archive")
    archive = decode_archive(flash, record.values if record else None, reader)
    if image.pen_serial and archive.pen_serial and image.pen_serial != archive.pen_serial:
        raise DifferentPens(f"the FRAM is that of pen {image.pen_serial}, the flash that of pen {archive.pen_serial}")
    if record and record.status == "empty" and not archive.entries and not archive.pen_serial:
        return image  # the pen has never archived anything, and what else is in its flash is not the journal's
    if len(flash) not in SIZES:
        what = f"image of the flash has {len(flash)} bytes, not {SIZES[0]} or {SIZES[1]}"
        image.problems.append(Problem(what, None, "what lay beyond, if anything", 0, None, LOG))
    image.archive_entries = len(archive.entries)
    image.problems += archive.problems
    image.notes += archive.notes
    image.sessions = _merged(image, archive)
    image.pen_serial = image.pen_serial or archive.pen_serial or _of_heads(image)
    return image


def _note_unread_archive(image: Image) -> None:
    record = image.records["archive"].values if "archive" in image.records else None
    if record and record["entries"] >= record["oldest"]:
        count = record["entries"] - record["oldest"] + 1
        sessions = "1 session is" if count == 1 else f"{count} sessions are"
        what = f"{sessions} in the archive in the flash, which was not read"
        image.notes.append(Problem(what, None, "nothing"))


def _of_heads(image: Image) -> str:
    """The pen by its sessions, where the superblock does not say."""
    return next((session.head.pen_serial for session in reversed(image.sessions) if session.head), "")


def _merged(image: Image, archive: Archive) -> list[Session]:
    """All sessions by number."""
    best = {session.number: session for session in image.sessions}
    for session in archive.sessions:
        other = best.get(session.number)
        if other is None:
            best[session.number] = session
            continue
        if not other.problems and not session.problems:
            if (other.head, other.tail, other.strokes) != (session.head, session.tail, session.strokes):
                what = "the copies in FRAM and archive differ"
                image.problems.append(Problem(what, None, "trust in it; that of the FRAM is shown", 0, session.number))
            continue
        in_fram = _worth(other) >= _worth(session)
        kept, left = (other, session) if in_fram else (session, other)
        best[session.number] = kept
        _make_up_for(left, f"nothing: the copy in the {'FRAM' if in_fram else 'archive'} counts", image)
    return [best[number] for number in sorted(best)]


def _make_up_for(session: Session, instead: str, image: Image) -> None:
    """What a copy of a session lost is not lost, because there is a better one."""
    gone = set(session.problems)
    image.problems = [
        replace(problem, lost=instead, lost_strokes=0) if problem in gone else problem for problem in image.problems
    ]


def _worth(session: Session) -> tuple[int, bool, bool, int]:
    """How much of a session is intact."""
    return len(session.strokes), session.head is not None, session.tail is not None, -len(session.problems)
