"""People, storage and clock: the web pages, the database, the queue and the command line."""
