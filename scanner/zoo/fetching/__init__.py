"""Files from elsewhere: resumed, bounded, held to a digest, and unpacked with care."""
