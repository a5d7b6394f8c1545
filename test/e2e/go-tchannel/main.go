// A Jaeger agent and a Jaeger collector of the years of TChannel, for the end-to-end tests: Uber's own
// tchannel-go, and thrift as Jaeger's definitions have it.
//
//	submit   calls Collector::submitBatches, prints how often it was told ok
//	serve    answers it and says so once a line; prints what it got when standard input ends
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"sync"
	"time"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/jaegertracing/jaeger-idl/thrift-gen/jaeger"
	tchannel "github.com/uber/tchannel-go"
)

const (
	callLimit = 20 * time.Second
	service   = "jaeger-collector"
	method    = "Collector::submitBatches"
)

var checksums = map[string]tchannel.ChecksumType{
	"none":   tchannel.ChecksumTypeNone,
	"crc32":  tchannel.ChecksumTypeCrc32,
	"crc32c": tchannel.ChecksumTypeCrc32C,
}

type options struct {
	address  string
	checksum string
	service  string
	traceID  int64
	startUs  int64
	spans    int
	bytes    int
	calls    int
}

func main() {
	commands := map[string]func(options) (any, error){"submit": submit, "serve": serve}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fail(fmt.Errorf("the first argument is none of submit, serve"))
	}
	var o options
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	flags.StringVar(&o.address, "address", "127.0.0.1:0", "host:port")
	flags.StringVar(&o.checksum, "checksum", "crc32c", "of the frames")
	flags.StringVar(&o.service, "service", "", "service name of the spans")
	flags.Int64Var(&o.traceID, "trace-id", 1, "of all spans, their upper half is 7")
	flags.Int64Var(&o.startUs, "start-us", 0, "start of the first span, µs since the epoch")
	flags.IntVar(&o.spans, "spans", 1, "in each of two batches")
	flags.IntVar(&o.bytes, "bytes", 4, "of the binary tag of each span")
	flags.IntVar(&o.calls, "calls", 1, "at the same time, over one connection, all with the same spans")
	if err := flags.Parse(os.Args[2:]); err != nil {
		fail(err)
	}
	result, err := commands[os.Args[1]](o)
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

func newChannel(name string, o options) (*tchannel.Channel, error) {
	return tchannel.NewChannel(name, &tchannel.ChannelOptions{
		DefaultConnectionOptions: tchannel.ConnectionOptions{ChecksumType: checksums[o.checksum]},
	})
}

func submit(o options) (any, error) {
	ch, err := newChannel("jaeger-agent", o)
	if err != nil {
		return nil, err
	}
	defer ch.Close()
	ctx, cancel := tchannel.NewContext(callLimit)
	defer cancel()
	if err := ch.Ping(ctx, o.address); err != nil {
		return nil, err
	}
	arg3 := write(&jaeger.CollectorSubmitBatchesArgs{
		Batches: []*jaeger.Batch{makeBatch(o, 0), makeBatch(o, 1)},
	})
	oks := make([]int, o.calls)
	errs := make([]error, o.calls)
	var group sync.WaitGroup
	for i := range oks {
		group.Add(1)
		go func() {
			defer group.Done()
			oks[i], errs[i] = call(ctx, ch, o.address, arg3)
		}()
	}
	group.Wait()
	total := 0
	for i, err := range errs {
		if err != nil {
			return map[string]any{"code": tchannel.GetSystemErrorCode(err).String(), "error": err.Error()}, nil
		}
		total += oks[i]
	}
	return map[string]any{"bytes": len(arg3), "oks": total}, nil
}

func call(ctx context.Context, ch *tchannel.Channel, address string, arg3 []byte) (int, error) {
	call, err := ch.BeginCall(ctx, address, service, method, &tchannel.CallOptions{
		Format: tchannel.Thrift,
	})
	if err != nil {
		return 0, err
	}
	if err := tchannel.NewArgWriter(call.Arg2Writer()).Write([]byte{0, 0}); err != nil {
		return 0, err
	}
	if err := tchannel.NewArgWriter(call.Arg3Writer()).Write(arg3); err != nil {
		return 0, err
	}
	var headers, answer []byte
	if err := tchannel.NewArgReader(call.Response().Arg2Reader()).Read(&headers); err != nil {
		return 0, err
	}
	if err := tchannel.NewArgReader(call.Response().Arg3Reader()).Read(&answer); err != nil {
		return 0, err
	}
	var result jaeger.CollectorSubmitBatchesResult
	if err := read(answer, &result); err != nil {
		return 0, err
	}
	oks := 0
	for _, one := range result.Success {
		if one.Ok {
			oks++
		}
	}
	return oks, nil
}

