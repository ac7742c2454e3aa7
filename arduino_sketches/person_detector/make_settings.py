"""Write person_settings.h and the model: ``python make_settings.py [PERSON.json]``.

Without a file it is the bundled reference classifier of ``04_person_detection``. PERSON.json, and the model beside
it, are what ``save_person_classifier`` writes.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tinyml_labs.person_classifier import load_person_classifier, load_reference_person_classifier
from tinyml_labs.person_export import export_person_classifier


def main() -> None:
    """Write the files beside this script."""
    if len(sys.argv) > 2:
        raise SystemExit(__doc__)
    classifier = load_person_classifier(sys.argv[1]) if len(sys.argv) == 2 else load_reference_person_classifier()
    for path in export_person_classifier(classifier, Path(__file__).parent):
        print(path)


if __name__ == "__main__":
    main()
