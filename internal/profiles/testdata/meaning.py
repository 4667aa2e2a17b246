"""Says what a profile means for botocore: one JSON request per line in, one answer out.

Every call of AWS, every token and every program is replaced by a stand-in, which returns
credentials that say how they were obtained.
"""
import datetime
import json
import os
import sys
import tempfile

import botocore.credentials as credentials
import botocore.session

EXPIRES = datetime.datetime(2100, 1, 1, tzinfo=datetime.timezone.utc)


def made(text):
    return {
        "AccessKeyId": text,
        "SecretAccessKey": "s",
        "SessionToken": "t",
        "Expiration": EXPIRES,
    }


class Client:
    """An STS that answers with the call itself, over the credentials that signed it."""

    def __init__(self, signer):
        self.signer = signer

    def assume_role(self, **call):
        name = call.get("RoleSessionName", "")
        if name.startswith("botocore-session-"):
            name = ""
        text = "role %s name=%s external=%s mfa=%s seconds=%s < %s" % (
            call["RoleArn"],
            name,
            call.get("ExternalId", ""),
            call.get("SerialNumber", ""),
            call.get("DurationSeconds", 0),
            self.signer,
        )
        return {"Credentials": made(text)}

    def assume_role_with_web_identity(self, **call):
        name = call.get("RoleSessionName", "")
        if name.startswith("botocore-session-"):
            name = ""
        text = "web %s name=%s token=%s seconds=%s" % (
            call["RoleArn"],
            name,
            call["WebIdentityToken"],
            call.get("DurationSeconds", 0),
        )
        return {"Credentials": made(text)}


class Sourcer(credentials.CanonicalNameCredentialSourcer):
    def source_credentials(self, name):
        if not self.is_supported(name):
            return super().source_credentials(name)
        return credentials.Credentials("host " + name, "s", "t")


def stand_in():
    def creator(session, region):
        def create(service, **settings):
            return Client(settings.get("aws_access_key_id"))

        return create

    def sso(self):
        text = "sso %s %s %s %s" % (
            self._start_url,
            self._sso_region,
            self._account_id,
            self._role_name,
        )
        return {"Credentials": dict(made(text), Expiration="2100-01-01T00:00:00Z")}

    def process(self, command):
        return {"access_key": "process " + command, "secret_key": "s", "token": "t"}

    def login(self):
        config = self._load_config().get("profiles", {}).get(self._profile_name, {})
        if "login_session" in config:
            return credentials.Credentials("login " + config["login_session"], "s", "t")

    # These prepare TLS, which takes most of the time, and are not asked for anything.
    credentials.InstanceMetadataFetcher = lambda **_: None
    credentials.ContainerMetadataFetcher = lambda: None
    credentials._get_client_creator = creator
    credentials.CanonicalNameCredentialSourcer = Sourcer
    credentials.FileWebIdentityTokenLoader = lambda path: lambda: path
    credentials.SSOCredentialFetcher._get_credentials = sso
    credentials.ProcessProvider._retrieve_credentials_using = process
    if hasattr(credentials, "LoginProvider"):
        credentials.LoginProvider.load = login


def answer(session, directory, request):
    for name in "config", "credentials":
        with open(os.path.join(directory, name), "w") as f:
            f.write(request[name])
    # A session is slow to make, so one is made to forget what it has read.
    session._config = session._profile_map = session._profile = None
    session._session_instance_vars["profile"] = request["profile"]
    try:
        resolver = credentials.create_credential_resolver(session)
        resolver.get_provider("assume-role")._prompter = lambda _: "123456"
        resolver.providers = [
            p
            for p in resolver.providers
            if p.METHOD not in ("iam-role", "container-role", "ec2-credentials-file", "boto-config")
        ]
        found = resolver.load_credentials()
        if found is None:
            return {"refused": "no credentials"}
        return {
            "chain": found.get_frozen_credentials().access_key,
            "region": session.get_config_variable("region") or "",
        }
    except Exception as e:
        return {"refused": type(e).__name__}


def main():
    stand_in()
    with tempfile.TemporaryDirectory() as directory:
        for name in list(os.environ):
            if name.startswith("AWS_"):
                del os.environ[name]
        os.environ["HOME"] = directory
        os.environ["AWS_CONFIG_FILE"] = os.path.join(directory, "config")
        os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.path.join(directory, "credentials")
        session = botocore.session.Session()
        for line in sys.stdin:
            print(json.dumps(answer(session, directory, json.loads(line))))


main()
