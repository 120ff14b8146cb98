"""Pictures, models and marketplaces. Knows no web framework, no database, no queue."""