// makeBatch makes spans with every type of tag, and one of so many bytes; the test makes the same.
func makeBatch(o options, number int) *jaeger.Batch {
	text, yes, long, double := "naïve 日本語 🦀", true, int64(math.MaxInt64), -0.1
	host := fmt.Sprintf("höst-%d", number)
	filling := make([]byte, o.bytes)
	for i := range filling {
		filling[i] = byte(i)
	}
	batch := &jaeger.Batch{
		Process: &jaeger.Process{
			ServiceName: fmt.Sprintf("%s-%d", o.service, number),
			Tags:        []*jaeger.Tag{{Key: "hostname", VType: jaeger.TagType_STRING, VStr: &host}},
		},
	}
	for i := range o.spans {
		id := int64(number*o.spans + i + 1)
		span := &jaeger.Span{
			TraceIdLow: o.traceID, TraceIdHigh: 7, SpanId: id, ParentSpanId: min(1, id-1),
			OperationName: "GET /κόσμε", Flags: 1,
			StartTime: o.startUs + id, Duration: 1_000 + id,
			Tags: []*jaeger.Tag{
				{Key: "text", VType: jaeger.TagType_STRING, VStr: &text},
				{Key: "yes", VType: jaeger.TagType_BOOL, VBool: &yes},
				{Key: "int.max", VType: jaeger.TagType_LONG, VLong: &long},
				{Key: "double", VType: jaeger.TagType_DOUBLE, VDouble: &double},
				{Key: "bytes", VType: jaeger.TagType_BINARY, VBinary: filling},
			},
			Logs: []*jaeger.Log{{
				Timestamp: o.startUs + id + 1,
				Fields:    []*jaeger.Tag{{Key: "event", VType: jaeger.TagType_STRING, VStr: &host}},
			}},
		}
		batch.Spans = append(batch.Spans, span)
	}
	return batch
}

func serve(o options) (any, error) {
	ch, err := newChannel(service, o)
	if err != nil {
		return nil, err
	}
	var mutex sync.Mutex
	received := []map[string]any{}
	ch.Register(tchannel.HandlerFunc(func(ctx context.Context, call *tchannel.InboundCall) {
		args, err := receive(ctx, call)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return
		}
		if args == nil {
			return
		}
		mutex.Lock()
		defer mutex.Unlock()
		for _, batch := range args.Batches {
			for _, span := range batch.Spans {
				received = append(received, map[string]any{
					"caller": call.CallerName(), "service": batch.Process.ServiceName,
					"name": span.OperationName, "span": span.SpanId, "start": span.StartTime,
					"duration": span.Duration, "tags": len(span.Tags), "logs": len(span.Logs),
				})
			}
		}
	}), method)
	if err := ch.ListenAndServe(o.address); err != nil {
		return nil, err
	}
	fmt.Println(ch.PeerInfo().HostPort)
	_, err = io.Copy(io.Discard, os.Stdin)
	ch.Close()
	mutex.Lock()
	defer mutex.Unlock()
	return received, err
}

// receive is nil without an error for what is no thrift: the caller was told so.
func receive(ctx context.Context, call *tchannel.InboundCall) (*jaeger.CollectorSubmitBatchesArgs, error) {
	var headers, body []byte
	if err := tchannel.NewArgReader(call.Arg2Reader()).Read(&headers); err != nil {
		return nil, err
	}
	if err := tchannel.NewArgReader(call.Arg3Reader()).Read(&body); err != nil {
		return nil, err
	}
	args := &jaeger.CollectorSubmitBatchesArgs{}
	if err := read(body, args); err != nil {
		return nil, call.Response().SendSystemError(tchannel.NewWrappedSystemError(tchannel.ErrCodeBadRequest, err))
	}
	result := &jaeger.CollectorSubmitBatchesResult{Success: []*jaeger.BatchSubmitResponse{}}
	for range args.Batches {
		result.Success = append(result.Success, &jaeger.BatchSubmitResponse{Ok: true})
	}
	if err := tchannel.NewArgWriter(call.Response().Arg2Writer()).Write([]byte{0, 0}); err != nil {
		return nil, err
	}
	return args, tchannel.NewArgWriter(call.Response().Arg3Writer()).Write(write(result))
}

func write(value thrift.TStruct) []byte {
	buffer := thrift.NewTMemoryBuffer()
	if err := value.Write(context.Background(), thrift.NewTBinaryProtocolConf(buffer, nil)); err != nil {
		fail(err)
	}
	return buffer.Bytes()
}

func read(bytes []byte, value thrift.TStruct) error {
	buffer := thrift.NewTMemoryBuffer()
	buffer.Write(bytes)
	return value.Read(context.Background(), thrift.NewTBinaryProtocolConf(buffer, nil))
}
