"""The archive of a house: its events, samples and tags, in a folder or in a bucket."""
