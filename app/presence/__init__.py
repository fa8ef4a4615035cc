"""Who is home: what a router sees, and what follows from it."""
