"""The classes of people, animals and vehicles, in the same plain words for every model.

The other things that models know, such as chairs, are left out: they do not come by themselves.
"""

from app.people.base import PERSON

#: By their numbers in the 80 classes of COCO.
COCO = {
    0: PERSON,
    1: "bicycle",
    2: "car",
    3: "motorcycle",
    4: "airplane",
    5: "bus",
    6: "train",
    7: "truck",
    8: "boat",
    14: "bird",
    15: "cat",
    16: "dog",
    17: "horse",
    18: "sheep",
    19: "cow",
    20: "elephant",
    21: "bear",
    22: "zebra",
    23: "giraffe",
}
#: By their numbers in the 21 classes of VOC, where 0 is nothing.
VOC = {
    1: "airplane",
    2: "bicycle",
    3: "bird",
    4: "boat",
    6: "bus",
    7: "car",
    8: "cat",
    10: "cow",
    12: "dog",
    13: "horse",
    14: "motorcycle",
    15: PERSON,
    17: "sheep",
    19: "train",
}
