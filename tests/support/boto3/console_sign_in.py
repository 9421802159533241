"""AWS Sign-In on loopback: the call that renews a session of `aws login`, CreateOAuth2Token.

Arguments: what it answers, one after the other: `ok`, or what an AccessDeniedException says
(TOKEN_EXPIRED, USER_CREDENTIALS_CHANGED, ..), or a status of HTTP; the last one for ever. Prints its
port and the session's key as JSON, logs each call to standard error, and ends with its standard input.

What does not prove that it comes from who holds the key is refused as AWS refuses it, by a
ValidationException INVALID_REQUEST. A refresh token is good once.

Shapes: the service model of botocore 1.44.8 (signin), its `_build_dpop_header`, and RFC 9449, 4.3.
"""

import base64
import http.server
import json
import sys
import threading
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

answers = sys.argv[1:]
KEY = ec.generate_private_key(ec.SECP256R1())
PEM = KEY.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.TraditionalOpenSSL,
    serialization.NoEncryption(),
).decode()
renewals = 0
seen = set()
lock = threading.Lock()


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def wrong_proof(token, address):
    """What is wrong with a DPoP token; nothing where it is good."""
    head_text, claims_text, signature = token.split(".")
    head, claims = json.loads(decoded(head_text)), json.loads(decoded(claims_text))
    public = KEY.public_key().public_numbers()
    jwk = head["jwk"]
    point = [int.from_bytes(decoded(jwk[name]), "big") for name in ("x", "y")]
    if (head["typ"], head["alg"], jwk["kty"], jwk["crv"]) != ("dpop+jwt", "ES256", "EC", "P-256"):
        return "its head"
    if set(jwk) != {"kty", "crv", "x", "y"} or point != [public.x, public.y]:
        return "its key"
    if claims["htm"] != "POST" or claims["htu"] != address:
        return f"its address, {claims['htu']}"
    if abs(claims["iat"] - time.time()) > 60:
        return "its time"
    if claims["jti"] in seen:
        return "it was there before"
    seen.add(claims["jti"])
    halves = decoded(signature)
    pair = [int.from_bytes(half, "big") for half in (halves[:32], halves[32:])]
    try:
        KEY.public_key().verify(
            utils.encode_dss_signature(*pair), f"{head_text}.{claims_text}".encode(),
            ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return "its signature"
    return None


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

    def do_POST(self):
        global renewals
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        address = f"http://{self.headers['Host']}{self.path}"
        with lock:
            wrong = wrong_proof(self.headers["DPoP"], address)
            print(json.dumps({"path": self.path, "asked": asked, "wrong": wrong}),
                  file=sys.stderr, flush=True)
            is_known = (
                self.path == "/v1/token"
                and asked["grantType"] == "refresh_token"
                and asked["clientId"] == "arn:aws:signin:::devtools/same-device"
                and asked["refreshToken"] == f"refresh-{renewals}"
            )
            told = answers.pop(0) if len(answers) > 1 else answers[0]
            if wrong or not is_known:
                words = {"error": "INVALID_REQUEST", "message": wrong or "not known"}
                return self.answer(400, words, "ValidationException")
            if told.isdigit():
                return self.answer(int(told), {"error": "server_error", "message": "of a test"},
                                   "InternalServerException")
            if told != "ok":
                words = {"error": told, "message": "of a test"}
                return self.answer(403, words, "AccessDeniedException")
            renewals += 1
            self.answer(200, {
                "accessToken": {
                    "accessKeyId": f"ASIASESSION{renewals}",
                    "secretAccessKey": "secret-key-of-a-test",
                    "sessionToken": "session-token-of-a-test",
                },
                "tokenType": "aws_sigv4",
                "expiresIn": 900,
                "refreshToken": f"refresh-{renewals}",
            })


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(json.dumps({"port": server.server_address[1], "key": PEM}), flush=True)
sys.stdin.read()
