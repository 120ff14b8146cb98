"""The sample marketplace: a small shop on loopback that a fresh Tuskline has something to scan in."""
