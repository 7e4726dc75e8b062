"""Signature Version 4: which service a request is for, and whether who signed it knows the secret.

Headers, presigned URLs, and the signatures of the chunks of a streamed body. Errors are raised with S3's codes;
`for_json` says the same in the words of the JSON services.

The scope of a signature (`AKID/20260924/us-east-1/states/aws4_request`) names the service, so it is read even when
nobody checks signatures.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes

from steppe.base.errors import ApiError
from steppe.wire.http import HttpRequest

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
CLOCK_SKEW_SECONDS = 15 * 60
PRESIGNED_SECONDS_MAX = 7 * 24 * 3600

_EMPTY_HASH = hashlib.sha256(b"").hexdigest()
_HEX_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_SPACES = re.compile(r"\s+")
_UNRESERVED = "-_.~"


@dataclass(frozen=True, slots=True)
class Signature:
    """What a request says about its signature; nothing here is verified.

    Attributes:
        access_key, date, region, service: the credential scope.
        signed_headers: lower-case names.
        value: the signature, hexadecimal.
        timestamp: when it was signed, `20260924T025617Z`; "" when the request does not say.
        expires_seconds: of a presigned URL, else None.
    """

    access_key: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    value: str
    timestamp: str
    expires_seconds: int | None = None

    @property
    def scope(self) -> str:
        """The scope as the string to sign spells it."""
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


@dataclass(slots=True)
class ChunkSigner:
    """Verifies the chain of chunk signatures of one streamed body; each is an ingredient of the next."""

    key: bytes
    timestamp: str
    scope: str
    previous: str

    def check_chunk(self, content_hash: str, signature: str) -> None:
        """Verify one chunk by the hexadecimal SHA-256 of its bytes.

        Raises:
            ApiError: SignatureDoesNotMatch.
        """
        self._check("AWS4-HMAC-SHA256-PAYLOAD", f"{_EMPTY_HASH}\n{content_hash}", signature)

    def check_trailer(self, trailer: bytes, signature: str) -> None:
        """Verify the trailing headers, given as `name:value` lines, each with a line feed."""
        self._check("AWS4-HMAC-SHA256-TRAILER", hashlib.sha256(trailer).hexdigest(), signature)

    def _check(self, label: str, hashes: str, signature: str) -> None:
        text = f"{label}\n{self.timestamp}\n{self.scope}\n{self.previous}\n{hashes}"
        expected = hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")):
            raise _mismatch()
        self.previous = expected


def parse(request: HttpRequest) -> Signature | None:
    """The signature that a request carries in its header or query; None when it carries none.

    Raises:
        ApiError: AuthorizationHeaderMalformed, InvalidRequest or AuthorizationQueryParametersError.
    """
    header = request.headers.get("authorization")
    if header is not None:
        return _parse_header(header, request.headers)
    if "X-Amz-" in request.query_string or "x-amz-" in request.query_string:
        query = dict(request.query)
        if "X-Amz-Signature" in query or "X-Amz-Credential" in query:
            return _parse_query(query)
    return None


def verify(
    request: HttpRequest,
    signature: Signature | None,
    *,
    secrets: Mapping[str, str],
    payload_hash: str,
    now_seconds: float,
) -> ChunkSigner:
    """Check a request's signature.

    Args:
        request: as received.
        signature: what `parse` found.
        secrets: secret by access key.
        payload_hash: what stands for the body in the canonical request: its SHA-256, or S3's header.
        now_seconds: the time, epoch seconds.

    Returns:
        What verifies the chunks of a streamed body.

    Raises:
        ApiError: AccessDenied (not signed, expired, or headers not covered), InvalidAccessKeyId, RequestTimeTooSkewed,
            SignatureDoesNotMatch.
    """
    if signature is None:
        raise ApiError("AccessDenied", "Access Denied", status=403)
    secret = secrets.get(signature.access_key)
    if secret is None:
        text = "The AWS Access Key Id you provided does not exist in our records."
        raise ApiError("InvalidAccessKeyId", text, status=403, fields={"AWSAccessKeyId": signature.access_key})
    _check_time(signature, now_seconds)
    _check_coverage(request, signature)
    key = _signing_key(secret, signature.date, signature.region, signature.service)
    for path in _canonical_paths(request, signature.service):
        hashed = _canonical_hash(request, signature, path, payload_hash)
        text = f"{ALGORITHM}\n{signature.timestamp}\n{signature.scope}\n{hashed}"
        expected = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        if hmac.compare_digest(expected.encode(), signature.value.encode("utf-8", "replace")):
            return ChunkSigner(key, signature.timestamp, signature.scope, expected)
    raise _mismatch()


def for_json(error: ApiError) -> ApiError:
    """A refusal of `parse` or `verify` as the JSON services word it; other errors as they are."""
    match error.code:
        case "SignatureDoesNotMatch" | "XAmzContentSHA256Mismatch":
            text = error.message + " Consult the service documentation for details."
            return ApiError("InvalidSignatureException", text)
        case "InvalidAccessKeyId":
            return ApiError("UnrecognizedClientException", "The security token included in the request is invalid.")
        case "RequestTimeTooSkewed":
            return ApiError("InvalidSignatureException", f"Signature expired: {error.message}")
        case "AccessDenied":
            return ApiError("MissingAuthenticationTokenException", "Missing Authentication Token")
        case "AuthorizationHeaderMalformed" | "AuthorizationQueryParametersError":
            return ApiError("IncompleteSignatureException", error.message)
        case _:
            return error


def _parse_header(header: str, headers: Mapping[str, str]) -> Signature:
    scheme, _, rest = header.strip().partition(" ")
    if scheme != ALGORITHM:
        text = f"The authorization mechanism you have provided is not supported. Please use {ALGORITHM}."
        raise ApiError("InvalidRequest", text)
    fields = {}
    for part in rest.split(","):
        name, _, value = part.strip().partition("=")
        fields[name] = value
    if "Credential" not in fields or "SignedHeaders" not in fields or "Signature" not in fields:
        text = "The authorization header is malformed; it needs Credential, SignedHeaders and Signature."
        raise ApiError("AuthorizationHeaderMalformed", text)
    parts = _scope_parts(fields["Credential"])
    if parts is None:
        text = (
            "The authorization header is malformed; the Credential is mal-formed; "
            'expecting "<AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
        )
        raise ApiError("AuthorizationHeaderMalformed", text)
    timestamp = headers.get("x-amz-date") or _from_date(headers.get("date", ""))
    return Signature(*parts, tuple(fields["SignedHeaders"].split(";")), fields["Signature"], timestamp)


def _parse_query(query: Mapping[str, str]) -> Signature:
    parts = _scope_parts(query.get("X-Amz-Credential", ""))
    expires = query.get("X-Amz-Expires", "")
    complete = all(query.get(name) for name in ("X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"))
    if query.get("X-Amz-Algorithm") != ALGORITHM or parts is None or not complete or not expires.isascii():
        text = (
            "Query-string authentication needs X-Amz-Algorithm, Credential, Signature, Date, SignedHeaders and Expires."
        )
        raise ApiError("AuthorizationQueryParametersError", text)
    if not expires.isdigit() or not 0 < int(expires[:12]) <= PRESIGNED_SECONDS_MAX:
        text = "X-Amz-Expires must be a number of seconds from 1 to 604800"
        raise ApiError("AuthorizationQueryParametersError", text)
    headers = tuple(query["X-Amz-SignedHeaders"].split(";"))
    return Signature(*parts, headers, query["X-Amz-Signature"], query["X-Amz-Date"], int(expires))


def _scope_parts(credential: str) -> tuple[str, str, str, str] | None:
    # An access key may hold slashes; the four parts after it may not.
    parts = credential.rsplit("/", 4)
    if len(parts) != 5 or parts[4] != "aws4_request" or not all(parts):
        return None
    return parts[0], parts[1], parts[2], parts[3]


def _from_date(text: str) -> str:
    if not text:
        return ""
    try:
        return parsedate_to_datetime(text).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    except (ValueError, TypeError):
        return ""


def _check_time(signature: Signature, now_seconds: float) -> None:
    try:
        signed_at = datetime.strptime(signature.timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        text = "AWS authentication requires a valid Date or x-amz-date header"
        raise ApiError("AccessDenied", text, status=403) from None
    if signature.timestamp[:8] != signature.date:
        raise _mismatch()
    if signature.expires_seconds is not None:
        if now_seconds > signed_at + signature.expires_seconds:
            raise ApiError("AccessDenied", "Request has expired", status=403)
        if signed_at > now_seconds + CLOCK_SKEW_SECONDS:
            raise ApiError("AccessDenied", "Request is not valid yet", status=403)
    elif abs(now_seconds - signed_at) > CLOCK_SKEW_SECONDS:
        text = "The difference between the request time and the current time is too large."
        fields = {"RequestTime": signature.timestamp, "MaxAllowedSkewMilliseconds": CLOCK_SKEW_SECONDS * 1000}
        raise ApiError("RequestTimeTooSkewed", text, status=403, fields=fields)


def _check_coverage(request: HttpRequest, signature: Signature) -> None:
    """Who catches a signed request must not be able to add a header that changes its meaning."""
    covered = set(signature.signed_headers)
    open_names = [name for name in request.headers if name.startswith("x-amz-") and name not in covered]
    if "host" not in covered:
        open_names.append("host")
    if signature.expires_seconds is not None and "x-amz-content-sha256" in open_names:
        open_names.remove("x-amz-content-sha256")
    if open_names:
        text = "There were headers present in the request which were not signed"
        raise ApiError("AccessDenied", text, status=403, fields={"HeadersNotSigned": ", ".join(open_names)})


def _canonical_paths(request: HttpRequest, service: str) -> tuple[str, ...]:
    """The spellings of a path that may have been signed.

    S3's is the path encoded once. Clients differ in what they encode (`%2F` or a slash in a key), so the path as it was
    sent counts as well; both name the same object. The other services encode the sent path once more.
    """
    raw = request.raw_path or "/"
    if service != "s3":
        return (quote(raw, safe="/" + _UNRESERVED),)
    normal = quote(unquote_to_bytes(raw), safe="/" + _UNRESERVED)
    return (normal,) if normal == raw else (normal, raw)


def _canonical_hash(request: HttpRequest, signature: Signature, path: str, payload_hash: str) -> str:
    pairs = sorted(
        (quote(name, safe=_UNRESERVED), quote(value, safe=_UNRESERVED))
        for name, value in request.query
        if name != "X-Amz-Signature" or signature.expires_seconds is None
    )
    headers = "".join(
        f"{name}:{_SPACES.sub(' ', request.headers.get(name, '').strip())}\n" for name in signature.signed_headers
    )
    text = "\n".join(
        (
            request.method,
            path,
            "&".join(f"{name}={value}" for name, value in pairs),
            headers,
            ";".join(signature.signed_headers),
            payload_hash,
        )
    )
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


@lru_cache(maxsize=256)
def _signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    key = ("AWS4" + secret).encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _mismatch() -> ApiError:
    text = (
        "The request signature we calculated does not match the signature you provided. "
        "Check your AWS Secret Access Key and signing method."
    )
    return ApiError("SignatureDoesNotMatch", text, status=403)


def is_content_hash(text: str) -> bool:
    """Whether an x-amz-content-sha256 header names the hash of the body itself."""
    return _HEX_HASH.fullmatch(text) is not None
