"""Everything the server keeps: accounts, chats as trees of messages, and the events that clients replay."""
