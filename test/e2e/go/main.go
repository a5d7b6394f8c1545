// The Go side of the end-to-end tests: what OpenTelemetry's Go SDK and a Jaeger agent send, and what
// clients made from Jaeger's own definitions read.
//
//	send-otlp   OpenTelemetry SDK ─▶ 4317, 4318        post-spans   api_v2.CollectorService ─▶ 14250
//	read-v2     api_v2.QueryService ◀─ 16685           read-v3      api_v3.QueryService ◀─ 16685
//
// Ids and times are arguments or constants, so that the test knows them. What is read is printed as JSON.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"
)

// One call that takes longer has failed.
const callLimit = 20 * time.Second

type options struct {
	address  string
	protocol string
	service  string
	traceID  string
	startNs  int64
	protos   string
}

func main() {
	commands := map[string]func(context.Context, options) (any, error){
		"send-otlp":  sendOTLP,
		"post-spans": postSpans,
		"read-v2":    readV2,
		"read-v3":    readV3,
	}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fail(fmt.Errorf("the first argument is none of send-otlp, post-spans, read-v2, read-v3"))
	}
	var o options
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	flags.StringVar(&o.address, "address", "", "host:port")
	flags.StringVar(&o.protocol, "protocol", "grpc", "grpc or http")
	flags.StringVar(&o.service, "service", "", "service name")
	flags.StringVar(&o.traceID, "trace-id", "", "32 hex digits")
	flags.Int64Var(&o.startNs, "start-ns", 0, "start of the first span, ns since the epoch")
	flags.StringVar(&o.protos, "protos", "", "folder of Jaeger's .proto files")
	if err := flags.Parse(os.Args[2:]); err != nil {
		fail(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), callLimit)
	defer cancel()
	result, err := commands[os.Args[1]](ctx, o)
	if err != nil {
		fail(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
