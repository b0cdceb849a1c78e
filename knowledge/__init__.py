"""What is known: topics, contacts, places and the search over them.

No people, no channels, no network, no database: those belong to handlers and bot.
"""
