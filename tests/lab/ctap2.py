# SPDX-License-Identifier: GPL-2.0-or-later
"""An authenticator of CTAP 2.0 with hmac-secret and PIN protocol 1, for fido2_key.py.

It always takes it that somebody touches it. It goes as far as systemd-cryptenroll(1) and systemd's plugin for
libcryptsetup do: no resident credentials, no change of the PIN.
"""
import hashlib
import hmac
import json
import os
import struct

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

# CTAP 2.0, 6.3
OK, INVALID_COMMAND, NO_CREDENTIALS = 0x00, 0x01, 0x2E
PIN_INVALID, PIN_BLOCKED, PIN_AUTH_INVALID, PIN_AUTH_BLOCKED, PIN_NOT_SET, PIN_REQUIRED = range(0x31, 0x37)
PIN_RETRIES, PIN_RETRIES_PLUGGED = 8, 3


class Refused(Exception):
    pass


# ---- CBOR, as much as CTAP 2 uses (RFC 8949) ------------------------------------------------------------------------


def head(major, n):
    for kind, size in ((24, "B"), (25, "H"), (26, "I")):
        if n < 24:
            return bytes([major << 5 | n])
        if n < 1 << 8 * struct.calcsize(size):
            return bytes([major << 5 | kind]) + struct.pack(">" + size, n)
    raise ValueError(n)


def encode(v):
    if isinstance(v, bool):
        return b"\xf5" if v else b"\xf4"
    if isinstance(v, int):
        return head(0, v) if v >= 0 else head(1, -1 - v)
    if isinstance(v, bytes):
        return head(2, len(v)) + v
    if isinstance(v, str):
        return head(3, len(v.encode())) + v.encode()
    if isinstance(v, list):
        return head(4, len(v)) + b"".join(map(encode, v))
    return head(5, len(v)) + b"".join(encode(k) + encode(w) for k, w in v.items())


def decode(data):
    value, rest = decode_one(data)
    if rest:
        raise ValueError("more than one item")
    return value


def decode_one(data):
    major, n, data = data[0] >> 5, data[0] & 31, data[1:]
    if major == 7:
        return {20: False, 21: True}[n], data
    if n >= 24:
        size = 1 << (n - 24)
        n, data = int.from_bytes(data[:size], "big"), data[size:]
    if major == 0:
        return n, data
    if major == 1:
        return -1 - n, data
    if major in (2, 3):
        return (data[:n] if major == 2 else data[:n].decode()), data[n:]
    items = []
    for _ in range(n if major == 4 else 2 * n):
        item, data = decode_one(data)
        items.append(item)
    return (items if major == 4 else dict(zip(items[::2], items[1::2]))), data


# ---- the authenticator ----------------------------------------------------------------------------------------------


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def aes(key):
    return Cipher(algorithms.AES(key), modes.CBC(bytes(16)))


def encrypt(key, data):
    e = aes(key).encryptor()
    return e.update(data) + e.finalize()


def decrypt(key, data):
    d = aes(key).decryptor()
    return d.update(data) + d.finalize()


def cose(public, algorithm):
    n = public.public_numbers()
    return {1: 2, 3: algorithm, -1: 1, -2: n.x.to_bytes(32, "big"), -3: n.y.to_bytes(32, "big")}


