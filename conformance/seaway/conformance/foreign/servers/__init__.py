"""The server suite on the ASGI servers of others, through `seaway.reference.asgi.as_asgi`, which mends nothing.

``python -m seaway.conformance.foreign.servers DIRECTORY [DOCS]`` judges all. One of them is tested like any server::

    seaway conformance --server="{python} -m seaway.conformance.foreign.servers.launch uvicorn {application} {port}"
"""
