"""Who she is and what she says: cards, prompt, language models, emotion, conduct, routing."""
