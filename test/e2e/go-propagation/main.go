// Command peer passes contexts on as Go services do: it takes one from a request, starts a span under it, and
// calls back with the context of that span, by HTTP or by gRPC.
//
//	stdout: {"http":"127.0.0.1:1","grpc":"127.0.0.1:2"}      it ends with its standard input
//	request: peer-library names the library (libraries.go), peer-to whom to call
//	answer: {"seen":{…},"child":{…}}, what it found and what it passed on
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/otel/propagation"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
)

const (
	libraryHeader = "peer-library"
	toHeader      = "peer-to"
	grpcMethod    = "/peer.Peer/Pass"
	callTimeout   = 10 * time.Second
)

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve() error {
	libraries, err := openLibraries()
	if err != nil {
		return err
	}
	web, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	rpc, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	peer := &peer{libraries: libraries}
	server := grpc.NewServer(grpc.ForceServerCodec(rawCodec{}), grpc.UnknownServiceHandler(peer.takeCall))
	failed := make(chan error, 2)
	go func() { failed <- http.Serve(web, http.HandlerFunc(peer.takeRequest)) }()
	go func() { failed <- server.Serve(rpc) }()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		failed <- nil
	}()
	places := map[string]string{"http": web.Addr().String(), "grpc": rpc.Addr().String()}
	if err := json.NewEncoder(os.Stdout).Encode(places); err != nil {
		return err
	}
	return <-failed
}

type peer struct {
	libraries map[string]library
}

func (p *peer) takeRequest(w http.ResponseWriter, r *http.Request) {
	answer, err := p.passRequest(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func (p *peer) passRequest(r *http.Request) (*answer, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	lib, ok := p.libraries[r.Header.Get(libraryHeader)]
	if !ok {
		return nil, errors.New("no such library")
	}
	in := &message{TextMapCarrier: propagation.HeaderCarrier(r.Header), body: body}
	header := http.Header{}
	out := &message{TextMapCarrier: propagation.HeaderCarrier(header)}
	answer, err := lib.pass(in, out)
	if err != nil {
		return nil, err
	}
	call, err := http.NewRequest(http.MethodPost, r.Header.Get(toHeader), bytes.NewReader(out.body))
	if err != nil {
		return nil, err
	}
	call.Header = header
	client := http.Client{Timeout: callTimeout}
	response, err := client.Do(call)
	if err != nil {
		return nil, err
	}
	return answer, response.Body.Close()
}

func (p *peer) takeCall(_ any, stream grpc.ServerStream) error {
	var request []byte
	if err := stream.RecvMsg(&request); err != nil {
		return err
	}
	incoming, _ := metadata.FromIncomingContext(stream.Context())
	in := metadataCarrier(incoming)
	lib, ok := p.libraries[in.Get(libraryHeader)]
	if !ok {
		return errors.New("no such library")
	}
	outgoing := metadata.MD{}
	answer, err := lib.pass(&message{TextMapCarrier: in}, &message{TextMapCarrier: metadataCarrier(outgoing)})
	if err != nil {
		return err
	}
	if err := callBack(stream.Context(), in.Get(toHeader), outgoing); err != nil {
		return err
	}
	text, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	return stream.SendMsg(&text)
}

func callBack(parent context.Context, to string, md metadata.MD) error {
	connection, err := grpc.NewClient(to,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(rawCodec{})))
	if err != nil {
		return err
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(metadata.NewOutgoingContext(parent, md), callTimeout)
	defer cancel()
	var request, reply []byte
	return connection.Invoke(ctx, grpcMethod, &request, &reply)
}

// message is what carries a context: headers or metadata, and for the binary format a body.
type message struct {
	propagation.TextMapCarrier
	body []byte
}

// ForeachKey lets OpenTracing read what OpenTelemetry calls a carrier.
func (m *message) ForeachKey(handler func(key, val string) error) error {
	for _, key := range m.Keys() {
		if err := handler(key, m.Get(key)); err != nil {
			return err
		}
	}
	return nil
}

type metadataCarrier metadata.MD

func (c metadataCarrier) Get(key string) string {
	return strings.Join(metadata.MD(c).Get(key), ",")
}

func (c metadataCarrier) Set(key, value string) { metadata.MD(c).Set(key, value) }

func (c metadataCarrier) Keys() []string {
	keys := make([]string, 0, len(c))
	for key := range c {
		keys = append(keys, key)
	}
	return keys
}

// rawCodec sends bytes as they are.
type rawCodec struct{}

func (rawCodec) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }

func (rawCodec) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}

func (rawCodec) Name() string { return "raw" }
