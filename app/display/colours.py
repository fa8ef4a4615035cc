"""The colours of the display, blue, green, red: dark on a light ground.

What was confirmed also has a thicker line than what has only changed, for eyes that do not tell
the colours apart.
"""

GROUND = (225, 225, 225)
PANEL = (252, 252, 252)
TEXT = (40, 40, 40)
HEADING = (110, 110, 110)
AXIS = (205, 205, 205)
CONFIRMED = (30, 130, 20)
CHANGED = (0, 80, 195)
EVENT = (190, 90, 20)
SEEN = (150, 30, 140)
DAMAGED = (40, 30, 200)
