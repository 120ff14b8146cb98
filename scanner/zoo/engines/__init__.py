"""What runs a network. Imported only where a predictor is built: paddle takes seconds to import."""
