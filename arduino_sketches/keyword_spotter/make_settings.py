"""Write keyword_settings.h and the model: ``python make_settings.py [KEYWORDS.json]``.

Without a file it is the bundled reference classifier of ``03_keyword_spotting``. KEYWORDS.json, and the model beside
it, are what ``save_keyword_classifier`` writes.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tinyml_labs.keyword_classifier import load_keyword_classifier, load_reference_keyword_classifier
from tinyml_labs.keyword_export import export_keyword_classifier


def main() -> None:
    """Write the files beside this script."""
    if len(sys.argv) > 2:
        raise SystemExit(__doc__)
    classifier = load_keyword_classifier(sys.argv[1]) if len(sys.argv) == 2 else load_reference_keyword_classifier()
    for path in export_keyword_classifier(classifier, Path(__file__).parent):
        print(path)


if __name__ == "__main__":
    main()
