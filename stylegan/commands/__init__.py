"""The commands of ``python -m stylegan``: one module each."""
