"""What the web process does before it answers anybody, so that no page has to wait for it."""

import gc


def warm() -> None:
    """Load the libraries of figures, which pages load when they first need them, and set aside all that is there now.

    Python's collector goes through every object now and then, and all threads wait: through the 400,000 of a web
    process for 0.2 s. What is set aside it leaves alone; a round over what comes later takes some milliseconds.
    """
    import scanner.zoo.evaluation  # noqa: F401 - with SciPy and scikit-learn: a second or two

    gc.collect()
    gc.freeze()
