"""An IAM Identity Center on loopback: its OIDC service, and the portal that gives a role's keys.

Arguments: what it answers to CreateToken, one after the other: `ok`, or the name of an error; the
last one for ever. Prints its port, logs each call to standard error, and ends with its standard input.

Shapes: the API references of IAM Identity Center OIDC and of its portal, and what botocore 1.44
(sso-oidc, sso) reads and sends.
"""

import http.server
import json
import sys
import threading
import time

answers = sys.argv[1:]
devices = 0
forgotten = {"InvalidClientException"} & set(answers)

TOKEN = "aoal-token-of-a-test"


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

    def do_POST(self):
        global devices
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
            elif "unknown" in asked["startUrl"]:
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
        elif self.path == "/token":
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            if answer == "ok":
                self.answer(200, {
                    "accessToken": TOKEN,
                    "tokenType": "Bearer",
                    "expiresIn": 28800,
                    "refreshToken": "refresh-of-a-test",
                })
            else:
                self.refuse(400, answer)
        else:
            self.refuse(404, "ResourceNotFoundException")

    def do_GET(self):
        bearer = self.headers.get("x-amz-sso_bearer_token")
        print(json.dumps({"path": self.path.split("?")[0], "asked": {"bearer": bearer}}),
              file=sys.stderr, flush=True)
        if self.path.startswith("/federation/credentials") and bearer == TOKEN:
            self.answer(200, {"roleCredentials": {
                "accessKeyId": "ASIATESTTESTTESTTEST",
                "secretAccessKey": "secret-key-of-a-test",
                "sessionToken": "session-token-of-a-test",
                "expiration": int((time.time() + 3600) * 1000),
            }})
        else:
            self.refuse(401, "UnauthorizedException")


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
