"""Says how botocore reads credentials files: one per line in base64, one answer out."""
import base64
import json
import os
import sys
import tempfile

import botocore.configloader
import botocore.exceptions


def answer(path, text):
    with open(path, "wb") as f:
        f.write(text)
    try:
        return botocore.configloader.raw_config_parse(path)
    except botocore.exceptions.ConfigParseError:
        return None


def main():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "credentials")
        for line in sys.stdin:
            print(json.dumps(answer(path, base64.b64decode(line))))


main()
