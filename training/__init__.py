"""One runnable module per thing that is trained: ``python -m training.pretrain``, ``.sft``, ``.emotion``."""
