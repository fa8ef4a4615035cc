"""The dashboard: pages for people at home, on a port of their own."""
