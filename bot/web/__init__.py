"""What is served over HTTP: webhooks, the web chat, health. Pages are templates/ and static/."""
