"""The tests of a server. Each names its requirement; all are given a `seaway.conformance.serving.world.ServerWorld`.

A server runs as a process, with an application of the suite's (`seaway.conformance.applications`) whose consumers are
puppets: they report each call and then wait for what the test tells them. So a test sees both sides, what is on the
wire and what the consumer saw, and nothing happens that it does not wait for::

    @pytest.mark.req("HTTP-050")
    @pytest.mark.needs("http", "grace")                 # what the server must offer; each setting that the test sets
    @pytest.mark.both_flavours                          # run with synchronous applications, too
    async def test_an_exception_is_answered_with_500(world: ServerWorld) -> None:
        server = await world.server(grace=0.5)          # shared with other tests; own_server() starts one of its own
        async with world.request("/page", server=server) as (client, call):
            assert call.message["method"] == "GET"      # the consumer's first call runs until the test ends it
            await call.refused({"type": "http.response"})            # send raised ValueError there
            await call.raises("SystemExit")                          # or returns(), or stays(seconds)
            assert (await client.response()).status == 500           # what is on the wire
            assert await call.consumer.given() == {"type": "http.disconnect", "complete": False}  # its next call

- `world.request` sends a request and yields the client and the call; `world.websocket` opens a WebSocket and yields it
  and its consumer; `world.client` only connects. `world.called()` is the first call of the next consumer.
- A request belongs to a test by its token: `Client.ask` and the others add a field, raw bytes have ``world.token`` in
  their target or in a field. What carries none is let go, except on a server of the test's own.
- `Call.outside()` gives a task, or thread, of the consumer's own, which sends while no call runs and after the end.
- Silence is proved by what comes next: a further message, or `world.nobody_was_called`; else by `world.silence`.
- Every wait has a deadline. A server that ends by itself is a crash; a call beside a call fails any test.
"""
