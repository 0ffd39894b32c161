"""Alembic's entry: applies the migrations to the database that the settings name."""

from alembic import context
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from core.database import sqlalchemy_url

# Two who start at once migrate one after the other: the second finds nothing left to do.
MIGRATION_LOCK = 7_265_431_902

if context.is_offline_mode():
    context.configure(url=sqlalchemy_url(), literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    url = context.config.get_main_option("sqlalchemy.url") or sqlalchemy_url()
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
        # A live worker's locks are short. Rather than queue behind a long one, with all others
        # behind us, give up and say so.
        connection.execute(text("SET lock_timeout = '10s'"))
        connection.commit()
        context.configure(connection=connection, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
        connection.commit()
