"""AWS Sign-In on loopback: the page that begins a session of `aws login --remote`, and the call that
exchanges its code for keys and renews them, CreateOAuth2Token.

Arguments: what it answers to that call, one after the other: `ok`, or what an AccessDeniedException
says (TOKEN_EXPIRED, AUTHCODE_EXPIRED, ..), or a status of HTTP; the last one for ever. Prints its port
and the session's key as JSON, logs each request to standard error, and ends with its standard input.
SUBJECT is who signs in on the page, SECONDS how long keys are good.

GET /v1/authorize is the page: whoever opens it is signed in at once, and reads the code that AWS's own
page shows, as text. POST /session/end, which is no call of AWS's, ends the session.

What does not prove that it comes from who holds the key, or who asked for the code, is refused as AWS
refuses it, by a ValidationException INVALID_REQUEST. A code and a refresh token are good once.

Shapes: the service model of botocore 1.44.8 (signin), its `_build_dpop_header`, RFC 9449, 4.3, RFC 7636,
4.6, and what the AWS CLI 2.36.7 opens and sends (awscli/customizations/login/utils.py), which signs in
here.
"""

import base64
import hashlib
import http.server
import json
import os
import sys
import threading
import time
import urllib.parse
import uuid

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
DEVTOOLS = "arn:aws:signin:::devtools/"
subject = os.environ.get("SUBJECT", "arn:aws:iam::123456789012:user/me")
seconds = int(os.environ.get("SECONDS", "900"))
renewals = 0
is_over = False
# Of the session: whose it is, and with which key it was begun.
client = DEVTOOLS + "same-device"
holder = KEY.public_key()
# What pages were opened for, by the codes that they showed.
codes = {}
seen = set()
lock = threading.Lock()


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def coded(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def wrong_page(asked, base):
    """What is wrong with the page that is asked for; nothing where it is one that the CLI opens."""
    wanted = {
        "response_type": "code",
        "client_id": DEVTOOLS + "cross-device",
        "code_challenge_method": "SHA-256",
        "scope": "openid",
        "redirect_uri": f"{base}/v1/sessions/confirmation",
    }
    for name, value in wanted.items():
        if asked.get(name) != value:
            return f"{name}, {asked.get(name)}"
    if set(asked) != {*wanted, "state", "code_challenge"}:
        return f"its parameters, {sorted(asked)}"
    if len(decoded(asked["code_challenge"])) != 32 or "=" in asked["code_challenge"]:
        return "its challenge"
    return None if str(uuid.UUID(asked["state"])) == asked["state"] else "its state"


def public_key(jwk):
    """The key that a proof names."""
    x, y = (int.from_bytes(decoded(jwk[name]), "big") for name in ("x", "y"))
    return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()


def wrong_proof(token, address, key):
    """What is wrong with a DPoP token; nothing where it is good. A session is begun with any key."""
    head_text, claims_text, signature = token.split(".")
    head, claims = json.loads(decoded(head_text)), json.loads(decoded(claims_text))
    jwk = head["jwk"]
    if (head["typ"], head["alg"], jwk["kty"], jwk["crv"]) != ("dpop+jwt", "ES256", "EC", "P-256"):
        return "its head"
    named = public_key(jwk)
    if set(jwk) != {"kty", "crv", "x", "y"} or key and key.public_numbers() != named.public_numbers():
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
        named.verify(
            utils.encode_dss_signature(*pair), f"{head_text}.{claims_text}".encode(),
            ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return "its signature"
    return None


def id_token():
    claims = {"sub": subject, "aud": client, "exp": int(time.time()) + seconds}
    return ".".join([coded(b'{"alg":"ES256"}'), coded(json.dumps(claims).encode()), coded(b"none")])


def is_known(asked):
    """Whether what is asked for belongs to the session, or to a code that nobody exchanged yet."""
    if asked["grantType"] == "refresh_token":
        token = f"refresh-{renewals}"
        return asked["clientId"] == client and asked["refreshToken"] == token
    page = codes.get(asked["code"])
    if not page or set(asked) != {"grantType", "clientId", "code", "codeVerifier", "redirectUri"}:
        return False
    challenge = coded(hashlib.sha256(asked["codeVerifier"].encode()).digest())
    return (
        asked["grantType"] == "authorization_code"
        and (asked["clientId"], asked["redirectUri"]) == (page["client_id"], page["redirect_uri"])
        and challenge == page["code_challenge"]
        and 43 <= len(asked["codeVerifier"]) <= 128
    )


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

    def do_GET(self):
        path, _, query = self.path.partition("?")
        asked = dict(urllib.parse.parse_qsl(query))
        wrong = wrong_page(asked, f"http://{self.headers['Host']}")
        wrong = wrong or (None if path == "/v1/authorize" else "its path")
        with lock:
            print(json.dumps({"path": path, "asked": asked, "wrong": wrong}),
                  file=sys.stderr, flush=True)
            if wrong:
                return self.answer(400, {"error": "INVALID_REQUEST", "message": wrong})
            # As long as AWS gives them at the most.
            code = coded(os.urandom(384))
            codes[code] = asked
        shown = urllib.parse.urlencode({"state": asked["state"], "code": code})
        payload = base64.b64encode(shown.encode())
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def do_POST(self):
        global renewals, is_over, client, holder
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}")
        if self.path == "/session/end":
            is_over = True
            return self.answer(200, {})
        address = f"http://{self.headers['Host']}{self.path}"
        is_begun = asked.get("grantType") == "authorization_code"
        with lock:
            wrong = wrong_proof(self.headers["DPoP"], address, None if is_begun else holder)
            if not wrong and not (self.path == "/v1/token" and is_known(asked)):
                wrong = "not known"
            print(json.dumps({"path": self.path, "asked": asked, "wrong": wrong}),
                  file=sys.stderr, flush=True)
            told = answers.pop(0) if len(answers) > 1 else answers[0]
            if is_over and not is_begun:
                told = "TOKEN_EXPIRED"
            if wrong:
                words = {"error": "INVALID_REQUEST", "message": wrong}
                return self.answer(400, words, "ValidationException")
            if told.isdigit():
                return self.answer(int(told), {"error": "server_error", "message": "of a test"},
                                   "InternalServerException")
            # What was out of order took no code.
            codes.pop(asked.get("code"), None)
            if told != "ok":
                # Which status goes with which word is in the model's text of that exception.
                status = 401 if told.endswith("_EXPIRED") else 403
                words = {"error": told, "message": "of a test"}
                return self.answer(status, words, "AccessDeniedException")
            renewals += 1
            given = {
                "accessToken": {
                    "accessKeyId": f"ASIASESSION{renewals}",
                    "secretAccessKey": "secret-key-of-a-test",
                    "sessionToken": "session-token-of-a-test",
                },
                "tokenType": "aws_sigv4",
                "expiresIn": seconds,
                "refreshToken": f"refresh-{renewals}",
            }
            if is_begun:
                is_over, client = False, asked["clientId"]
                head = json.loads(decoded(self.headers["DPoP"].split(".")[0]))
                holder = public_key(head["jwk"])
                given["idToken"] = id_token()
            self.answer(200, given)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(json.dumps({"port": server.server_address[1], "key": PEM}), flush=True)
sys.stdin.read()
