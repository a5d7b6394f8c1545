package main

import (
	"bytes"
	"context"
	"fmt"

	"github.com/opentracing/opentracing-go"
	"github.com/uber/jaeger-client-go"
	"github.com/uber/jaeger-client-go/zipkin"
	"go.opentelemetry.io/contrib/propagators/b3"
	jaegerpropagator "go.opentelemetry.io/contrib/propagators/jaeger"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// The item of baggage that the peer adds.
const (
	addedKey   = "go"
	addedValue = "by-go"
)

type ids struct {
	TraceID string `json:"traceId"`
	SpanID  string `json:"spanId"`
	Sampled bool   `json:"sampled"`
}

type answer struct {
	Seen       ids               `json:"seen"`
	Child      ids               `json:"child"`
	TraceState string            `json:"traceState"`
	Debug      bool              `json:"debug"`
	Baggage    map[string]string `json:"baggage"`
}

// library takes a context from one message and puts that of a child span into another.
type library interface {
	pass(in, out *message) (*answer, error)
}

func openLibraries() (map[string]library, error) {
	zipkinHeaders := zipkin.NewZipkinB3HTTPHeaderPropagator(zipkin.BaggagePrefix("uberctx-"))
	ours := []jaeger.TracerOption{jaeger.TracerOptions.Gen128Bit(true)}
	asZipkin := append(ours,
		jaeger.TracerOptions.Injector(opentracing.HTTPHeaders, zipkinHeaders),
		jaeger.TracerOptions.Extractor(opentracing.HTTPHeaders, zipkinHeaders))
	// A decision of its own would show: it samples nothing, the SDK everything that has no parent.
	open := func(options ...jaeger.TracerOption) opentracing.Tracer {
		tracer, _ := jaeger.NewTracer("peer", jaeger.NewConstSampler(false), jaeger.NewNullReporter(), options...)
		return tracer
	}
	sdk := sdktrace.NewTracerProvider().Tracer("peer")
	both := func(one propagation.TextMapPropagator) library {
		return otelLibrary{sdk, propagation.NewCompositeTextMapPropagator(one, propagation.Baggage{})}
	}
	return map[string]library{
		"jaeger-client":        jaegerLibrary{tracer: open(ours...), format: opentracing.HTTPHeaders},
		"jaeger-client-b3":     jaegerLibrary{tracer: open(asZipkin...), format: opentracing.HTTPHeaders},
		"jaeger-client-binary": jaegerLibrary{tracer: open(ours...), format: opentracing.Binary},
		"otel-w3c":             both(propagation.TraceContext{}),
		"otel-b3":              both(b3.New(b3.WithInjectEncoding(b3.B3MultipleHeader))),
		"otel-b3-single":       both(b3.New(b3.WithInjectEncoding(b3.B3SingleHeader))),
		"otel-jaeger":          both(jaegerpropagator.Jaeger{}),
	}, nil
}

type jaegerLibrary struct {
	tracer opentracing.Tracer
	format opentracing.BuiltinFormat
}

func (l jaegerLibrary) pass(in, out *message) (*answer, error) {
	var from, to any = in, out
	buffer := &bytes.Buffer{}
	if l.format == opentracing.Binary {
		from, to = bytes.NewReader(in.body), buffer
	}
	parent, err := l.tracer.Extract(l.format, from)
	if err != nil {
		return nil, err
	}
	span := l.tracer.StartSpan("pass", opentracing.ChildOf(parent))
	defer span.Finish()
	seen, ok := parent.(jaeger.SpanContext)
	if !ok {
		return nil, fmt.Errorf("a context of type %T", parent)
	}
	items := map[string]string{}
	seen.ForeachBaggageItem(func(key, value string) bool {
		items[key] = value
		return true
	})
	span.SetBaggageItem(addedKey, addedValue)
	if err := l.tracer.Inject(span.Context(), l.format, to); err != nil {
		return nil, err
	}
	out.body = buffer.Bytes()
	child, _ := span.Context().(jaeger.SpanContext)
	return &answer{Seen: jaegerIDs(seen), Child: jaegerIDs(child), Debug: seen.IsDebug(), Baggage: items}, nil
}

func jaegerIDs(sc jaeger.SpanContext) ids {
	id := sc.TraceID()
	return ids{
		TraceID: fmt.Sprintf("%016x%016x", id.High, id.Low),
		SpanID:  fmt.Sprintf("%016x", uint64(sc.SpanID())),
		Sampled: sc.IsSampled(),
	}
}

type otelLibrary struct {
	tracer     trace.Tracer
	propagator propagation.TextMapPropagator
}

func (l otelLibrary) pass(in, out *message) (*answer, error) {
	ctx := l.propagator.Extract(context.Background(), in)
	seen := trace.SpanContextFromContext(ctx)
	if !seen.IsValid() {
		return nil, fmt.Errorf("no context in %v", in.Keys())
	}
	items := map[string]string{}
	bag := baggage.FromContext(ctx)
	for _, member := range bag.Members() {
		items[member.Key()] = member.Value()
	}
	added, err := baggage.NewMemberRaw(addedKey, addedValue)
	if err != nil {
		return nil, err
	}
	if bag, err = bag.SetMember(added); err != nil {
		return nil, err
	}
	ctx, span := l.tracer.Start(baggage.ContextWithBaggage(ctx, bag), "pass")
	defer span.End()
	l.propagator.Inject(ctx, out)
	return &answer{
		Seen:       otelIDs(seen),
		Child:      otelIDs(span.SpanContext()),
		TraceState: seen.TraceState().String(),
		Baggage:    items,
	}, nil
}

func otelIDs(sc trace.SpanContext) ids {
	return ids{TraceID: sc.TraceID().String(), SpanID: sc.SpanID().String(), Sampled: sc.IsSampled()}
}
