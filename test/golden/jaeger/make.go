// Writes the golden files of this folder with Jaeger's own Go code; see README.md.
package main

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/gogo/protobuf/proto"
	"github.com/jaegertracing/jaeger-idl/model/v1"
	"github.com/jaegertracing/jaeger-idl/proto-gen/api_v2"
	"github.com/jaegertracing/jaeger-idl/thrift-gen/agent"
	"github.com/jaegertracing/jaeger-idl/thrift-gen/jaeger"
	"github.com/jaegertracing/jaeger-idl/thrift-gen/zipkincore"
)

var folder = os.Args[1]

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func write(name string, bytes []byte) {
	must(os.WriteFile(filepath.Join(folder, name), bytes, 0o644))
}

func ptr[T any](v T) *T { return &v }

func str(k, v string) *jaeger.Tag  { return &jaeger.Tag{Key: k, VType: jaeger.TagType_STRING, VStr: &v} }
func long(k string, v int64) *jaeger.Tag {
	return &jaeger.Tag{Key: k, VType: jaeger.TagType_LONG, VLong: &v}
}
func flt(k string, v float64) *jaeger.Tag {
	return &jaeger.Tag{Key: k, VType: jaeger.TagType_DOUBLE, VDouble: &v}
}
func boolean(k string, v bool) *jaeger.Tag {
	return &jaeger.Tag{Key: k, VType: jaeger.TagType_BOOL, VBool: &v}
}
func bin(k string, v []byte) *jaeger.Tag {
	return &jaeger.Tag{Key: k, VType: jaeger.TagType_BINARY, VBinary: v}
}

const (
	high  = int64(0x0123456789abcdef)
	low   = int64(-0x0123456789abcdf0) // fedcba9876543210
	start = int64(1_700_000_000_123_456)
)

// everything has each field and each type of tag, in values at the ends of their ranges.
func everything() *jaeger.Batch {
	return &jaeger.Batch{
		Process: &jaeger.Process{ServiceName: "shop", Tags: []*jaeger.Tag{
			str("hostname", "pod-1"), str("jaeger.version", "Go-2.30.0"), str("ip", "10.0.0.1"), long("process.pid", 4711),
		}},
		Spans: []*jaeger.Span{
			{
				TraceIdLow: low, TraceIdHigh: high, SpanId: 1, OperationName: "GET /",
				Flags: 3, StartTime: start, Duration: 250,
				Tags: []*jaeger.Tag{
					str("empty", ""), str("text", "héllo 🔥"), str("broken", "a\xff"), str("__proto__", "x"),
					long("zero", 0), long("min", math.MinInt64), long("max", math.MaxInt64), long("minus", -1),
					flt("pi", 3.5), flt("inf", math.Inf(-1)), boolean("yes", true), boolean("no", false),
					bin("bytes", []byte{0, 255, 1}), str("span.kind", "server"),
				},
				Logs: []*jaeger.Log{
					{Timestamp: start + 1, Fields: []*jaeger.Tag{str("event", "error"), str("message", "boom"), long("n", 2)}},
					{Timestamp: start + 2, Fields: []*jaeger.Tag{}},
				},
			},
			{
				TraceIdLow: low, TraceIdHigh: high, SpanId: -2, ParentSpanId: 1, OperationName: "SELECT",
				References: []*jaeger.SpanRef{
					{RefType: jaeger.SpanRefType_CHILD_OF, TraceIdLow: low, TraceIdHigh: high, SpanId: 1},
					{RefType: jaeger.SpanRefType_FOLLOWS_FROM, TraceIdLow: 7, TraceIdHigh: 0, SpanId: 8},
				},
				Flags: 1, StartTime: start + 10, Duration: 100,
				Tags: []*jaeger.Tag{
					str("span.kind", "client"), boolean("error", true), str("otel.status_description", "no such table"),
					str("w3c.tracestate", "a=b"), str("otel.scope.name", "db"), str("otel.scope.version", "1.2"),
					str("otel.library.name", "db"), str("otel.library.version", "1.2"),
				},
			},
			{TraceIdLow: 5, SpanId: 6, OperationName: "", StartTime: 0, Duration: 0},
		},
		SeqNo: ptr(int64(42)),
		Stats: &jaeger.ClientStats{FullQueueDroppedSpans: 1, TooLargeDroppedSpans: 2, FailedToEmitSpans: 3},
	}
}

