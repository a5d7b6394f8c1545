// Command peer is a gRPC service as the Go middleware's users have it: OpenTracing interceptors on its server and
// on the client by which it asks the next service, jaeger-client-go behind both. It hands every call of
// test.Echo on, and says when its standard input ends what spans it made.
//
//	peer --to=127.0.0.1:50051   prints its port; at the end of stdin {"spans": [...]}
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"

	grpcmiddleware "github.com/grpc-ecosystem/go-grpc-middleware"
	grpcopentracing "github.com/grpc-ecosystem/go-grpc-middleware/tracing/opentracing"
	"github.com/opentracing/opentracing-go"
	"github.com/uber/jaeger-client-go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// raw carries messages as the bytes they are.
type raw struct{}

func (raw) Name() string                  { return "proto" }
func (raw) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }
func (raw) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}

type said struct {
	TraceID  string         `json:"traceId"`
	SpanID   string         `json:"spanId"`
	ParentID string         `json:"parentId"`
	Name     string         `json:"name"`
	Tags     map[string]any `json:"tags"`
	Baggage  string         `json:"baggage"`
}

type peer struct{ next *grpc.ClientConn }

func main() {
	to := flag.String("to", "", "host:port of the next service")
	flag.Parse()
	if err := run(*to); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(to string) error {
	reporter := jaeger.NewInMemoryReporter()
	tracer, closer := jaeger.NewTracer("go", jaeger.NewConstSampler(true), reporter)
	defer closer.Close()
	opentracing.SetGlobalTracer(tracer)
	next, err := grpc.NewClient(
		to,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{})),
		grpc.WithStreamInterceptor(grpcmiddleware.ChainStreamClient(
			grpcopentracing.StreamClientInterceptor(grpcopentracing.WithTracer(tracer)))),
		grpc.WithUnaryInterceptor(grpcmiddleware.ChainUnaryClient(
			grpcopentracing.UnaryClientInterceptor(grpcopentracing.WithTracer(tracer)))),
	)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := grpc.NewServer(
		grpc.ForceServerCodec(raw{}),
		grpc.StreamInterceptor(grpcmiddleware.ChainStreamServer(
			grpcopentracing.StreamServerInterceptor(grpcopentracing.WithTracer(tracer)))),
		grpc.UnaryInterceptor(grpcmiddleware.ChainUnaryServer(
			grpcopentracing.UnaryServerInterceptor(grpcopentracing.WithTracer(tracer)))),
	)
	server.RegisterService(describe(), &peer{next})
	go func() { _ = server.Serve(listener) }()
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	_, _ = io.Copy(io.Discard, os.Stdin)
	server.GracefulStop()
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"spans": tell(reporter)})
}

func tell(reporter *jaeger.InMemoryReporter) []said {
	spans := []said{}
	for _, one := range reporter.GetSpans() {
		span := one.(*jaeger.Span)
		context := span.SpanContext()
		spans = append(spans, said{
			TraceID:  context.TraceID().String(),
			SpanID:   context.SpanID().String(),
			ParentID: context.ParentID().String(),
			Name:     span.OperationName(),
			Tags:     span.Tags(),
			Baggage:  span.BaggageItem("user"),
		})
	}
	return spans
}

func describe() *grpc.ServiceDesc {
	stream := func(name string, client, server bool) grpc.StreamDesc {
		handler := func(it any, from grpc.ServerStream) error {
			return it.(*peer).stream(name, client, server, from)
		}
		return grpc.StreamDesc{StreamName: name, Handler: handler, ClientStreams: client, ServerStreams: server}
	}
	return &grpc.ServiceDesc{
		ServiceName: "test.Echo",
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "unary", Handler: unary}},
		Streams: []grpc.StreamDesc{
			stream("clientStream", true, false),
			stream("serverStream", false, true),
			stream("bidi", true, true),
		},
	}
}

func unary(it any, ctx context.Context, read func(any) error, chain grpc.UnaryServerInterceptor) (any, error) {
	request := new([]byte)
	if err := read(request); err != nil {
		return nil, err
	}
	const method = "/test.Echo/unary"
	ask := func(ctx context.Context, request any) (any, error) {
		answer := new([]byte)
		err := it.(*peer).next.Invoke(ctx, method, request, answer)
		return answer, err
	}
	return chain(ctx, request, &grpc.UnaryServerInfo{Server: it, FullMethod: method}, ask)
}

// stream hands all requests on, then all responses back.
func (p *peer) stream(name string, client, server bool, from grpc.ServerStream) error {
	desc := &grpc.StreamDesc{StreamName: name, ClientStreams: client, ServerStreams: server}
	to, err := p.next.NewStream(from.Context(), desc, "/test.Echo/"+name)
	if err != nil {
		return err
	}
	for {
		request := new([]byte)
		if err := from.RecvMsg(request); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
		if err := to.SendMsg(request); err != nil {
			return err
		}
	}
	if err := to.CloseSend(); err != nil {
		return err
	}
	for {
		answer := new([]byte)
		if err := to.RecvMsg(answer); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := from.SendMsg(answer); err != nil {
			return err
		}
		if !server {
			return nil
		}
	}
}
