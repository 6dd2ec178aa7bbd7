"""What we wrote ourselves: dialogues, tasks, labelled replies. ``python -m training.data check`` validates all of it."""
