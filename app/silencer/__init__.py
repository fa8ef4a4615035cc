"""The silencer, which learns from the tags of one camera which of its events are false alarms."""
