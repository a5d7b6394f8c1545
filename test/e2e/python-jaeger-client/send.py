"""jaeger-client for Python as services have it: send.py AGENT_UDP_PORT SAMPLING_PORT SERVICE NUMBER.

It asks an agent how to sample, sends three traces by UDP, and prints what the test cannot know: ids,
times, what the process says of itself. Peers of different numbers (0 to 15) begin at different times.
"""

import json
import logging
import sys
import threading
import time

from jaeger_client import Config
from opentracing import Format, follows_from, child_of
from opentracing.ext import tags as ext

TOLD_SECONDS_MAX = 10


class Failures(logging.Handler):
    """Keeps what the client would only log."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())


def open_tracer(udp_port, sampling_port, service):
    config = Config(
        config={
            "sampling_refresh_interval": 0.05,
            "generate_128bit_trace_id": True,
            "reporter_flush_interval": 0.05,
            "local_agent": {
                "reporting_host": "127.0.0.1",
                "reporting_port": udp_port,
                "sampling_port": sampling_port,
            },
            "tags": {"shop.región": "méxico", "shop.floors": 3, "shop.share": 0.5, "shop.open": True},
        },
        service_name=service,
        validate=True,
    )
    tracer = config.initialize_tracer()
    late = time.monotonic() + TOLD_SECONDS_MAX
    while getattr(tracer.sampler.sampler, "rate", 0) != 1:
        if time.monotonic() > late:
            raise TimeoutError(f"not told how to sample: {tracer.sampler.sampler}")
        time.sleep(0.005)
    return tracer


def send(tracer, number):
    said = {"process": {}, "spans": {}}
    for key, value in tracer.tags.items():
        if not key.startswith("shop."):
            said["process"][key] = value
    # Times are floats here, of which microseconds are cut: of 64ths of a second nothing is.
    start = int(time.time()) - 10 + number / 64
    said["startUs"] = int(start * 1_000_000)

    def begin(name, us, **how):
        span = tracer.start_span(name, start_time=start + us / 1_000_000, **how)
        said["spans"][name] = {"traceId": f"{span.trace_id:032x}", "spanId": f"{span.span_id:016x}"}
        return span

    elsewhere = begin("elsewhere", 1_000_000)
    root = begin(
        "GET /κόσμε",
        0,
        tags={
            ext.SPAN_KIND: ext.SPAN_KIND_RPC_SERVER,
            "text": "naïve 日本語 🦀",
            "text.empty": "",
            "int.max": 2**63 - 1,
            "int.min": -(2**63),
            "double": -0.5,
            "yes": True,
            "no": False,
        },
    )
    root.set_tag(ext.ERROR, True)
    fields = {"event": "start", "attempt": 1, "share": 0.25, "is.first": True, "note": "ünï"}
    root.log_kv(fields, timestamp=start + 0.5)
    root.log_kv({"message": "no event here"}, timestamp=start + 0.75)
    root.set_baggage_item("user", "josé")
    said["baggageUs"] = root.logs[-1].timestamp

    headers = {}
    tracer.inject(root.context, Format.HTTP_HEADERS, headers)
    carried = tracer.extract(Format.HTTP_HEADERS, headers)
    child = begin("child", 0, child_of=carried, tags={ext.SPAN_KIND: ext.SPAN_KIND_RPC_CLIENT})
    said["carried"] = child.get_baggage_item("user")
    after = begin("after", 500_000, references=[follows_from(child.context)])
    joined = begin(
        "joined",
        250_000,
        references=[child_of(root.context), follows_from(child.context), child_of(elsewhere.context)],
        tags={ext.SPAN_KIND: ext.SPAN_KIND_CONSUMER},
    )
    debugged = begin("debugged", 1_500_000)
    debugged.set_tag(ext.SAMPLING_PRIORITY, 1)

    for span, us in (
        (debugged, 1_750_000),
        (joined, 750_000),
        (after, 500_000),
        (child, 250_000),
        (root, 1_500_000),
        (elsewhere, 1_250_000),
    ):
        span.finish(finish_time=start + us / 1_000_000)
    return said


def close(tracer):
    """The client's own future belongs to the loop of another thread."""
    closed = threading.Event()
    tracer.reporter.io_loop.add_callback(
        lambda: tracer.close().add_done_callback(lambda _: closed.set())
    )
    if not closed.wait(TOLD_SECONDS_MAX):
        raise TimeoutError("the tracer does not close")


def main(udp_port, sampling_port, service, number):
    failures = Failures()
    logging.getLogger("jaeger_tracing").addHandler(failures)
    tracer = open_tracer(int(udp_port), int(sampling_port), service)
    said = send(tracer, int(number))
    close(tracer)
    if failures.lines:
        raise RuntimeError(f"the client failed: {failures.lines}")
    print(json.dumps(said))


main(*sys.argv[1:])
