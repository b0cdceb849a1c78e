"""The database: tables, and what is asked of them. SQLite and PostgreSQL from the same code."""
