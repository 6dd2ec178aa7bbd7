"""The websocket server: sessions, protocol, storage, operator commands, and the chat page in ``web/``."""
