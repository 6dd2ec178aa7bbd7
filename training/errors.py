"""Errors of the training commands; each prints as one line that says what to do."""


class TrainingError(Exception):
    """Something the person who trains can mend: a path, a file, a setting."""
