"""Evidence in, findings out: rules with thresholds over scores and listing text. Standard library and PyYAML only."""