func endpoint(service string, ip int32, port int16, ipv6 []byte) *zipkincore.Endpoint {
	return &zipkincore.Endpoint{ServiceName: service, Ipv4: ip, Port: port, Ipv6: ipv6}
}

func zipkinSpans() []*zipkincore.Span {
	here := endpoint("shop", 0x0a000001, -32768, nil)
	there := endpoint("db", -1062731775, 5432, nil)
	far := endpoint("far", 0, 443, []byte{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1})
	note := func(at int64, value string, host *zipkincore.Endpoint) *zipkincore.Annotation {
		return &zipkincore.Annotation{Timestamp: at, Value: value, Host: host}
	}
	tag := func(key string, kind zipkincore.AnnotationType, value []byte, host *zipkincore.Endpoint) *zipkincore.BinaryAnnotation {
		return &zipkincore.BinaryAnnotation{Key: key, Value: value, AnnotationType: kind, Host: host}
	}
	return []*zipkincore.Span{
		{
			TraceID: low, TraceIDHigh: ptr(high), ID: 1, Name: "get", Debug: true,
			Timestamp: ptr(start), Duration: ptr(int64(250)),
			Annotations: []*zipkincore.Annotation{note(start, "sr", here), note(start+100, "cache miss", here), note(start+250, "ss", here)},
			BinaryAnnotations: []*zipkincore.BinaryAnnotation{
				tag("ca", zipkincore.AnnotationType_BOOL, []byte{1}, far),
				tag("http.path", zipkincore.AnnotationType_STRING, []byte("/"), here),
				tag("bool", zipkincore.AnnotationType_BOOL, []byte{0}, here),
				tag("i16", zipkincore.AnnotationType_I16, []byte{0xff, 0xfe}, here),
				tag("i32", zipkincore.AnnotationType_I32, []byte{0x80, 0, 0, 0}, here),
				tag("i64", zipkincore.AnnotationType_I64, []byte{0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, here),
				tag("double", zipkincore.AnnotationType_DOUBLE, []byte{0x40, 0x0c, 0, 0, 0, 0, 0, 0}, here),
				tag("bytes", zipkincore.AnnotationType_BYTES, []byte{0, 255}, here),
			},
		},
		{
			TraceID: low, TraceIDHigh: ptr(high), ID: 2, ParentID: ptr(int64(1)), Name: "query",
			Annotations: []*zipkincore.Annotation{note(start+10, "cs", here), note(start+90, "cr", here)},
			BinaryAnnotations: []*zipkincore.BinaryAnnotation{tag("sa", zipkincore.AnnotationType_BOOL, []byte{1}, there)},
		},
		{
			TraceID: 7, ID: 8, Name: "both",
			Annotations: []*zipkincore.Annotation{
				note(start, "cs", here), note(start+10, "sr", there), note(start+20, "ss", there), note(start+30, "cr", here),
			},
		},
	}
}

func key(k string) model.KeyValue { return model.KeyValue{Key: k} }

func typed(kv model.KeyValue, kind model.ValueType) model.KeyValue {
	kv.VType = kind
	return kv
}

// spans has the same three spans as everything, and what only api_v2 can say.
func spans() []*model.Span {
	trace := model.NewTraceID(uint64(high), uint64(0xfedcba9876543210))
	at := time.UnixMicro(start).UTC()
	return []*model.Span{
		{
			TraceID: trace, SpanID: 1, OperationName: "GET /", Flags: 3, StartTime: at.Add(789), Duration: 250*time.Microsecond + 1,
			Tags: []model.KeyValue{
				model.String("empty", ""), model.String("text", "héllo 🔥"), model.String("broken", "a\xff"), model.String("__proto__", "x"),
				model.Int64("zero", 0), model.Int64("min", math.MinInt64), model.Int64("max", math.MaxInt64), model.Int64("minus", -1),
				model.Float64("pi", 3.5), model.Float64("inf", math.Inf(-1)), model.Bool("yes", true), model.Bool("no", false),
				model.Binary("bytes", []byte{0, 255, 1}), typed(key("unknown"), 9), model.String("span.kind", "server"),
			},
			Logs: []model.Log{
				{Timestamp: at.Add(1001), Fields: []model.KeyValue{model.String("event", "error"), model.String("message", "boom"), model.Int64("n", 2)}},
				{Timestamp: at.Add(2000)},
			},
			Warnings: []string{"clock skew", ""},
		},
		{
			TraceID: trace, SpanID: 0xfffffffffffffffe, OperationName: "SELECT", Flags: 1, StartTime: at.Add(10_000), Duration: 100 * time.Microsecond,
			References: []model.SpanRef{
				model.NewChildOfRef(trace, 1), model.NewFollowsFromRef(model.NewTraceID(0, 7), 8), model.NewFollowsFromRef(trace, 3),
			},
			Tags: []model.KeyValue{
				model.String("span.kind", "client"), model.Bool("error", true), model.String("otel.status_description", "no such table"),
				model.String("w3c.tracestate", "a=b"), model.String("otel.scope.name", "db"), model.String("otel.scope.version", "1.2"),
			},
			Process: &model.Process{ServiceName: "db", Tags: []model.KeyValue{model.String("hostname", "pod-2")}}, ProcessID: "p2",
		},
		{TraceID: model.NewTraceID(0, 5), SpanID: 6, References: []model.SpanRef{model.NewFollowsFromRef(model.NewTraceID(0, 5), 9)}, StartTime: time.Unix(-2, 500), Duration: -1500 * time.Millisecond},
	}
}

func main() {
	ctx := context.Background()
	config := &thrift.TConfiguration{TBinaryStrictWrite: ptr(true)}
	old := &thrift.TConfiguration{TBinaryStrictWrite: ptr(false)}
	protocols := map[string]thrift.TProtocolFactory{
		"binary":     thrift.NewTBinaryProtocolFactoryConf(config),
		"binary-old": thrift.NewTBinaryProtocolFactoryConf(old),
		"compact":    thrift.NewTCompactProtocolFactoryConf(config),
	}
	for name, factory := range protocols {
		memory := thrift.NewTMemoryBuffer()
		protocol := factory.GetProtocol(memory)
		must(everything().Write(ctx, protocol))
		must(protocol.Flush(ctx))
		if name == "binary" {
			write("batch.binary.bin", memory.Bytes())
		}

		memory = thrift.NewTMemoryBuffer()
		client := agent.NewAgentClientFactory(memory, factory)
		must(client.EmitBatch(ctx, everything()))
		write("emit-batch."+name+".bin", memory.Bytes())

		memory = thrift.NewTMemoryBuffer()
		client = agent.NewAgentClientFactory(memory, factory)
		must(client.EmitZipkinBatch(ctx, zipkinSpans()))
		write("emit-zipkin-batch."+name+".bin", memory.Bytes())

		if name == "binary" {
			memory = thrift.NewTMemoryBuffer()
			protocol = factory.GetProtocol(memory)
			must(protocol.WriteListBegin(ctx, thrift.STRUCT, len(zipkinSpans())))
			for _, span := range zipkinSpans() {
				must(span.Write(ctx, protocol))
			}
			must(protocol.WriteListEnd(ctx))
			must(protocol.Flush(ctx))
			write("zipkin-spans.binary.bin", memory.Bytes())
		}
	}

	request, err := proto.Marshal(&api_v2.PostSpansRequest{Batch: model.Batch{
		Spans: spans(),
		Process: &model.Process{ServiceName: "shop", Tags: []model.KeyValue{
			model.String("hostname", "pod-1"), model.String("ip", "10.0.0.1"), model.Int64("process.pid", 4711),
		}},
	}})
	must(err)
	write("post-spans.proto.bin", request)

	span, err := proto.Marshal(spans()[1])
	must(err)
	write("span.proto.bin", span)
}
