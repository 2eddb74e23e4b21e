"""Every Redis key and channel of the house, with type, writer, readers, expiry.

All keys of a site share a hash tag, so that one server-side call may touch them on a cluster: `{SITE}` for small ones,
`{SITE:SHARD}` for the high-rate ones. Nobody else joins strings with colons.
"""

import zlib

from core.ids import SiteId, TechnicianId

PREFIX = "pl"


def shard_of(technician_id: TechnicianId, shards: int) -> int:
    """Return the shard, 0..shards-1, of a technician: stable over processes and machines."""
    return 0 if shards == 1 else zlib.crc32(technician_id.encode()) % shards


def live_positions(site: SiteId, shard: int) -> str:
    """Geo-set technician -> position. Written by tracking/redis_positions, read by nearby and the console, swept with `last_known_at`."""
    return f"{PREFIX}:{{{site}:{shard}}}:geo"


def last_known(site: SiteId, shard: int) -> str:
    """Hash technician -> packed newest fix. Written with the geo-set, read for snapshots; entries swept with `last_known_at`."""
    return f"{PREFIX}:{{{site}:{shard}}}:last"


def last_known_at(site: SiteId, shard: int) -> str:
    """Sorted set technician -> fix time in ms: the freshness beside the geo-set, since geo members have no time."""
    return f"{PREFIX}:{{{site}:{shard}}}:last_at"


def fix_stream(site: SiteId, shard: int) -> str:
    """Stream of packed batches. Written by the batch function, read by the recorder, trimmed below its committed offset, no MAXLEN."""
    return f"{PREFIX}:{{{site}:{shard}}}:fixes"


def stream_state(site: SiteId, shard: int) -> str:
    """Hash {epoch, total} beside the stream: drawn anew when the stream begins anew, and fixes appended since. Read by the recorder."""
    return f"{PREFIX}:{{{site}:{shard}}}:stream"


def batch_ids(site: SiteId, shard: int) -> str:
    """Hash worker -> its newest batch id with the answer it got: a repeated batch writes nothing. Bounded by the batch function."""
    return f"{PREFIX}:{{{site}:{shard}}}:batches"


def device_fences(site: SiteId, shard: int) -> str:
    """Hash device -> session_no in force. Raised at `hello`; the batch function refuses older sessions."""
    return f"{PREFIX}:{{{site}:{shard}}}:fences"


def live_channel(site: SiteId, shard: int) -> str:
    """Channel of packed live batches: tracking's batch function publishes, realtime/redis_fanout of every worker subscribes."""
    return f"{PREFIX}:{{{site}:{shard}}}:live"


def recorder_lease(site: SiteId, shard: int) -> str:
    """String: which recorder is active, with expiry. A convenience: the compare-and-set of the offset in SQL is what keeps two apart."""
    return f"{PREFIX}:{{{site}:{shard}}}:recorder"


def site_channel(site: SiteId) -> str:
    """Channel of pokes {topic, id}: something changed in SQL, read it again. Written after commits, read by every worker."""
    return f"{PREFIX}:{{{site}}}:pokes"


def every_site_channel() -> str:
    """Pattern of all sites' poke channels; `site_of_channel` tells them apart. One subscription a worker, also for sites made later."""
    return f"{PREFIX}:{{*}}:pokes"


def site_of_channel(channel: str) -> SiteId:
    """Return the site of a poke channel."""
    return SiteId(channel.partition("{")[2].partition("}")[0])


def presence(site: SiteId) -> str:
    """Sorted set technician -> when a phone of hers was last heard, ms. Written by realtime/redis_presence, read by the console, swept."""
    return f"{PREFIX}:{{{site}}}:presence"


def ack_marks(site: SiteId) -> str:
    """Hash device -> EPOCH/SEQ acknowledged last. Written by realtime/redis_acks, read at `hello`. One field a device, no expiry."""
    return f"{PREFIX}:{{{site}}}:acked"
