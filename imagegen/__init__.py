"""Pictures: what the user wishes to see, and the pipelines that draw it."""
