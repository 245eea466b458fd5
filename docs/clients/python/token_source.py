"""Gets tokens for a service whose Secret is mounted as a directory. Standard library only."""

import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request


class TokenSource:
    """Reads the files whenever a token is needed, and tries client_secret_next where client_secret is refused."""

    def __init__(self, directory):
        self.directory = directory
        self.token, self.expires = None, 0.0

    def access_token(self):
        if time.monotonic() >= self.expires:
            self.token, lifetime = self._request()
            self.expires = time.monotonic() + lifetime - 30
        return self.token

    def _request(self):
        files = self._read()
        secrets = [files["client_secret"]]
        if files.get("client_secret_next"):  # announced: the server may know it already
            secrets.append(files["client_secret_next"])
        for secret in secrets:
            form = {"grant_type": "client_credentials", "client_id": files["client_id"], "client_secret": secret}
            body = urllib.parse.urlencode(form).encode()
            try:
                with urllib.request.urlopen(files["token_endpoint"], body, timeout=30) as answer:
                    got = json.load(answer)
                    return got["access_token"], int(got.get("expires_in", 0))
            except urllib.error.HTTPError as refused:
                code = json.load(refused).get("error", "")
                if code != "invalid_client" or secret is secrets[-1]:
                    raise RuntimeError("getting a token: HTTP %d, %s" % (refused.code, code)) from None

    def _read(self):
        # The kubelet changes over to the next refresh by moving the link ..data: what is read through one resolved path belongs together.
        directory = os.path.realpath(os.path.join(self.directory, "..data"))
        if not os.path.isdir(directory):
            directory = self.directory
        files = {}
        for name in ("client_id", "client_secret", "client_secret_next", "token_endpoint"):
            path = os.path.join(directory, name)
            if name == "client_secret_next" and not os.path.exists(path):
                continue
            with open(path, encoding="utf-8") as file:
                files[name] = file.read().strip()
        return files


if __name__ == "__main__":
    try:
        print(TokenSource(sys.argv[1]).access_token())
    except (RuntimeError, OSError) as error:
        sys.exit(str(error))
