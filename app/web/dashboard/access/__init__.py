"""The way in: who may open the dashboard, and the checks of every request."""
