"""Says how botocore reads config files: one JSON request per line in, one answer out."""
import base64
import configparser
import json
import os
import sys
import tempfile

import botocore.configloader
import botocore.exceptions


def lines_of(error):
    """The line numbers an error of configparser names."""
    if isinstance(error, configparser.ParsingError) and not isinstance(
        error, configparser.MissingSectionHeaderError
    ):
        return [number for number, _ in error.errors]
    return [error.lineno] if getattr(error, "lineno", None) else []


def answer(path, text):
    with open(path, "wb") as f:
        f.write(text)
    # botocore hides the cause of a ConfigParseError, so it is looked for first.
    try:
        parser = configparser.RawConfigParser()
        parser.read([path])
    except (configparser.Error, UnicodeDecodeError) as e:
        cause, lines = type(e).__name__, lines_of(e)
    else:
        cause, lines = "nested", []
    try:
        loaded = botocore.configloader.load_config(path)
    except botocore.exceptions.ConfigParseError:
        return {"cause": cause, "lines": lines}
    return {
        "names": list(loaded["profiles"]),
        "profiles": loaded["profiles"],
        "sso": loaded["sso_sessions"],
        "services": loaded["services"],
    }


def main():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "config")
        for line in sys.stdin:
            print(json.dumps(answer(path, base64.b64decode(line))))


main()
