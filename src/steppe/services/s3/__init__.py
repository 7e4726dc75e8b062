"""Amazon S3 on any `ObjectStore`.

`operations(store, region=..., account=...)` is the table of operations for the app, and for integrations that call S3
in this process without HTTP. Operations keep no state: workers make their own table on the same store.
"""

from steppe.services.s3.service import operations

__all__ = ["operations"]
