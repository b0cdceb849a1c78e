"""Where people write: Telegram, Viber, the web chat. One contract, in base.py."""
