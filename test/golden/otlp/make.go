// Writes the golden files of this folder with the OpenTelemetry collector's own Go code; see README.md.
package main

import (
	"math"
	"os"
	"path/filepath"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func traceID(first byte) pcommon.TraceID {
	id := pcommon.TraceID{}
	for i := range id {
		id[i] = first + byte(i)
	}
	return id
}

func spanID(first byte) pcommon.SpanID {
	id := pcommon.SpanID{}
	for i := range id {
		id[i] = first + byte(i)
	}
	return id
}

func everyType(m pcommon.Map) {
	m.PutEmpty("empty")
	m.PutStr("text", "héllo \"wörld\" 🔥\n")
	m.PutStr("text.empty", "")
	m.PutBool("yes", true)
	m.PutBool("no", false)
	m.PutInt("int", 503)
	m.PutInt("int.zero", 0)
	m.PutInt("int.min", math.MinInt64)
	m.PutInt("int.max", math.MaxInt64)
	m.PutInt("int.unsafe", 1<<53+1)
	m.PutDouble("double", 1.5)
	m.PutDouble("double.zero", 0)
	m.PutDouble("double.tiny", 5e-324)
	m.PutDouble("double.nan", math.NaN())
	m.PutDouble("double.inf", math.Inf(-1))
	m.PutEmptyBytes("bytes").Append(0, 0xff, 0x80, '"')
	m.PutEmptyBytes("bytes.empty")
	array := m.PutEmptySlice("array")
	array.AppendEmpty().SetStr("a")
	array.AppendEmpty().SetInt(-1)
	array.AppendEmpty().SetBool(true)
	array.AppendEmpty().SetDouble(0.25)
	array.AppendEmpty()
	array.AppendEmpty().SetEmptyBytes().Append(1, 2)
	array.AppendEmpty().SetEmptySlice().AppendEmpty().SetStr("deep")
	array.AppendEmpty().SetEmptyMap().PutStr("k", "v")
	m.PutEmptySlice("array.empty")
	inner := m.PutEmptyMap("map")
	inner.PutStr("__proto__", "x")
	inner.PutInt("n", 1)
	inner.PutEmptyMap("m").PutEmptySlice("s")
	m.PutEmptyMap("map.empty")
	m.PutStr("__proto__", "constructor")
}

func main() {
	folder := os.Args[1]
	td := ptrace.NewTraces()

	rs := td.ResourceSpans().AppendEmpty()
	rs.SetSchemaUrl("https://opentelemetry.io/schemas/1.26.0")
	rs.Resource().Attributes().PutStr("service.name", "checkout")
	rs.Resource().Attributes().PutInt("process.pid", 4242)
	rs.Resource().SetDroppedAttributesCount(1)
	ss := rs.ScopeSpans().AppendEmpty()
	ss.SetSchemaUrl("https://opentelemetry.io/schemas/1.21.0")
	ss.Scope().SetName("http")
	ss.Scope().SetVersion("0.57.2")
	ss.Scope().SetDroppedAttributesCount(2)
	ss.Scope().Attributes().PutStr("scope.kind", "library")

	root := ss.Spans().AppendEmpty()
	root.SetTraceID(traceID(0x10))
	root.SetSpanID(spanID(0xa0))
	root.TraceState().FromRaw("vendor=1,other=2")
	root.SetFlags(0x301)
	root.SetName("GET /cart")
	root.SetKind(ptrace.SpanKindServer)
	root.SetStartTimestamp(1_700_000_000_123_456_789)
	root.SetEndTimestamp(1_700_000_000_223_456_788)
	everyType(root.Attributes())
	root.SetDroppedAttributesCount(3)
	root.SetDroppedEventsCount(4)
	root.SetDroppedLinksCount(5)
	root.Status().SetCode(ptrace.StatusCodeError)
	root.Status().SetMessage("upstream timeout")
	event := root.Events().AppendEmpty()
	event.SetTimestamp(1_700_000_000_200_000_001)
	event.SetName("exception")
	event.SetDroppedAttributesCount(6)
	event.Attributes().PutStr("exception.type", "Timeout")
	root.Events().AppendEmpty()
	link := root.Links().AppendEmpty()
	link.SetTraceID(traceID(0x40))
	link.SetSpanID(spanID(0xb0))
	link.TraceState().FromRaw("l=1")
	link.SetFlags(0x101)
	link.SetDroppedAttributesCount(7)
	link.Attributes().PutBool("follows", true)
	root.Links().AppendEmpty()

	child := ss.Spans().AppendEmpty()
	child.SetTraceID(traceID(0x10))
	child.SetSpanID(spanID(0xa1))
	child.SetParentSpanID(spanID(0xa0))
	child.SetName("SELECT")
	child.SetKind(ptrace.SpanKindClient)
	child.SetStartTimestamp(1_700_000_000_123_456_790)
	child.SetEndTimestamp(1_700_000_000_123_456_790)
	child.Status().SetCode(ptrace.StatusCodeOk)

	bare := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	bare.SetTraceID(traceID(0x20))
	bare.SetSpanID(spanID(0xc0))

	far := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	far.SetTraceID(traceID(0x30))
	far.SetSpanID(spanID(0xd0))
	far.SetName("ends before it starts")
	far.SetStartTimestamp(2_000_001)
	far.SetEndTimestamp(1_999_999)

	bytes, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
	must(err)
	must(os.WriteFile(filepath.Join(folder, "traces.bin"), bytes, 0o644))
	bytes, err = (&ptrace.JSONMarshaler{}).MarshalTraces(td)
	must(err)
	must(os.WriteFile(filepath.Join(folder, "traces.json"), bytes, 0o644))
}
