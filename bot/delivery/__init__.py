"""The way of a message: inbox → pipeline → outbox. Nothing leaves before its row is committed."""
