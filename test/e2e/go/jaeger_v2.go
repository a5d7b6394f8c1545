package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	model "github.com/jaegertracing/jaeger-idl/model/v1"
	"github.com/jaegertracing/jaeger-idl/proto-gen/api_v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
)

// gogoCodec lets messages write and read themselves: their ids are types that protobuf's own
// reflection does not know.
type gogoCodec struct{}

func (gogoCodec) Name() string { return "proto" }

func (gogoCodec) Marshal(v any) (mem.BufferSlice, error) {
	message, ok := v.(interface{ Marshal() ([]byte, error) })
	if !ok {
		return nil, fmt.Errorf("%T cannot be written", v)
	}
	bytes, err := message.Marshal()
	return mem.BufferSlice{mem.SliceBuffer(bytes)}, err
}

func (gogoCodec) Unmarshal(data mem.BufferSlice, v any) error {
	message, ok := v.(interface{ Unmarshal([]byte) error })
	if !ok {
		return fmt.Errorf("%T cannot be read", v)
	}
	return message.Unmarshal(data.Materialize())
}

func dialV2(address string) (*grpc.ClientConn, error) {
	return grpc.NewClient(address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(gogoCodec{})),
	)
}

// postSpans sends as a Jaeger agent does: the batch's process counts for spans that have none.
func postSpans(ctx context.Context, o options) (any, error) {
	conn, err := dialV2(o.address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	traceID, err := model.TraceIDFromString(o.traceID)
	if err != nil {
		return nil, err
	}
	start := time.Unix(0, o.startNs).UTC()
	other := model.NewTraceID(0, 0xabc)
	_, err = api_v2.NewCollectorServiceClient(conn).PostSpans(ctx, &api_v2.PostSpansRequest{
		Batch: model.Batch{
			Process: &model.Process{
				ServiceName: o.service,
				Tags: []model.KeyValue{
					model.String("hostname", "höst"),
					model.Int64("pid", math.MaxInt64),
				},
			},
			Spans: []*model.Span{
				{
					TraceID: traceID, SpanID: model.NewSpanID(1), OperationName: "GET /κόσμε",
					Flags: model.SampledFlag | model.DebugFlag, StartTime: start,
					Duration: 99_999_999 * time.Nanosecond,
					Tags: []model.KeyValue{
						model.String("span.kind", "client"),
						model.String("text", "naïve 日本語 🦀"),
						model.String("text.empty", ""),
						model.Bool("yes", true),
						model.Bool("no", false),
						model.Int64("int.max", math.MaxInt64),
						model.Int64("int.min", math.MinInt64),
						model.Float64("double", -0.1),
						model.Binary("bytes", []byte{0, 1, 0xfe, 0xff}),
					},
					Logs: []model.Log{
						{Timestamp: start.Add(1_000_001), Fields: []model.KeyValue{
							model.String("event", "read"), model.Int64("bytes", 512),
						}},
						{Timestamp: start.Add(2_000_002), Fields: []model.KeyValue{
							model.String("message", "no event here"),
						}},
					},
					References: []model.SpanRef{
						model.NewFollowsFromRef(other, model.NewSpanID(0xdef)),
					},
					Warnings: []string{"the client's own warning"},
				},
				{
					TraceID: traceID, SpanID: model.NewSpanID(2), OperationName: "serve",
					StartTime: start.Add(10 * time.Millisecond), Duration: time.Millisecond,
					References: []model.SpanRef{
						model.NewFollowsFromRef(other, model.NewSpanID(0xdef)),
						model.NewChildOfRef(traceID, model.NewSpanID(1)),
					},
					Tags: []model.KeyValue{
						model.String("span.kind", "server"), model.Bool("error", true),
					},
					Process: &model.Process{ServiceName: o.service + "-callee"},
				},
			},
		},
	})
	return "sent", err
}

type tag struct {
	Key   string `json:"key"`
	Type  string `json:"type"`
	Value any    `json:"value"`
}

type reference struct {
	RefType string `json:"refType"`
	TraceID string `json:"traceID"`
	SpanID  string `json:"spanID"`
}

type logEntry struct {
	Timestamp string `json:"timestamp"`
	Fields    []tag  `json:"fields"`
}

// shownSpan is a span of api_v2 with the names of the UI JSON, times in ns.
type shownSpan struct {
	TraceID       string      `json:"traceID"`
	SpanID        string      `json:"spanID"`
	OperationName string      `json:"operationName"`
	Flags         uint32      `json:"flags"`
	References    []reference `json:"references"`
	Start         string      `json:"start"`
	Duration      string      `json:"duration"`
	Tags          []tag       `json:"tags"`
	Logs          []logEntry  `json:"logs"`
	ServiceName   string      `json:"serviceName"`
	ProcessTags   []tag       `json:"processTags"`
	Warnings      []string    `json:"warnings"`
}

func show(span *model.Span) (shownSpan, error) {
	if span.Process == nil {
		return shownSpan{}, fmt.Errorf("span %s has no process", span.SpanID)
	}
	shown := shownSpan{
		TraceID:       span.TraceID.String(),
		SpanID:        span.SpanID.String(),
		OperationName: span.OperationName,
		Flags:         uint32(span.Flags),
		References:    []reference{},
		Start:         strconv.FormatInt(span.StartTime.UnixNano(), 10),
		Duration:      strconv.FormatInt(span.Duration.Nanoseconds(), 10),
		Tags:          showTags(span.Tags),
		Logs:          []logEntry{},
		ServiceName:   span.Process.ServiceName,
		ProcessTags:   showTags(span.Process.Tags),
		Warnings:      append([]string{}, span.Warnings...),
	}
	for _, one := range span.References {
		shown.References = append(shown.References,
			reference{one.RefType.String(), one.TraceID.String(), one.SpanID.String()})
	}
	for _, one := range span.Logs {
		shown.Logs = append(shown.Logs,
			logEntry{strconv.FormatInt(one.Timestamp.UnixNano(), 10), showTags(one.Fields)})
	}
	return shown, nil
}

func showTags(values []model.KeyValue) []tag {
	tags := []tag{}
	for _, one := range values {
		value := one.Value()
		switch one.VType {
		case model.Int64Type:
			if safe := int64(1<<53 - 1); one.Int64() > safe || one.Int64() < -safe {
				value = strconv.FormatInt(one.Int64(), 10)
			}
		case model.Float64Type:
			switch number := one.Float64(); {
			case math.IsNaN(number):
				value = "NaN"
			case math.IsInf(number, 1):
				value = "Infinity"
			case math.IsInf(number, -1):
				value = "-Infinity"
			}
		}
		tags = append(tags, tag{one.Key, typeNames[one.VType], value})
	}
	return tags
}

var typeNames = map[model.ValueType]string{
	model.StringType: "string", model.BoolType: "bool", model.Int64Type: "int64",
	model.Float64Type: "float64", model.BinaryType: "binary",
}

type spanStream interface {
	Recv() (*api_v2.SpansResponseChunk, error)
}

func readChunks(stream spanStream, err error) ([]shownSpan, error) {
	spans := []shownSpan{}
	if err != nil {
		return spans, err
	}
	for {
		chunk, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return spans, nil
		}
		if err != nil {
			return spans, err
		}
		for i := range chunk.Spans {
			span, err := show(&chunk.Spans[i])
			if err != nil {
				return spans, err
			}
			spans = append(spans, span)
		}
	}
}

