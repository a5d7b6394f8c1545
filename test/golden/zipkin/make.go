// Writes the golden bytes of this folder that end in .go.*: Zipkin's own Go reporter. See README.md.
package main

import (
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/openzipkin/zipkin-go/model"
	"github.com/openzipkin/zipkin-go/proto/zipkin_proto3"
	"github.com/openzipkin/zipkin-go/reporter"
)

func at(us int64) time.Time { return time.UnixMicro(us) }

func spans() []*model.SpanModel {
	const start = 1700000000123456
	parent := model.ID(0x0a0b0c0d0e0f1011)
	trace := model.TraceID{High: 0x463ac35c9f6413ad, Low: 0x48485a3953bb6124}
	return []*model.SpanModel{
		{
			SpanContext: model.SpanContext{TraceID: trace, ID: parent},
			Name:        "get /api", Kind: model.Client, Timestamp: at(start), Duration: 207 * time.Millisecond,
			LocalEndpoint:  &model.Endpoint{ServiceName: "frontend", IPv4: net.IPv4(127, 0, 0, 1).To4(), Port: 8080},
			RemoteEndpoint: &model.Endpoint{ServiceName: "backend", IPv4: net.IPv4(192, 168, 99, 101).To4(), IPv6: net.ParseIP("2001:db8::c001"), Port: 9000},
			Annotations:    []model.Annotation{{Timestamp: at(start + 1), Value: "foo"}, {Timestamp: at(start + 2), Value: "a|b"}},
			Tags:           map[string]string{"http.path": "/api", "clnt/finagle.version": "6.45.0", "Ünïcode\n\"": "日本 \\ <>&"},
		},
		{
			SpanContext: model.SpanContext{TraceID: trace, ID: parent, Debug: true},
			Name:        "get /api", Kind: model.Server, Timestamp: at(start + 100), Duration: time.Microsecond, Shared: true,
			LocalEndpoint: &model.Endpoint{ServiceName: "backend", IPv6: net.ParseIP("2001:db8::c001")},
			Tags:          map[string]string{"error": "500 Internal"},
		},
		{
			SpanContext: model.SpanContext{TraceID: model.TraceID{Low: 1}, ID: 2, ParentID: &parent},
			Name:        "local", Timestamp: at(start), Duration: time.Second,
			LocalEndpoint: &model.Endpoint{ServiceName: "backend"},
			Tags:          map[string]string{"error": "true"},
		},
		{
			SpanContext: model.SpanContext{TraceID: model.TraceID{Low: 1}, ID: 3},
			Name:        "send", Kind: model.Producer, Timestamp: at(start),
			RemoteEndpoint: &model.Endpoint{ServiceName: "kafka"},
		},
		{
			SpanContext: model.SpanContext{TraceID: model.TraceID{Low: 1}, ID: 4},
			Kind:        model.Consumer, Timestamp: at(start),
		},
	}
}

func write(name string, serializer reporter.SpanSerializer) {
	bytes, err := serializer.Serialize(spans())
	if err != nil {
		panic(err)
	}
	if err := os.WriteFile(filepath.Join(os.Args[1], name), bytes, 0o644); err != nil {
		panic(err)
	}
}

func main() {
	write("spans.go.json", reporter.JSONSerializer{})
	write("spans.go.bin", zipkin_proto3.SpanSerializer{})
}
