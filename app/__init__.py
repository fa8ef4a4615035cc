"""Who's There? A home security camera suite for the Raspberry Pi."""
