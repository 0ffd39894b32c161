"""Notifications: who is told what, and how it gets there through the outbox."""
