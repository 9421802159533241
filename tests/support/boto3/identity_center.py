"""An IAM Identity Center on loopback: its OIDC service, and the portal that gives a role's keys.

Arguments: what it answers to CreateToken, one after the other: `ok`, or the name of an error; the
last one for ever. Prints its port, logs each call to standard error, and ends with its standard input.
TOKEN_SECONDS and ROLE_SECONDS say how long tokens and keys are good; POST /session/end, which is no
call of AWS's, ends the session behind all tokens that were given: then the portal answers 401, and a
refresh InvalidGrantException. POST /answer/ANSWER, no call of AWS's either, has CreateToken answer so
from now on: `later` is `ok` for devices that begin after that, and nobody has confirmed the others.

Who asks by the name of another region's service than HOME_REGION finds nothing of the organisation
there: any region registers a client, StartDeviceAuthorization is InvalidRequestException (for a wrong
region as for a wrong start URL), the client of elsewhere is no client, and the portal answers 401.

Shapes: the API references of IAM Identity Center OIDC and of its portal, and what botocore 1.44
(sso-oidc, sso) reads and sends.
"""

import http.server
import json
import os
import sys
import threading
import time

answers = sys.argv[1:]
devices = 0
last = 0
forgotten = {"InvalidClientException"} & set(answers)

TOKEN = "aoal-token-of-a-test"
token_seconds = int(os.environ.get("TOKEN_SECONDS", "28800"))
role_seconds = int(os.environ.get("ROLE_SECONDS", "3600"))
home_region = os.environ.get("HOME_REGION", "eu-west-1")
given = {TOKEN: 1}
tokens = 0
session = 1
keys = 0


def give():
    """A token of the session that goes on; the first one has a name of its own."""
    global tokens
    token = f"{TOKEN}-{tokens}" if tokens else TOKEN
    tokens += 1
    given[token] = session
    return token


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, error=None):
        payload = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        if error:
            self.send_header("x-amzn-errortype", error)
        self.end_headers()
        self.wfile.write(payload)

    def refuse(self, status, error):
        words = {"error": error, "error_description": f"{error} of a test"}
        self.answer(status, words, error)

    def is_elsewhere(self):
        """Whether it is another region's service that is asked, by the name in the URL."""
        host = self.headers.get("Host", "").split(":")[0]
        return host.endswith(".amazonaws.com") and f".{home_region}." not in host

    def token(self):
        return {
            "accessToken": give(),
            "tokenType": "Bearer",
            "expiresIn": token_seconds,
            "refreshToken": f"refresh-of-session-{session}",
        }

    def do_POST(self):
        global devices, last
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked = json.loads(body or b"{}")
        print(json.dumps({"path": self.path, "asked": asked}), file=sys.stderr, flush=True)
        if self.path == "/client/register":
            self.answer(200, {
                "clientId": f"client-{devices}",
                "clientSecret": "secret-of-a-test",
                "clientIdIssuedAt": int(time.time()),
                "clientSecretExpiresAt": int(time.time()) + 90 * 86400,
            })
        elif self.path == "/device_authorization":
            devices += 1
            if forgotten and devices == 1:
                answers.remove("InvalidClientException")
                self.refuse(401, "InvalidClientException")
            elif "unknown" in asked["startUrl"] or self.is_elsewhere():
                self.refuse(400, "InvalidRequestException")
            else:
                self.answer(200, {
                    "deviceCode": f"device-{devices}",
                    "userCode": "ABCD-EFGH",
                    "verificationUri": "https://device.sso.eu-west-1.amazonaws.com/",
                    "verificationUriComplete":
                        "https://device.sso.eu-west-1.amazonaws.com/?user_code=ABCD-EFGH",
                    "expiresIn": 600,
                    "interval": 1,
                })
        elif self.path == "/session/end":
            globals()["session"] += 1
            self.answer(200, {})
        elif self.path.startswith("/answer/"):
            answers[:] = [self.path.removeprefix("/answer/")]
            last = devices
            self.answer(200, {})
        elif self.path == "/token" and self.is_elsewhere():
            self.refuse(401, "InvalidClientException")
        elif self.path == "/token" and asked.get("grantType") == "refresh_token":
            if asked["refreshToken"] == f"refresh-of-session-{session}":
                self.answer(200, self.token())
            else:
                self.refuse(400, "InvalidGrantException")
        elif self.path == "/token":
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            if answer == "later":
                is_later = int(asked["deviceCode"].removeprefix("device-")) > last
                answer = "ok" if is_later else "AuthorizationPendingException"
            if answer == "ok":
                self.answer(200, self.token())
            else:
                self.refuse(400, answer)
        else:
            self.refuse(404, "ResourceNotFoundException")

    def do_GET(self):
        bearer = self.headers.get("x-amz-sso_bearer_token")
        print(json.dumps({"path": self.path.split("?")[0], "asked": {"bearer": bearer}}),
              file=sys.stderr, flush=True)
        is_known = given.get(bearer) == session and not self.is_elsewhere()
        if self.path.startswith("/federation/credentials") and is_known:
            globals()["keys"] += 1
            self.answer(200, {"roleCredentials": {
                "accessKeyId": f"ASIATESTTESTTEST{keys:04}",
                "secretAccessKey": "secret-key-of-a-test",
                "sessionToken": "session-token-of-a-test",
                "expiration": int((time.time() + role_seconds) * 1000),
            }})
        else:
            self.refuse(401, "UnauthorizedException")


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
