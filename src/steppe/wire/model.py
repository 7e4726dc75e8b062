"""Operations and shapes of AWS services, read from botocore's model files.

Loaded once per process and service. The protocol modules compile what they need from these shapes into plain Python
callables, so nothing here is on the path of a request.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from botocore.exceptions import UnknownServiceError
from botocore.loaders import create_loader
from botocore.model import ServiceModel


@cache
def service_model(service: str) -> ServiceModel:
    """The model of one service by botocore's name ("stepfunctions", "s3").

    Raises:
        KeyError: botocore does not know the service.
    """
    try:
        return ServiceModel(create_loader().load_service_model(service, "service-2"), service)
    except UnknownServiceError as error:
        raise KeyError(service) from error


@dataclass(frozen=True, slots=True)
class Directory:
    """Which of the served services a name on the wire means.

    Attributes:
        by_signing_name: service by the name in a signature's credential scope ("states" -> "stepfunctions").
        by_target_prefix: service by the part of X-Amz-Target before the dot ("AWSStepFunctions").
        protocols: "json", "rest-xml", "rest-json" or "query" by service.
    """

    by_signing_name: Mapping[str, str]
    by_target_prefix: Mapping[str, str]
    protocols: Mapping[str, str]


def directory(services: Iterable[str]) -> Directory:
    """Read the models of the served services and note what they are called on the wire."""
    signing, targets, protocols = {}, {}, {}
    for service in services:
        metadata = service_model(service).metadata
        signing[metadata.get("signingName", metadata["endpointPrefix"])] = service
        protocols[service] = metadata["protocol"]
        if "targetPrefix" in metadata:
            targets[metadata["targetPrefix"]] = service
    return Directory(signing, targets, protocols)
