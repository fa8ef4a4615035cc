"""Person models, which find people, animals and vehicles in a picture."""
