# SPDX-License-Identifier: MIT
"""Tokens: who may connect with which, where it may stand, what a refusal tells, and what happens when one ends."""

import base64
import hashlib
import hmac
import json
import signal
import time
import uuid

import pytest

import metrics
from clients import ask_operator, http, message, wait_open
from process import features
from test_keeper import crash, told, unsanitized

jwt = pytest.importorskip("jwt")
pytest.importorskip("cryptography")
from cryptography.hazmat.primitives import serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec, rsa  # noqa: E402

pytestmark = pytest.mark.skipif("libjwt no" in features(), reason="built without libjwt")

SECRET = b"0123456789abcdef0123456789abcdef"
ALGORITHMS = ("HS256", "RS256", "ES256")


def pem(key, private=False):
    if private:
        return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                 serialization.NoEncryption())
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


PRIVATE = {"HS256": SECRET, "RS256": rsa.generate_private_key(65537, 2048), "ES256": ec.generate_private_key(ec.SECP256R1())}
PUBLIC = {name: key if name == "HS256" else pem(key) for name, key in PRIVATE.items()}


def token(algorithm="HS256", key=None, *, lasts=60, **claims):
    claims = {"exp": int(time.time()) + lasts, "sub": "al", **claims}
    return jwt.encode({k: v for k, v in claims.items() if v is not None}, key or PRIVATE[algorithm], algorithm)


