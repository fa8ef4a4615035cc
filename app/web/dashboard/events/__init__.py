"""The events: the pages Timeline and Tag, the page of each event, and its media."""
