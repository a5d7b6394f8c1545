"""OpenTelemetry's Python SDK sends one trace: send.py grpc|http URL SERVICE TRACE_ID START_NS.

Ids and times are arguments or constants, so that the test knows them.
"""

import sys

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState


class CountedIds(IdGenerator):
    """One trace, its spans numbered from 1 on."""

    def __init__(self, trace_id):
        self.trace_id = trace_id
        self.spans = 0

    def generate_trace_id(self):
        return self.trace_id

    def generate_span_id(self):
        self.spans += 1
        return self.spans


class Watched:
    """Remembers an export that failed."""

    def __init__(self, exporter):
        self.exporter = exporter
        self.failures = 0

    def export(self, spans):
        result = self.exporter.export(spans)
        if result is not SpanExportResult.SUCCESS:
            self.failures += 1
        return result

    def shutdown(self):
        self.exporter.shutdown()

    def force_flush(self, timeout_millis=30000):
        return self.exporter.force_flush(timeout_millis)


def open_exporter(protocol, url):
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter(endpoint=url, insecure=True, timeout=10)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(endpoint=url, timeout=10)


def main():
    protocol, url, service, trace_id, start = sys.argv[1:]
    start = int(start)
    exporter = Watched(open_exporter(protocol, url))
    provider = TracerProvider(
        id_generator=CountedIds(int(trace_id, 16)),
        resource=Resource({"service.name": service, "process.pid": 4711, "host.name": "höst"}),
    )
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("e2e/python", "1.2.3", attributes={"scope.key": "ключ"})
    root = tracer.start_span(
        "GET /κόσμε",
        kind=SpanKind.SERVER,
        start_time=start,
        attributes={
            "text": "naïve 日本語 🦀",
            "text.empty": "",
            "yes": True,
            "no": False,
            "int.max": 2**63 - 1,
            "int.min": -(2**63),
            "double": -0.1,
            "list.text": ["a", "ü"],
            "list.int": [1, -2, 2**53 + 1],
            "list.double": [0.5, -1.25],
            "list.bool": [True, False],
        },
    )
    root.add_event("read", {"bytes": 512, "is.last": False}, timestamp=start + 1_000_001)
    root.set_status(Status(StatusCode.ERROR, "échec"))
    context = trace.set_span_in_context(root)
    elsewhere = SpanContext(
        0x4BF92F3577B34DA6A3CE929D0E0E4736,
        0x00F067AA0BA902B7,
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
        trace_state=TraceState([("rojo", "1"), ("congo", "2")]),
    )
    kinds = [SpanKind.INTERNAL, SpanKind.CLIENT, SpanKind.PRODUCER, SpanKind.CONSUMER]
    for at, kind in enumerate(kinds):
        child = tracer.start_span(
            kind.name.lower(),
            context=context,
            kind=kind,
            start_time=start + 10_000_000 * (at + 1),
            links=[Link(elsewhere, {"n": at})],
        )
        child.set_status(Status(StatusCode.OK))
        child.end(end_time=start + 10_000_000 * (at + 1) + 1_000_001 * at)
    root.end(end_time=start + 99_999_999)
    provider.shutdown()
    sys.exit(f"{exporter.failures} exports failed" if exporter.failures else 0)


main()