def handmade(head, claims, key=SECRET):
    """A token that no library would make, signed by HMAC."""
    parts = [json.dumps(part).encode() if isinstance(part, dict) else part for part in (head, claims)]
    text = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    mac = hmac.new(key, text, hashlib.sha256).digest()
    return (text + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()


@pytest.fixture
def guarded(start, tmp_path):
    """guarded(algorithm, **settings): a wsd that asks for tokens."""

    def starter(algorithm="HS256", **settings):
        path = tmp_path / f"key-{algorithm}"
        path.write_bytes(PUBLIC[algorithm])
        return start(AUTH="jwt", JWT_ALGORITHM=algorithm, JWT_KEY_FILE=path, **settings)

    return starter


def refused(wsd):
    """Counts of refusals for their token, by reason."""
    mark = 'websocket_handshakes_refused_total{reason="token_'
    return {name[len(mark):-2]: n for name, n in metrics.read(wsd).items() if name.startswith(mark) and n}


def bearer(text):
    return [("Authorization", f"Bearer {text}")]


# ---------------------------------------------------------------- where it may stand


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_token_of_each_algorithm_in_each_place(guarded, raw, algorithm):
    wsd = guarded(algorithm)
    good = token(algorithm)
    raw(wsd).open("/ws/chat/header", add=bearer(good))
    raw(wsd).open("/ws/chat/query?token=" + good)
    raw(wsd).open("/ws/chat/offer", Sec_WebSocket_Protocol="bearer." + good)
    assert refused(wsd) == {}
    assert wsd.wait_log(WS_CONNECTION_ID="header", WS_SUBJECT="al")


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer   "])
def test_scheme_is_matched_as_http_does(guarded, raw, scheme):
    raw(guarded()).open(add=[("Authorization", f"{scheme} {token()}")])


def test_browsers_offer_it_as_a_subprotocol(guarded, client):
    wsd = guarded()
    c = client(wsd, subprotocols=["wsd", "bearer." + token()])
    assert c._ws.subprotocol == "wsd"  # what was offered, but never the token
    assert c.ask({"type": "message", "data": 1})["count"] == 1


def test_subprotocol_is_answered_without_authentication_too(wsd, client, raw):
    assert client(wsd, subprotocols=["wsd"])._ws.subprotocol == "wsd"
    for n, offer in enumerate(["WSD", "chat", "wsdx, bearer.x", "bearer.wsd"]):
        response = raw(wsd).handshake(f"/ws/chat/o{n}", Sec_WebSocket_Protocol=offer)
        assert response.status == 101 and "sec-websocket-protocol" not in response.headers
    response = raw(wsd).handshake("/ws/chat/last", Sec_WebSocket_Protocol="chat ,\twsd")
    assert response.headers["sec-websocket-protocol"] == "wsd"


def test_one_token_in_several_places(guarded, raw):
    wsd = guarded()
    one, other = token(), token(sub="bob")
    raw(wsd).open("/ws/chat/a?token=" + one, add=bearer(one), Sec_WebSocket_Protocol="bearer." + one)
    for path, add, offer in (("?token=" + one, bearer(other), "x"), ("?token=" + one, [], "bearer." + other),
                             ("", bearer(one), "bearer." + other), ("", [], f"bearer.{one}, bearer.{other}"),
                             ("?token=", bearer(one), "x")):
        response = raw(wsd).handshake("/ws/chat/b" + path, add=add, Sec_WebSocket_Protocol=offer)
        assert response.status == 400 and response.json["error"]["code"] == "bad_request"


def test_offers_in_several_lines_are_one_list(guarded, raw):
    """RFC 6455, 11.3.4."""
    wsd = guarded()
    one, other = token(), token(sub="bob")
    for n, offers in enumerate((["bearer." + one, "wsd"], ["wsd", "bearer." + one], ["wsd", "bearer." + one, "x"])):
        response = raw(wsd).handshake(f"/ws/chat/{n}", add=[("Sec-WebSocket-Protocol", offer) for offer in offers])
        assert response.status == 101
        assert response.fields.count(("sec-websocket-protocol", "wsd")) == response.times("sec-websocket-protocol") == 1
    response = raw(wsd).handshake(add=[("Sec-WebSocket-Protocol", "bearer." + text) for text in (one, other)])
    assert response.status == 400 and response.json["error"]["message"] == "two different tokens"


def test_other_schemes_are_a_proxys_business(guarded, raw):
    wsd = guarded()
    basic = [("Authorization", "Basic YWxpY2U6c2VjcmV0")]
    assert raw(wsd).handshake(add=basic).status == 401
    raw(wsd).open("/ws/chat/a?token=" + token(), add=basic)
    assert refused(wsd) == {"missing": 1}


# ---------------------------------------------------------------- refusals


def check_refusal(response, status, code, challenge):
    assert (response.status, response.json["error"]["code"]) == (status, code)
    assert response.headers.get("www-authenticate") == challenge
    assert set(response.json) == {"error"} and set(response.json["error"]) == {"code", "message"}
    for word in (b"jwt", b"HS256", b"RS256", b"ES256", b"signature", b"alg", b"OpenSSL", b"key", b"json"):
        assert word not in response.body


PLAIN = 'Bearer realm="wsd"'
INVALID = 'Bearer realm="wsd", error="invalid_token"'


def test_without_a_token(guarded, raw):
    wsd = guarded()
    check_refusal(raw(wsd).handshake(), 401, "unauthorized", PLAIN)
    assert refused(wsd) == {"missing": 1}


def bad_tokens():
    now = int(time.time())
    hs = {"alg": "HS256", "typ": "JWT"}
    other = rsa.generate_private_key(65537, 2048)
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    good = token()
    yield "HS256", "", "malformed"
    yield "HS256", "x", "malformed"
    yield "HS256", "a.b.c", "malformed"
    yield "HS256", good + "=", "malformed"
    yield "HS256", good[:-1], ("malformed", "signature")
    yield "HS256", "x" * 5000, "malformed"
    yield "HS256", good.rsplit(".", 1)[0] + ".", "malformed"
    yield "HS256", none + "." + good.split(".")[1] + ".", "malformed"
    yield "HS256", none + "." + good.split(".")[1] + ".AA", "algorithm"
    yield "HS256", token(key=b"X" * 32), "signature"
    yield "HS256", token("RS256"), "algorithm"
    yield "HS256", jwt.encode({"exp": now + 60}, SECRET, "HS512"), "algorithm"
    yield "HS256", token(nbf=now + 600), "early"
    yield "HS256", handmade(hs, {"sub": "al"}), "malformed"
    yield "HS256", handmade(hs, {"exp": "soon"}), "malformed"
    yield "HS256", handmade(hs, {"exp": 1e300}), "malformed"
    yield "HS256", handmade(hs, b'{"exp":1e400}'), "malformed"
    yield "HS256", handmade(hs, {"exp": 10 ** 20}), "malformed"
    yield "HS256", handmade(hs, {"exp": now + 60, "nbf": -1e-9}), "malformed"
    yield "HS256", handmade(hs, {"exp": now + 60, "iat": "today"}), "malformed"
    yield "HS256", handmade(hs, {"exp": now + 60, "sub": 1}), "malformed"
    yield "HS256", handmade(hs, b'{"exp":%d,"exp":%d}' % (now + 60, now + 60)), "malformed"
    yield "HS256", handmade(hs, b'{"exp":%d}\0' % (now + 60)), "malformed"
    yield "HS256", handmade(hs, b"[]"), "malformed"
    yield "HS256", handmade({"alg": "HS256", "crit": ["exp"]}, {"exp": now + 60}), "malformed"
    # the public key is no secret
    yield "RS256", handmade(hs, {"exp": now + 60}, PUBLIC["RS256"]), "algorithm"
    yield "RS256", handmade({"alg": "RS256"}, {"exp": now + 60}, PUBLIC["RS256"]), "signature"
    yield "RS256", token("RS256", other), "signature"
    yield "ES256", token("ES256", ec.generate_private_key(ec.SECP256R1())), "signature"
    yield "ES256", handmade({"alg": "ES256"}, {"exp": now + 60}, PUBLIC["ES256"]), "signature"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_bad_tokens_all_look_alike(guarded, raw, algorithm):
    wsd = guarded(algorithm, JWT_LEEWAY=0, LOG_LEVEL="debug")
    bodies = set()
    for only, bad, reason in bad_tokens():
        if only != algorithm:
            continue
        before = refused(wsd)
        response = raw(wsd).handshake(add=bearer(bad))
        check_refusal(response, 401, "invalid_token", INVALID)
        bodies.add(response.body)
        gained = [name for name, n in refused(wsd).items() if n != before.get(name, 0)]
        assert len(gained) == 1 and gained[0] in reason, (bad, gained)
    assert len(bodies) == 1
    assert metrics.read(wsd)["websocket_connections_opened_total"] == 0


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_dates_may_be_any_number(guarded, raw, algorithm):
    """RFC 7519, 2: a NumericDate is a JSON number, also one with a fraction or an exponent."""
    wsd = guarded(algorithm, JWT_LEEWAY=0)

    def sends(form, **offsets):
        claims = ",".join(f'"{name}":{form.format(time.time() + offset)}' for name, offset in offsets.items())
        made = jwt.PyJWS().encode(f"{{{claims}}}".encode(), PRIVATE[algorithm], algorithm)
        return raw(wsd).handshake("/ws/chat/" + uuid.uuid4().hex, add=bearer(made))

    for form in ("{:.9e}", "{:.3f}", "{:.0f}", "{:.12E}"):
        assert sends(form, exp=60).status == 101, form
        assert sends(form, exp=60, nbf=-60, iat=-60).status == 101, form
        assert sends(form, exp=-60).json["error"]["code"] == "token_expired"
        assert sends(form, exp=60, nbf=30).json["error"]["code"] == "invalid_token"
    assert refused(wsd) == {"expired": 4, "early": 4}


def test_expired_token_is_called_so(guarded, raw):
    wsd = guarded()
    check_refusal(raw(wsd).handshake(add=bearer(token(lasts=-60))), 401, "token_expired", INVALID)
    assert refused(wsd) == {"expired": 1}
    raw(wsd).open(add=bearer(token(lasts=-5)))  # within JWT_LEEWAY
    raw(wsd).open("/ws/chat/b", add=bearer(token(nbf=int(time.time()) + 20)))


def test_token_of_another_connection(guarded, raw):
    wsd = guarded()
    mine = token(connection_id="alice")
    check_refusal(raw(wsd).handshake("/ws/chat/bob", add=bearer(mine)), 403, "forbidden", None)
    assert refused(wsd) == {"other_id": 1}
    raw(wsd).open("/ws/chat/alice", add=bearer(mine))
    raw(wsd).open("/ws/chat/%61lice2", add=bearer(token(connection_id="alice2")))


def test_issuer_and_audience(guarded, raw):
    wsd = guarded(JWT_ISSUER="https://id.example", JWT_AUDIENCE="chat")
    for claims in ({}, {"iss": "https://id.example"}, {"aud": "chat"}, {"iss": "https://id.example", "aud": "other"},
                   {"iss": "https://evil.example", "aud": "chat"}):
        check_refusal(raw(wsd).handshake(add=bearer(token(**claims))), 401, "invalid_token", INVALID)
    assert refused(wsd) == {"claims": 5}
    raw(wsd).open("/ws/chat/a", add=bearer(token(iss="https://id.example", aud="chat")))
    raw(wsd).open("/ws/chat/b", add=bearer(token(iss="https://id.example", aud=["x", "chat"])))


def test_strangers_learn_nothing_of_ids(guarded, raw):
    wsd = guarded()
    c = raw(wsd).open("/ws/chat/alice", add=bearer(token()))
    assert raw(wsd).handshake("/ws/chat/alice").status == 401
    assert raw(wsd).handshake("/ws/chat/alice?session=" + c.greeting["session"]).status == 401
    assert raw(wsd).handshake("/ws/chat/alice", add=bearer(token())).status == 409
    assert c.ask(message())["count"] == 1


def test_limits_come_before_signatures(guarded, raw):
    wsd = guarded(RATE_LIMIT_CONNECT="1/3")
    bad = bearer(token(key=b"X" * 32)) + [("X-Forwarded-For", "192.0.2.1")]
    statuses = [raw(wsd).handshake(add=bad).status for _ in range(20)]
    assert statuses[:3] == [401] * 3 and statuses.count(429) > 0
    assert refused(wsd) == {"signature": statuses.count(401)}
    wsd = guarded(ALLOWED_ORIGINS="https://chat.example")
    assert raw(wsd).handshake(add=bearer(token()) + [("Origin", "https://evil.example")]).status == 403
    raw(wsd).open(add=bearer(token()) + [("Origin", "https://chat.example")])


def test_plain_http_needs_no_token(guarded):
    wsd = guarded()
    for path in ("/", "/health", "/healthz", "/readyz"):
        assert http(wsd.port, path).status == 200


def test_tokens_are_not_logged(guarded, raw):
    wsd = guarded(LOG_LEVEL="debug")
    good, bad = token(), token(key=b"X" * 32)
    c = raw(wsd).open("/ws/chat/alice?token=" + good, add=bearer(good))
    c.ask(message())
    raw(wsd).handshake("/ws/chat/bob?token=" + bad)
    http(wsd.port, "/nothing?token=" + good)
    ask_operator(wsd.address("admin"), "/api/v1/connections/alice?token=" + good)
    wsd.stop()
    for part in good.split(".") + bad.split("."):
        assert part not in wsd.text()


# ---------------------------------------------------------------- the end of a token


def test_warning_then_goodbye_then_back_with_another(guarded, raw):
    wsd = guarded(JWT_LEEWAY=0, JWT_EXPIRY_WARNING=1)
    ends = int(time.time()) + 3
    c = raw(wsd).open("/ws/chat/alice", add=bearer(token(exp=ends)))
    c.ask(message())
    warning = c.read_json()
    assert warning["type"] == "token_expiring" and 0 < warning["expiresIn"] <= 1000
    assert time.time() >= ends - 1
    assert c.ask(message())["count"] == 2
    goodbye = c.read_json()
    assert (goodbye["type"], goodbye["reason"], goodbye["reconnect"]) == ("goodbye", "token_expired", True)
    assert time.time() >= ends
    assert c.read_close() == 1008
    c.sock.close()
    wait_open(wsd, 0)
    assert metrics.read(wsd)['websocket_errors_total{code="token_expired"}'] == 1
    back = "/ws/chat/alice?session=" + c.greeting["session"]
    assert raw(wsd).handshake(back).status == 401
    assert raw(wsd).handshake(back, add=bearer(token(exp=ends))).status == 401
    again = raw(wsd).open(back, add=bearer(token()))
    assert (again.greeting["resumed"], again.greeting["count"]) == (True, 2)


def test_warning_comes_at_once_if_the_token_is_about_to_end(guarded, raw):
    wsd = guarded(JWT_LEEWAY=3)
    c = raw(wsd).open(add=bearer(token(lasts=10)))
    warning = c.read_json()
    assert warning["type"] == "token_expiring" and 9000 < warning["expiresIn"] <= 13000


def test_no_warning(guarded, raw):
    wsd = guarded(JWT_LEEWAY=1, JWT_EXPIRY_WARNING=0, HEARTBEAT_INTERVAL=200)
    ends = int(time.time()) + 1
    c = raw(wsd).open(add=bearer(token(exp=ends)))
    goodbye = c.read_json()
    assert (goodbye["type"], goodbye["reason"]) == ("goodbye", "token_expired")
    assert time.time() >= ends + 1


def test_another_token_on_a_live_connection(guarded, raw):
    wsd = guarded(JWT_LEEWAY=0, JWT_EXPIRY_WARNING=1)
    ends = int(time.time()) + 2
    c = raw(wsd).open("/ws/chat/alice", add=bearer(token(exp=ends)))
    answer = c.ask(json.dumps({"type": "auth", "token": token(exp=ends + 3, connection_id="alice"), "id": 7}))
    assert (answer["type"], answer["id"]) == ("auth_response", 7) and 2000 < answer["expiresIn"] <= 5000
    warning = c.read_json()
    assert warning["type"] == "token_expiring" and time.time() >= ends + 2
    assert c.read_json()["reason"] == "token_expired" and time.time() >= ends + 3


def test_bad_token_on_a_live_connection_changes_nothing(guarded, raw):
    wsd = guarded(JWT_LEEWAY=0, JWT_EXPIRY_WARNING=0)
    ends = int(time.time()) + 3
    c = raw(wsd).open("/ws/chat/alice", add=bearer(token(exp=ends)))
    for bad in (token(lasts=-5), token(key=b"X" * 32), token(connection_id="bob"), token("RS256"), "", "x", "\\u0061.b.c"):
        refusal = c.ask(json.dumps({"type": "auth", "token": bad, "id": "r"}))
        assert (refusal["type"], refusal["code"], refusal["id"]) == ("error", "invalid_token", "r")
    for bad in ({}, {"token": 1}, {"token": None}):
        assert c.ask(json.dumps({"type": "auth", **bad}))["code"] == "invalid_message"
    assert c.ask(message())["count"] == 1
    assert c.read_json()["reason"] == "token_expired" and time.time() >= ends
    assert metrics.read(wsd)['websocket_errors_total{code="invalid_token"}'] == 7


def test_token_where_none_is_needed(wsd, raw):
    c = raw(wsd).open()
    assert c.ask(json.dumps({"type": "auth", "token": token()}))["code"] == "unsupported"
    assert c.ask(message())["count"] == 1


def test_replacing_connection_has_its_own_end(guarded, raw):
    wsd = guarded(JWT_LEEWAY=0)
    c = raw(wsd).open("/ws/chat/alice", add=bearer(token(lasts=300)))
    again = raw(wsd).open("/ws/chat/alice?session=" + c.greeting["session"], add=bearer(token(lasts=2)))
    assert again.read_json()["type"] == "token_expiring"
    assert again.read_json()["reason"] == "token_expired"


def test_end_survives_a_restart(guarded, unit, client):
    settings = dict(JWT_LEEWAY=0, JWT_EXPIRY_WARNING=60, unit=unit, PARKING="on")
    wsd = guarded(**settings)
    short = client(wsd, "/ws/chat/short?token=" + token(lasts=4))
    long = client(wsd, "/ws/chat/long?token=" + token(lasts=3600))
    assert short.recv()["type"] == "token_expiring"
    wsd.send_signal(signal.SIGUSR2)
    assert wsd.wait_exit() == 0
    wsd = guarded(**settings)
    assert wsd.wait_log("took up")["WS_CONNECTIONS"] == 2
    goodbye = short.recv()  # the warning is not repeated
    assert (goodbye["type"], goodbye["reason"]) == ("goodbye", "token_expired")
    assert short.wait_closed() == 1008
    assert long.ask({"type": "message", "data": 1})["count"] == 1


@unsanitized
def test_end_survives_a_crash(guarded, raw):
    wsd = guarded(KEEPER="on", before="ulimit -c 0", JWT_LEEWAY=0, JWT_EXPIRY_WARNING=60)
    short = raw(wsd).open("/ws/chat/short", add=bearer(token(lasts=4)))
    long = raw(wsd).open("/ws/chat/long", add=bearer(token(lasts=3600)))
    assert short.read_json()["type"] == "token_expiring"
    assert told(crash(wsd)) == (2, 0)
    goodbye = short.read_json()  # the warning is not repeated
    assert (goodbye["type"], goodbye["reason"]) == ("goodbye", "token_expired")
    assert short.read_close() == 1008
    assert long.ask(message())["count"] == 1


@pytest.mark.parametrize("rubbish", [None, b"rubbish"], ids=["removed", "replaced"])
@unsanitized
def test_key_file_that_has_gone_before_a_crash(guarded, raw, tmp_path, rubbish):
    """It is as the first server has read it."""
    wsd = guarded(KEEPER="on", before="ulimit -c 0")
    path, = tmp_path.glob("key-*")
    path.unlink()
    if rubbish:
        path.write_bytes(rubbish)
    for n in range(2):
        crash(wsd)
        raw(wsd).open(f"/ws/chat/c{n}", add=bearer(token()))
        assert raw(wsd).handshake(add=bearer(token(key=b"X" * 32))).status == 401


# ---------------------------------------------------------------- the admin token


@pytest.mark.parametrize("how", ["variable", "file", "credential"])
def test_admin_token_from_each_place(start, tmp_path, how):
    secret = "s3cret-of-the-operators"
    (tmp_path / "admin-token").write_text(secret + ("" if how == "credential" else "\n"))
    wsd = start(ADMIN_TOKEN=secret if how == "variable" else None,
                ADMIN_TOKEN_FILE=tmp_path / "admin-token" if how == "file" else None,
                CREDENTIALS_DIRECTORY=tmp_path if how == "credential" else None)

    def change(text):
        return http(wsd.address("admin"), "/api/v1/log-level", "PUT",
                    [("Authorization", f"Bearer {text}"), ("Content-Type", "application/json")], body=b'{"level":"info"}')

    assert change(secret).status == 200
    for wrong in (secret + "x", secret[:-1], secret.upper(), "", "x" * 4000):
        refusal = change(wrong)
        assert refusal.status == 401 and refusal.headers["www-authenticate"] == PLAIN


# ---------------------------------------------------------------- users of channels


@pytest.fixture
def users(guarded, tmp_path):
    """users(**settings): as guarded, with channels that some users may subscribe to."""
    path = tmp_path / "channels.json"
    path.write_text(json.dumps({"channel": {"without_namespace": {
        "presence": True, "allow_user_limited_channels": True, "allow_subscribe_for_client": True,
        "allow_publish_for_subscriber": True, "allow_presence_for_subscriber": True}}}), encoding="utf-8")
    return lambda **settings: guarded(CHANNELS_FILE=path, **settings)


def say(c, kind, channel, **members):
    return c.ask(json.dumps({"type": kind, "channel": channel, **members}))


def test_subject_is_the_user(users, raw):
    wsd = users()
    al, bob = raw(wsd), raw(wsd)
    al.open("/ws/chat/a", add=bearer(token(sub="D\\al\u00e9")))
    bob.open("/ws/chat/b", add=bearer(token(sub="bob")))
    nobody = raw(wsd).open("/ws/chat/n", add=bearer(token(sub=None)))
    assert say(al, "subscribe", "talk#al,bob")["code"] == "permission_denied"
    assert say(nobody, "subscribe", "talk#bob")["code"] == "permission_denied"
    assert say(nobody, "subscribe", "talk")["code"] == "permission_denied", "not for anonymous ones"
    for channel in ("talk#bob", "talk"):
        assert say(bob, "subscribe", channel)["type"] == "subscribed"
    assert say(al, "subscribe", "talk")["type"] == "subscribed"
    assert say(al, "publish", "talk", data=1)["from"] == {"client": "a", "user": "D\\al\u00e9"}
    assert bob.read_json()["from"]["user"] == "D\\al\u00e9"
    assert al.read_json()["type"] == "published"
    users_there = [one["user"] for one in say(bob, "presence", "talk")["clients"]]
    assert sorted(users_there) == ["D\\al\u00e9", "bob"]


def test_token_of_another_user_is_not_accepted(users, raw):
    c = raw(users()).open(add=bearer(token(sub="bob")))
    assert c.ask(json.dumps({"type": "auth", "token": token(sub="al")}))["code"] == "invalid_token"
    assert c.ask(json.dumps({"type": "auth", "token": token(sub="bob")}))["type"] == "auth_response"


def test_user_stays_over_a_restart(users, unit, raw):
    wsd = users(unit=unit, PARKING="on")
    c = raw(wsd).open(add=bearer(token(sub="bob")))
    wsd.send_signal(signal.SIGUSR2)
    assert wsd.wait_exit() == 0, wsd.text()
    users(unit=unit, PARKING="on")
    assert say(c, "subscribe", "talk#bob")["type"] == "subscribed"


@unsanitized
def test_user_stays_over_a_crash(users, raw):
    """A name for which the note has no room is not forgotten either: its connection is closed, to come back."""
    wsd = users(KEEPER="on", CRASH_LIMIT=15, before="ulimit -c 0")
    short = raw(wsd).open("/ws/chat/short", add=bearer(token(sub="bob")))
    long = raw(wsd).open("/ws/chat/" + "l" * 100, add=bearer(token(sub="b" * 100)))
    assert told(crash(wsd)) == (1, 1)
    assert long.read_close() == 1012
    assert say(short, "subscribe", "talk#bob")["type"] == "subscribed"
