"""Write gesture_settings.h and the model: ``python make_settings.py [MODEL.tflite SETTINGS.json]``.

Without files it is the bundled reference classifier of ``02_gesture_recognition``. SETTINGS.json is what
``GestureClassifier.to_json()`` gives.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tinyml_labs.gesture_classifier import GestureClassifier, load_reference_classifier
from tinyml_labs.gesture_export import export_gesture_classifier


def main() -> None:
    """Write the files beside this script."""
    if len(sys.argv) == 3:
        model, settings = map(Path, sys.argv[1:])
        classifier = GestureClassifier.from_json(model.read_bytes(), settings.read_text(encoding="utf-8"))
    elif len(sys.argv) == 1:
        classifier = load_reference_classifier()
    else:
        raise SystemExit(__doc__)
    for path in export_gesture_classifier(classifier, Path(__file__).parent):
        print(path)


if __name__ == "__main__":
    main()