// readV2 asks everything that api_v2.QueryService answers, and some things that it refuses.
func readV2(ctx context.Context, o options) (any, error) {
	conn, err := dialV2(o.address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	client := api_v2.NewQueryServiceClient(conn)
	traceID, err := model.TraceIDFromString(o.traceID)
	if err != nil {
		return nil, err
	}
	start := time.Unix(0, o.startNs).UTC()
	before, behind := start.Add(-time.Minute), start.Add(time.Minute)

	one, err := client.GetTrace(ctx, &api_v2.GetTraceRequest{TraceID: traceID})
	traceSpans, err := readChunks(one, err)
	if err != nil {
		return nil, fmt.Errorf("GetTrace: %w", err)
	}
	query := &api_v2.TraceQueryParameters{
		ServiceName: o.service, OperationName: "GET /κόσμε", StartTimeMin: before, StartTimeMax: behind,
		DurationMin: time.Millisecond, DurationMax: time.Second, SearchDepth: 10,
		Tags: map[string]string{"text": "naïve 日本語 🦀", "yes": "true"},
	}
	many, err := client.FindTraces(ctx, &api_v2.FindTracesRequest{Query: query})
	foundSpans, err := readChunks(many, err)
	if err != nil {
		return nil, fmt.Errorf("FindTraces: %w", err)
	}
	services, err := client.GetServices(ctx, &api_v2.GetServicesRequest{})
	if err != nil {
		return nil, fmt.Errorf("GetServices: %w", err)
	}
	operations, err := client.GetOperations(ctx, &api_v2.GetOperationsRequest{Service: o.service})
	if err != nil {
		return nil, fmt.Errorf("GetOperations: %w", err)
	}
	dependencies, err := client.GetDependencies(ctx,
		&api_v2.GetDependenciesRequest{StartTime: before, EndTime: behind})
	if err != nil {
		return nil, fmt.Errorf("GetDependencies: %w", err)
	}
	return map[string]any{
		"trace":          traceSpans,
		"found":          foundSpans,
		"services":       services.Services,
		"operationNames": operations.OperationNames,
		"operations":     operations.Operations,
		"dependencies":   dependencies.Dependencies,
		"refused":        refusedV2(ctx, client),
	}, nil
}

// refusedV2 prints the status of calls that cannot succeed.
func refusedV2(ctx context.Context, client api_v2.QueryServiceClient) map[string]string {
	print := func(_ []shownSpan, err error) string {
		return status.Code(err).String() + ": " + status.Convert(err).Message()
	}
	unknown, err := client.GetTrace(ctx, &api_v2.GetTraceRequest{TraceID: model.NewTraceID(7, 7)})
	unknownText := print(readChunks(unknown, err))
	empty, err := client.GetTrace(ctx, &api_v2.GetTraceRequest{})
	emptyText := print(readChunks(empty, err))
	_, archiveErr := client.ArchiveTrace(ctx, &api_v2.ArchiveTraceRequest{})
	return map[string]string{
		"GetTrace of an unknown id": unknownText,
		"GetTrace of no id":         emptyText,
		"ArchiveTrace of no id":     print(nil, archiveErr),
	}
}
