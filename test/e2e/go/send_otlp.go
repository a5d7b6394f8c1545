package main

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

const schemaURL = "https://opentelemetry.io/schemas/1.21.0"

// countedIDs numbers the spans of one trace from 1 on.
type countedIDs struct {
	traceID trace.TraceID
	spans   atomic.Uint64
}

func (c *countedIDs) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	return c.traceID, c.NewSpanID(ctx, c.traceID)
}

func (c *countedIDs) NewSpanID(context.Context, trace.TraceID) trace.SpanID {
	var id trace.SpanID
	binary.BigEndian.PutUint64(id[:], c.spans.Add(1))
	return id
}

func sendOTLP(ctx context.Context, o options) (any, error) {
	var failures []error
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { failures = append(failures, err) }))
	exporter, err := openExporter(ctx, o)
	if err != nil {
		return nil, err
	}
	traceID, err := trace.TraceIDFromHex(o.traceID)
	if err != nil {
		return nil, err
	}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter),
		sdktrace.WithIDGenerator(&countedIDs{traceID: traceID}),
		sdktrace.WithResource(resource.NewWithAttributes(
			schemaURL,
			attribute.String("service.name", o.service),
			attribute.Int("process.pid", 4711),
			attribute.StringSlice("process.command_args", []string{"run", "--größe"}),
		)),
	)
	makeSpans(ctx, provider, time.Unix(0, o.startNs))
	if err := provider.Shutdown(ctx); err != nil {
		return nil, err
	}
	return "sent", errors.Join(failures...)
}

func openExporter(ctx context.Context, o options) (sdktrace.SpanExporter, error) {
	if o.protocol == "http" {
		return otlptracehttp.New(ctx,
			otlptracehttp.WithEndpoint(o.address),
			otlptracehttp.WithInsecure(),
			otlptracehttp.WithCompression(otlptracehttp.GzipCompression),
		)
	}
	return otlptracegrpc.New(ctx,
		otlptracegrpc.WithEndpoint(o.address),
		otlptracegrpc.WithInsecure(),
		otlptracegrpc.WithCompressor("gzip"),
	)
}

func makeSpans(ctx context.Context, provider trace.TracerProvider, start time.Time) {
	at := func(ns int64) trace.SpanEventOption { return trace.WithTimestamp(start.Add(time.Duration(ns))) }
	tracer := provider.Tracer("e2e/go",
		trace.WithInstrumentationVersion("v1.2.3"),
		trace.WithSchemaURL(schemaURL),
		trace.WithInstrumentationAttributes(attribute.String("scope.côté", "gauche")),
	)

	rootCtx, root := tracer.Start(ctx, "GET /κόσμε", at(0),
		trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(
			attribute.String("text", "naïve 日本語 🦀"),
			attribute.String("text.empty", ""),
			attribute.Bool("yes", true),
			attribute.Bool("no", false),
			attribute.Int64("int.max", math.MaxInt64),
			attribute.Int64("int.min", math.MinInt64),
			attribute.Int64("int.past.double", 1<<53+1),
			attribute.Float64("double", -0.1),
			attribute.Float64("double.nan", math.NaN()),
			attribute.Float64("double.infinite", math.Inf(-1)),
			attribute.ByteSlice("bytes", []byte{0, 1, 0xfe, 0xff}),
			attribute.StringSlice("list.text", []string{"a", "ü"}),
			attribute.Int64Slice("list.int", []int64{1, -2, math.MaxInt64}),
			attribute.Float64Slice("list.double", []float64{0.5, -1.25}),
			attribute.BoolSlice("list.bool", []bool{true, false}),
			attribute.Slice("list.mixed", attribute.StringValue("a"), attribute.Int64Value(7),
				attribute.SliceValue(attribute.BoolValue(true))),
			attribute.Map("map", attribute.String("inner", "é"),
				attribute.Map("deeper", attribute.Int("n", 1))),
		),
	)
	root.AddEvent("read", at(1_000_001), trace.WithAttributes(attribute.Int("bytes", 512)))
	root.RecordError(errors.New("disque plein"), at(2_000_002))
	root.SetStatus(codes.Error, "échec")

	for i, kind := range []trace.SpanKind{
		trace.SpanKindInternal, trace.SpanKindClient, trace.SpanKindProducer, trace.SpanKindConsumer,
	} {
		childStart := int64(10_000_000 * (i + 1))
		_, child := tracer.Start(rootCtx, kind.String(), at(childStart), trace.WithSpanKind(kind),
			trace.WithLinks(trace.Link{
				SpanContext: remoteSpan(), Attributes: []attribute.KeyValue{attribute.Int("n", i)},
			}))
		child.SetStatus(codes.Ok, "")
		child.End(trace.WithTimestamp(start.Add(time.Duration(childStart + int64(i)*1_000_001))))
	}
	root.End(trace.WithTimestamp(start.Add(99_999_999)))
}

func remoteSpan() trace.SpanContext {
	state, err := trace.ParseTraceState("rojo=1,congo=2")
	if err != nil {
		panic(err)
	}
	traceID, err := trace.TraceIDFromHex("4bf92f3577b34da6a3ce929d0e0e4736")
	if err != nil {
		panic(err)
	}
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: traceID, SpanID: trace.SpanID{0, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7},
		TraceFlags: trace.FlagsSampled, TraceState: state, Remote: true,
	})
}
