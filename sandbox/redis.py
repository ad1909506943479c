"""The sandbox's Redis: fakeredis behind a real socket, so that redis-py is really exercised."""

import contextlib
import threading
from collections.abc import Iterator

from fakeredis import TcpFakeServer


@contextlib.contextmanager
def serving_redis(port: int = 0) -> Iterator[str]:
    """Run a Redis on a port (0: any) for the length of a `with` block; yield its address."""
    server = TcpFakeServer(("127.0.0.1", port), server_type="redis", server_version=(7,))
    server.daemon_threads = True  # a client that is still connected must not hold us back
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="redis", daemon=True)
    thread.start()
    try:
        yield f"redis://127.0.0.1:{server.server_address[1]}/0"
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()
