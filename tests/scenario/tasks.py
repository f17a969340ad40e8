"""A task of the pen's loop replaced by another, for tests of what becomes of the pen then."""

METHODS = {  # of the loop's tasks: module, class, method
    "sense": ("pen", "Pen", "_sense"), "motor": ("pace", "Pace", "run"), "analog": ("pen", "Pen", "_analog"),
    "driver": ("pen", "Pen", "_driver"), "treatment": ("pen", "Pen", "_treatment"), "panel": ("pen", "Pen", "_panel")}


def replace(space, task, instead):
    """Have `instead(pen, now_us)` run in place of a task; when it answers None the task itself runs too."""
    module, owner, method = METHODS[task]
    owner = getattr(space.module(module), owner)
    sound = getattr(owner, method)

    def run(self, now_us):
        answer = instead(getattr(self, "_pen", self), now_us)
        return sound(self, now_us) if answer is None else answer

    setattr(owner, method, run)
