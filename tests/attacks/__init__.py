"""What happens when somebody means harm: hostile files, pages and requests. `make attacks` runs all of it."""