class Key:
    AAGUID = b"tclone lab key 1"
    ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

    def __init__(self, path, pin):
        self.path = path
        if os.path.exists(path):
            with open(path, encoding="ascii") as f:
                self.state = json.load(f)
        else:
            pin_hash = hashlib.sha256(pin.encode()).digest()[:16].hex() if pin else ""
            self.state = {"seed": os.urandom(32).hex(), "pin": pin_hash, "retries": PIN_RETRIES, "count": 0}
        self.save()
        self.seed = bytes.fromhex(self.state["seed"])
        self.agreement = ec.generate_private_key(ec.SECP256R1())
        self.token = os.urandom(32)
        self.wrong = 0  # since it was plugged in

    def save(self):
        with open(self.path, "w", encoding="ascii") as f:
            json.dump(self.state, f)

    def handle(self, message):
        """The answer to one CBOR message of CTAP: status, then a map."""
        commands = {1: self.make_credential, 2: self.get_assertion, 4: self.get_info, 6: self.client_pin}
        try:
            if message[0] not in commands:
                raise Refused(INVALID_COMMAND)
            answer = commands[message[0]](decode(message[1:]) if message[1:] else {})
            return bytes([OK]) + encode(answer)
        except Refused as e:
            return bytes([e.args[0]])

    def get_info(self, _):
        options = {"rk": False, "up": True, "plat": False, "clientPin": bool(self.state["pin"])}
        return {1: ["FIDO_2_0"], 2: ["hmac-secret"], 3: self.AAGUID, 4: options, 5: 1200, 6: [1]}

    def verified(self, pin_auth, client_data):
        """Whether the PIN stands behind a request."""
        if pin_auth is None:
            return False
        if not hmac.compare_digest(mac(self.token, client_data)[:16], pin_auth):
            raise Refused(PIN_AUTH_INVALID)
        return True

    # Nothing is stored: all that belongs to a credential is made from its id and the seed.
    def tag(self, rp, nonce):
        return mac(self.seed, b"id" + hashlib.sha256(rp).digest() + nonce)

    def private(self, credential):
        value = int.from_bytes(mac(self.seed, b"key" + credential), "big") % (self.ORDER - 1) + 1
        return ec.derive_private_key(value, ec.SECP256R1())

    def auth_data(self, rp, flags, attested=b"", extensions=None):
        self.state["count"] += 1
        self.save()
        flags |= (0x40 if attested else 0) | (0x80 if extensions else 0)
        return (hashlib.sha256(rp).digest() + struct.pack(">BI", flags, self.state["count"]) + attested +
                (encode(extensions) if extensions else b""))

    def make_credential(self, request):
        verified = self.verified(request.get(8), request[1])
        if self.state["pin"] and not verified:
            raise Refused(PIN_REQUIRED)
        rp, nonce = request[2]["id"].encode(), os.urandom(16)
        credential = nonce + self.tag(rp, nonce)
        attested = (self.AAGUID + struct.pack(">H", len(credential)) + credential +
                    encode(cose(self.private(credential).public_key(), -7)))
        extensions = {"hmac-secret": True} if request.get(6, {}).get("hmac-secret") else None
        data = self.auth_data(rp, 5 if verified else 1, attested, extensions)
        return {1: "none", 2: data, 3: {}}

    def get_assertion(self, request):
        rp = request[1].encode()
        verified = self.verified(request.get(6), request[2])
        mine = [c["id"] for c in request.get(3, []) if hmac.compare_digest(self.tag(rp, c["id"][:16]), c["id"][16:])]
        if not mine:
            raise Refused(NO_CREDENTIALS)
        extensions = None
        if "hmac-secret" in request.get(4, {}):
            asked = request[4]["hmac-secret"]
            shared = self.shared(asked[1])
            if not hmac.compare_digest(mac(shared, asked[2])[:16], asked[3]):
                raise Refused(PIN_AUTH_INVALID)
            # Another one with the PIN than without.
            secret = mac(self.seed, (b"with" if verified else b"without") + mine[0])
            salts = decrypt(shared, asked[2])
            outputs = b"".join(mac(secret, salts[at:at + 32]) for at in range(0, len(salts), 32))
            extensions = {"hmac-secret": encrypt(shared, outputs)}
        present = 1 if request.get(5, {}).get("up", True) else 0
        data = self.auth_data(rp, present | (4 if verified else 0), extensions=extensions)
        signature = self.private(mine[0]).sign(data + request[2], ec.ECDSA(hashes.SHA256()))
        return {1: {"id": mine[0], "type": "public-key"}, 2: data, 3: signature}

    def shared(self, theirs):
        numbers = ec.EllipticCurvePublicNumbers(int.from_bytes(theirs[-2], "big"), int.from_bytes(theirs[-3], "big"),
                                                ec.SECP256R1())
        return hashlib.sha256(self.agreement.exchange(ec.ECDH(), numbers.public_key())).digest()

    def client_pin(self, request):
        if request[2] == 1:
            return {3: self.state["retries"]}
        if request[2] == 2:
            return {1: cose(self.agreement.public_key(), -25)}
        if request[2] != 5:
            raise Refused(INVALID_COMMAND)
        if not self.state["pin"]:
            raise Refused(PIN_NOT_SET)
        if self.state["retries"] == 0:
            raise Refused(PIN_BLOCKED)
        if self.wrong == PIN_RETRIES_PLUGGED:
            raise Refused(PIN_AUTH_BLOCKED)
        shared = self.shared(request[3])
        right = hmac.compare_digest(decrypt(shared, request[6]), bytes.fromhex(self.state["pin"]))
        self.wrong = 0 if right else self.wrong + 1
        self.state["retries"] = PIN_RETRIES if right else self.state["retries"] - 1
        self.save()
        if right:
            return {2: encrypt(shared, self.token)}
        self.agreement = ec.generate_private_key(ec.SECP256R1())
        if self.state["retries"] == 0:
            raise Refused(PIN_BLOCKED)
        raise Refused(PIN_AUTH_BLOCKED if self.wrong == PIN_RETRIES_PLUGGED else PIN_INVALID)
