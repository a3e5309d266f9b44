"""The one exception that the lab shows to its user: a sentence, and perhaps the end of a log."""


class LabError(Exception):
    """`str()` is one line for the user; `details` may be many, e.g. the tail of a log."""

    def __init__(self, sentence, details=""):
        super().__init__(sentence)
        self.details = details
