"""The page Now, and what follows the house live: pictures and state."""
