"""channels_redis pubsub (GRP-012): what is sent to a group right after ``group_add`` returned may not arrive.

The subscription is on its way to Redis then, on another connection than what is published. Here that connection has
a large command before it, so that it shows at once; without, it is about one message in a thousand on a busy machine.
"""

import asyncio
import secrets
import sys

from channels_redis.pubsub import RedisPubSubChannelLayer

TRIES = 200


async def main(url: str = "redis://127.0.0.1:6379") -> bool:
    """Return whether the defect shows."""
    layer, sender = RedisPubSubChannelLayer(hosts=[url]), RedisPubSubChannelLayer(hosts=[url])
    channel = await layer.new_channel()
    name = secrets.token_hex(6)
    await sender.group_send(name, {"type": "test.message"})  # it is connected now
    lost = None
    for number in range(TRIES):
        await layer.group_add(f"{name}.{number}.{'x' * 2_000_000}", channel)
        await layer.group_add(f"{name}.{number}", channel)
        await sender.group_send(f"{name}.{number}", {"type": "test.message", "number": number})
        try:
            await asyncio.wait_for(layer.receive(channel), 1)
        except TimeoutError:
            lost = number
            break
    print("expected: a member gets every message that is sent to its group after it has joined")
    print(f"seen: {'all came' if lost is None else f'message {lost + 1} never came'}")
    await layer.flush()
    await sender.flush()
    return lost is not None


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
