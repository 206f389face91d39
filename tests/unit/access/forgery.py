"""Forged and altered tokens, by name: none of them may be accepted, however well it is signed."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from garcom.access.tokens import ACCESS, SESSION, Issuer, SigningKey, from_base64url, to_base64url

Json = dict[str, Any]


@dataclass(frozen=True)
class Forger:
    """Forges with everything that there is, our own private key too: what a token says must not suffice either."""

    key: SigningKey
    #: Another key that verifies here, and one that does no more.
    other: SigningKey
    retired: SigningKey
    subject: str
    now: datetime
    issuer: str = "garcom"
    audience: str = "garcom"

    def valid(self, key: SigningKey | None = None) -> str:
        """A token that has to be accepted."""
        text, _ = Issuer(self.issuer, self.audience).issue(
            key or self.key, self.subject, timedelta(minutes=10), self.now
        )
        return text

    @property
    def header(self) -> Json:
        return {"alg": "EdDSA", "kid": self.key.kid, "typ": ACCESS.typ}

    @property
    def claims(self) -> Json:
        claims: Json = json.loads(from_base64url(self.valid().split(".")[1]))
        return claims

    def token(self, header: Json | bytes | None = None, claims: Json | bytes | None = None) -> str:
        """Signed with our own key, whatever it says."""
        signed = _joined(self.header if header is None else header, self.claims if claims is None else claims)
        return f"{signed}.{self._signature(signed)}"

    def with_header(self, **changes: Any) -> str:
        return self.token(header=self.header | changes)

    def with_claims(self, **changes: Any) -> str:
        return self.token(claims=self.claims | changes)

    def unsigned(self, alg: str, signature: str = "") -> str:
        return f"{_joined(self.header | {'alg': alg}, self.claims)}.{signature}"

    def _signature(self, signed: str, key: SigningKey | None = None) -> str:
        return to_base64url(Ed25519PrivateKey.from_private_bytes((key or self.key).private).sign(signed.encode()))

    def all(self) -> dict[str, str]:
        """Every forgery."""
        groups = (
            self._algorithms,
            self._secrets,
            self._other_keys,
            self._headers,
            self._kids,
            self._times,
            self._claims,
            self._json,
            self._shapes,
            self._signatures,
        )
        found: dict[str, str] = {}
        for group in groups:
            for name, token in group():
                assert name not in found, name
                found[name] = token
        return found

    def _algorithms(self) -> Iterator[tuple[str, str]]:
        for alg in ("none", "None", "NONE", "nOnE", "none ", "", "null"):
            yield f"alg {alg!r}, no signature", self.unsigned(alg)
        yield "alg none with the signature of another token", self.unsigned("none", self.valid().split(".")[2])
        yield "alg none, signed with our key all the same", self.with_header(alg="none")
        others: tuple[Any, ...] = (
            "EDDSA",
            "eddsa",
            "Ed25519",
            "Ed448",
            "HS256",
            "RS256",
            "ES256",
            ["EdDSA"],
            None,
            1,
            {},
        )
        for other in others:
            yield f"alg {other!r}, signed with our key", self.with_header(alg=other)
        header = {name: value for name, value in self.header.items() if name != "alg"}
        yield "no alg", self.token(header=header)

    def _secrets(self) -> Iterator[tuple[str, str]]:
        """HMAC whose secret is what everybody knows: our public key, in whichever form a library might take."""
        public = Ed25519PrivateKey.from_private_bytes(self.key.private).public_key()
        spki = serialization.PublicFormat.SubjectPublicKeyInfo
        secrets = {
            "raw": public.public_bytes_raw(),
            "base64url": self.key.public.encode(),
            "hex": public.public_bytes_raw().hex().encode(),
            "PEM": public.public_bytes(serialization.Encoding.PEM, spki),
            "DER": public.public_bytes(serialization.Encoding.DER, spki),
            "JWK": json.dumps({"kty": "OKP", "crv": "Ed25519", "x": self.key.public}).encode(),
            "empty": b"",
            "kid": self.key.kid.encode(),
        }
        for name, secret in secrets.items():
            for alg, digest in (("HS256", hashlib.sha256), ("EdDSA", hashlib.sha512)):
                signed = _joined(self.header | {"alg": alg}, self.claims)
                signature = to_base64url(hmac.new(secret, signed.encode(), digest).digest())
                yield f"{alg}: HMAC with the public key as {name}", f"{signed}.{signature}"

    def _other_keys(self) -> Iterator[tuple[str, str]]:
        signed = _joined(self.header, self.claims)
        stranger = SigningKey.make()
        yield "EdDSA of a stranger's key under our kid", f"{signed}.{self._signature(signed, stranger)}"
        yield "EdDSA of our other key under this kid", f"{signed}.{self._signature(signed, self.other)}"
        yield "EdDSA of a retired key under its own kid", self.valid(self.retired)
        yield "EdDSA of a retired key under this kid", f"{signed}.{self._signature(signed, self.retired)}"
        yield "a stranger's key under its own kid", self.valid(stranger)
        for alg, sign in (("RS256", _rs256), ("PS256", _ps256), ("ES256", _es256), ("EdDSA", _ed448)):
            signed = _joined(self.header | {"alg": alg}, self.claims)
            yield f"{alg} of {sign.__name__[1:]}", f"{signed}.{to_base64url(sign(signed.encode()))}"
        signed = _joined(self.header, self.claims)
        yield "ES256 that calls itself EdDSA", f"{signed}.{to_base64url(_es256(signed.encode()))}"

    def _headers(self) -> Iterator[tuple[str, str]]:
        stranger = SigningKey.make()
        jwk = {"kty": "OKP", "crv": "Ed25519", "x": stranger.public, "kid": self.key.kid}
        embedded = _joined(self.header | {"jwk": jwk}, self.claims)
        yield "jwk of a stranger, signed by it", f"{embedded}.{self._signature(embedded, stranger)}"
        unknown: dict[str, Any] = {
            "jwk of our own": jwk | {"x": self.key.public},
            "jku": "https://attacker.example/jwks.json",
            "jku of our own": "http://127.0.0.1/.well-known/jwks.json",
            "x5u": "https://attacker.example/chain.pem",
            "x5c": ["MIIB"],
            "x5t": "AAAA",
            "x5t#S256": "AAAA",
            "b64": True,
            "zip": "DEF",
            "cty": "JWT",
            "enc": "A128GCM",
            "nonce": "1",
            "unknown": None,
        }
        for name, value in unknown.items():
            yield f"header with {name}", self.with_header(**{name.split(" ")[0]: value})
        for crit in ([], ["exp"], ["b64"], ["unknown"], "exp", None):
            yield f"crit {crit!r}", self.with_header(crit=crit, exp=1)
        yield "crit alone", self.with_header(crit=["exp"])
        detached = _joined(self.header | {"b64": False, "crit": ["b64"]}, b"")
        yield "b64 false with an empty payload", f"{detached}.{self._signature(detached)}"
        yield "b64 false with a payload", self.with_header(b64=False, crit=["b64"])
        yield "b64 false without crit", self.with_header(b64=False)
        for typ in ("JWT", "jwt", "at+JWT", "AT+JWT", "application/at+jwt", "", None, SESSION.typ, ["at+jwt"]):
            yield f"typ {typ!r}", self.with_header(typ=typ)
        yield "no typ", self.token(header={"alg": "EdDSA", "kid": self.key.kid})

    def _kids(self) -> Iterator[tuple[str, str]]:
        path = "../../../../dev/null"
        for kid in (
            *(path, "/dev/null", "secrets/signing_keys.key", "' OR 1=1 --", "x' UNION SELECT 'AA' --", "", " ", "\0"),
            *(f"{self.key.kid}\0", f"{self.key.kid} ", self.key.kid.upper(), "http://attacker.example/key", "k" * 3000),
            *(None, 0, True, [self.key.kid], {"kid": self.key.kid}, "__class__", "*"),
            self.other.kid,
        ):
            if kid != self.key.kid:  # digits alone have no capitals
                named = str(kid)[:40].replace(self.key.kid, "ours").replace(self.other.kid, "other")
                yield f"kid {named!r} ({type(kid).__name__})", self.with_header(kid=kid)
        yield "no kid", self.token(header={"alg": "EdDSA", "typ": ACCESS.typ})

    def _times(self) -> Iterator[tuple[str, str]]:
        now = int(self.now.timestamp())
        yield "expired an hour ago", self.with_claims(exp=now - 3600, iat=now - 4200, nbf=now - 4200)
        yield "expires now", self.with_claims(exp=now, iat=now - 600, nbf=now - 600)
        yield "expired a second ago", self.with_claims(exp=now - 1, iat=now - 601, nbf=now - 601)
        yield "nbf in the future", self.with_claims(nbf=now + 60)
        yield "iat in the future", self.with_claims(iat=now + 60)
        yield "lives longer than an access token may", self.with_claims(exp=now + 2 * 3600)
        yield "lives for ever", self.with_claims(exp=253_402_300_799)
        yield "iat long ago, and not expired", self.with_claims(iat=0)
        numbers: tuple[Any, ...] = (
            *(float(now + 600), str(now + 600), -1, 1e300, 2**63, 10**400, None, True, [now + 600], {}, "9" * 30),
        )
        for name in ("exp", "nbf", "iat"):
            for value in numbers:
                yield f"{name} {str(value)[:20]} ({type(value).__name__})", self.with_claims(**{name: value})
            for literal in ("NaN", "Infinity", "-Infinity", "1e3", f"{now + 600}.0", f"0{now}", "0x7fffffff"):
                text = json.dumps(self.claims | {name: "?"}, separators=(",", ":")).replace('"?"', literal)
                yield f"{name} written {literal}", self.token(claims=text.encode())
        yield "iat_ms beyond a second", self.with_claims(iat_ms=1000)
        yield "iat_ms before its second", self.with_claims(iat_ms=-1)

    def _claims(self) -> Iterator[tuple[str, str]]:
        for missing in self.claims:
            yield (
                f"without {missing}",
                self.token(claims={name: value for name, value in self.claims.items() if name != missing}),
            )
        ours = self.audience
        others: tuple[Any, ...] = (
            *("another", f"{ours}-evil", ours[:-1], f"{ours}.example.org", f" {ours}", ours.upper(), "", "*"),
            *([ours], ["another", ours], [], None, 1, {"0": ours}),
        )
        for name in ("aud", "iss"):
            for value in others:
                yield f"{name} {value!r}", self.with_claims(**{name: value})
        subjects: tuple[Any, ...] = (
            *(1, None, "", [self.subject], {}, "admin", "user:", ":x", "user:\n", "USER:ana", "a:b", "user"),
        )
        for sub in subjects:
            yield f"sub {sub!r}", self.with_claims(sub=sub)
        yield "sub of nobody", self.with_claims(sub="user:nobody-of-this-name")
        yield "sub of a key that there is not", self.with_claims(sub="key:gk_nonesuch")
        yield "sub of an external user in a bearer token", self.with_claims(sub="external:ana")
        for jti in ("", None, 1, "j" * 100):
            yield f"jti {str(jti)[:9]!r}", self.with_claims(jti=jti)
        yield "a claim that we do not write", self.with_claims(admin=True)
        yield "grants in the token", self.with_claims(grants=[["admin", "*"]])

    def _json(self) -> Iterator[tuple[str, str]]:
        header = json.dumps(self.header, separators=(",", ":"))
        claims = json.dumps(self.claims, separators=(",", ":"))
        twice = claims[:-1] + f',"sub":"{self.subject}"}}'
        texts: dict[str, bytes] = {
            "sub twice": twice.encode(),
            "exp twice": (claims[:-1] + ',"exp":9999999999}').encode(),
            "a byte order mark": b"\xef\xbb\xbf" + claims.encode(),
            "UTF-16": claims.encode("utf-16"),
            "no UTF-8": claims.replace("garcom", "gar\xe7om").encode("latin-1"),
            "blanks": json.dumps(self.claims).encode(),
            "a line break at the end": f"{claims}\n".encode(),
            "a second object": f"{claims}{{}}".encode(),
            "a comment": f"{claims}/**/".encode(),
            "an escaped letter": claims.replace("garcom", "\\u0067arcom").encode(),
            "members in another order": json.dumps(dict(reversed(self.claims.items())), separators=(",", ":")).encode(),
            "a list": f"[{claims}]".encode(),
            "a string": json.dumps(claims).encode(),
            "null": b"null",
            "nothing": b"",
            "deep nesting": b"[" * 1000 + b"]" * 1000,
            "a NUL after it": claims.encode() + b"\0",
        }
        for name, text in texts.items():
            yield f"claims with {name}", self.token(claims=text)
        headers: dict[str, bytes] = {
            "alg twice, the last is EdDSA": ('{"alg":"none",' + header[1:]).encode(),
            "alg twice, the last is none": (header[:-1] + ',"alg":"none"}').encode(),
            "kid twice": (header[:-1] + f',"kid":"{self.key.kid}"}}').encode(),
            "a byte order mark": b"\xef\xbb\xbf" + header.encode(),
            "blanks": json.dumps(self.header).encode(),
            "members in another order": json.dumps(dict(reversed(self.header.items())), separators=(",", ":")).encode(),
            "no UTF-8": header.encode().replace(b"EdDSA", b"Ed\xc4SA"),
            "no object": b'"EdDSA"',
            "nothing": b"",
        }
        for name, text in headers.items():
            yield f"header with {name} (JSON)", self.token(header=text)

    def _shapes(self) -> Iterator[tuple[str, str]]:
        valid = self.valid()
        header, claims, signature = valid.split(".")
        yield "empty", ""
        yield "dots alone", ".."
        yield "one part", header
        yield "two parts", f"{header}.{claims}"
        yield "an empty signature", f"{header}.{claims}."
        yield "an empty payload", f"{header}..{signature}"
        yield "an empty header", f".{claims}.{signature}"
        yield "four parts", f"{valid}.{signature}"
        yield "a JWE of five parts", f"{header}.{signature}.{signature}.{claims}.{signature}"
        yield "a JWS in JSON", json.dumps({"protected": header, "payload": claims, "signature": signature})
        nested = _joined(self.header | {"cty": "JWT"}, valid.encode())
        yield "a token in a token", f"{nested}.{self._signature(nested)}"
        yield "a token as the claims", self.token(claims=valid.encode())
        yield "truncated by one", valid[:-1]
        yield "truncated by a part", valid[: -len(signature) // 2]
        yield "one character more", f"{valid}A"
        yield "very long", self.with_claims(jti="j" * 8000)
        yield "very long by itself", valid + "A" * 100_000
        for name, blank in (("a blank", " "), ("a line break", "\n"), ("a tab", "\t"), ("a NUL", "\0"), ("an é", "é")):
            yield f"{name} before it", blank + valid
            yield f"{name} after it", valid + blank
            yield f"{name} inside the payload", f"{header}.{claims[:9]}{blank}{claims[9:]}.{signature}"
        for name, part in (("header", 0), ("payload", 1), ("signature", 2)):
            parts = valid.split(".")
            parts[part] += "=" * (-len(parts[part]) % 4 or 4)
            yield f"padding after the {name}", ".".join(parts)
        while not set("-_") & set(signature):
            header, claims, signature = self.valid().split(".")
        yield "the other base64 alphabet", f"{header}.{claims}.{signature.replace('-', '+').replace('_', '/')}"
        yield "percent-encoded", valid.replace(".", "%2E")
        yield "another dot", valid.replace(".", "\u3002")
        yield "bearer twice", f"Bearer {valid}"

    def _signatures(self) -> Iterator[tuple[str, str]]:
        ours, theirs = self.valid(), self.with_claims(sub="key:gk_nonesuch")
        header, claims, signature = ours.split(".")
        yield "the payload of another valid token", f"{header}.{theirs.split('.')[1]}.{signature}"
        yield "the signature of another valid token", f"{header}.{claims}.{theirs.split('.')[2]}"
        other = self.valid(self.other)
        yield "the header of another valid token", f"{other.split('.')[0]}.{claims}.{signature}"
        yield "a signature of zeros", f"{header}.{claims}.{to_base64url(bytes(64))}"
        raw = from_base64url(signature)
        yield "a signature cut by a byte", f"{header}.{claims}.{to_base64url(raw[:-1])}"
        yield "a signature with a byte more", f"{header}.{claims}.{to_base64url(raw + bytes(1))}"
        yield "a signature twice", f"{header}.{claims}.{to_base64url(raw * 2)}"
        # RFC 8032 §5.1.7: S has to be below the order of the group, or each signature has siblings.
        order = 2**252 + 27742317777372353535851937790883648493
        s = int.from_bytes(raw[32:], "little") + order
        yield "a malleable signature", f"{header}.{claims}.{to_base64url(raw[:32] + s.to_bytes(32, 'little'))}"
        for bit in (0, 7, 100, 255, 256, 300, 511):
            flipped = bytearray(raw)
            flipped[bit // 8] ^= 1 << bit % 8
            yield f"bit {bit} of the signature flipped", f"{header}.{claims}.{to_base64url(bytes(flipped))}"
        # 64 bytes end in a character of which four bits mean nothing.
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        last = alphabet.index(signature[-1])
        for bits in (1, 2, 8, 15):
            yield f"unused bits {bits} of the signature set", ours[:-1] + alphabet[last ^ bits]
        for position in (0, 10, 40, 80, len(header) + 5, len(header) + 50, len(header) + 100):
            yield (
                f"character {position} changed",
                ours[:position] + ("B" if ours[position] == "A" else "A") + ours[position + 1 :],
            )


def _joined(header: Json | bytes, claims: Json | bytes) -> str:
    return ".".join(to_base64url(part if isinstance(part, bytes) else _written(part)) for part in (header, claims))


def _written(value: Json) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


@cache
def _rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def _rs256(data: bytes) -> bytes:
    return _rsa_key().sign(data, padding.PKCS1v15(), hashes.SHA256())


def _ps256(data: bytes) -> bytes:
    return _rsa_key().sign(data, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())


def _es256(data: bytes) -> bytes:
    r, s = decode_dss_signature(ec.generate_private_key(ec.SECP256R1()).sign(data, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _ed448(data: bytes) -> bytes:
    return ed448.Ed448PrivateKey.generate().sign(data)
