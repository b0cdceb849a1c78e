"""How many messages one visitor and one network may send in a minute."""

from collections import OrderedDict

from aiolimiter import AsyncLimiter

_MOST = 20_000


class Limits:
    """Leaky buckets in memory: a restart forgives, a second process doubles them."""

    def __init__(self, per_contact: int, per_network: int) -> None:
        self._rates = {"contact": per_contact, "network": per_network}
        self._buckets: OrderedDict[tuple[str, str], AsyncLimiter] = OrderedDict()

    async def allows(self, contact: str, network: str) -> bool:
        """Whether one more message may be taken now; counts it if so."""
        buckets = [self._bucket("contact", contact), self._bucket("network", network)]
        if not all(bucket.has_capacity() for bucket in buckets):
            return False
        for bucket in buckets:
            await bucket.acquire()
        return True

    def _bucket(self, kind: str, key: str) -> AsyncLimiter:
        bucket = self._buckets.pop((kind, key), None) or AsyncLimiter(self._rates[kind], 60)
        self._buckets[kind, key] = bucket
        if len(self._buckets) > _MOST:
            self._buckets.popitem(last=False)
        return bucket
