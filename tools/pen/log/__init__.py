"""`pen log`: reads the records of a pen outside of it, and hands them on to other programs."""
