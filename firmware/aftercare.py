"""What the practitioner asks before a treatment and tells the client after it, as pages for the screen.

Invariants: a line has at most 21 characters, a page at most 6 lines; whoever shows pages shows NOTICE with
them: the words are engineering defaults, not clinical advice. Not in memory until they are wanted.
"""

from micropython import const

QUESTION_PAGES = const(11)
AFTERCARE_PAGES = const(5)  # NOTICE is the last

NOTICE = (
    "Engineering defaults,",
    "not clinical advice.",
    "The practitioner",
    "decides.",
)

# One "yes" is a reason not to treat. Keys go into records and never change.
QUESTIONS = (
    ("infection", ("Active acne or", "infection in the", "area?")),
    ("herpes", ("Herpes?",)),
    ("wound", ("Open wound or", "sunburn in the area?")),
    ("eczema", ("Eczema or psoriasis", "in the area?")),
    ("cancer", ("Skin cancer in the", "area?")),
    ("bleeding", ("Bleeding disorder or", "anticoagulants?")),
    ("isotretinoin", ("Isotretinoin within", "the last 6 months?")),
    ("keloid", ("Tendency to keloids?",)),
    ("pregnancy", ("Pregnant?",)),
    ("scleroderma", ("Scleroderma?",)),
    ("allergy", ("Allergy to steel or", "to the anaesthetic?")),
)

# A title and its page
AFTERCARE = (
    ("Redness", ("Redness is expected", "for 2 to 4 days.")),
    ("First 24 hours", ("No make-up.", "No retinoids.", "No acids.")),
    ("Up to 72 hours", ("Stay out of the sun,", "use sun protection.", "No hard exercise.")),
    (
        "Next sitting",
        ("3 or 4 sittings,", "4 to 8 weeks apart.", "Results come over", "weeks, up to a year."),
    ),
)
