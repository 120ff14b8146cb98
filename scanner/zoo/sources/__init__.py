"""Where weights come from: one module a kind of source, each of which puts files into a folder."""
