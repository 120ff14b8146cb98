"""Where listings come from: one module a kind of source, each a function `crawl(context)`."""
