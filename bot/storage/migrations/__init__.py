"""Alembic migrations, run by `helpline migrate` and at the start of `helpline serve`."""
