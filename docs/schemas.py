"""The schemas of all JSON that the library writes, made from the declarations of what is written.

python docs/schemas.py            # are the files of core/secateur/schemas these?
python docs/schemas.py --write    # write them
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import schemas_of_problems  # noqa: F401  they declare documents
import schemas_of_pruning  # noqa: F401
import schemas_of_studies  # noqa: F401
from schema_making import MADE, schema_of

FOLDER = Path(__file__).parents[1] / "core" / "secateur" / "schemas"


def text_of(name: str) -> str:
    """The file of one schema."""
    return json.dumps(schema_of(name), indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    """Write or compare the files; how many differ."""
    given = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    given.add_argument("--write", action="store_true", help="write the files")
    asked = given.parse_args()
    wrong = [one for one in FOLDER.glob("*.json") if one.stem not in MADE]
    for name in MADE:
        path, text = FOLDER / f"{name}.json", text_of(name)
        if asked.write:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            wrong.append(path)
    for path in wrong:
        print(f"{path} is not what the declarations make (python docs/schemas.py --write)")
    return len(wrong)


if __name__ == "__main__":
    sys.exit(main())
