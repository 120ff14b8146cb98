"""PaddleHub itself, in an environment of its own: for whoever wants its own `hub install`."""
