// Command peer is jaeger-client-go as services have it: it asks an agent how to sample, sends three traces by
// UDP, and prints what the test cannot know: ids, times, what the process says of itself.
//
//	peer --agent=127.0.0.1:6831 --sampling=http://127.0.0.1:5778/sampling --service=s
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"time"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/ext"
	"github.com/opentracing/opentracing-go/log"
	"github.com/uber/jaeger-client-go"
)

type ids struct {
	TraceID string `json:"traceId"`
	SpanID  string `json:"spanId"`
}

type said struct {
	Process   map[string]string `json:"process"`
	Spans     map[string]ids    `json:"spans"`
	StartUs   int64             `json:"startUs"`
	BaggageUs int64             `json:"baggageUs"`
	Carried   string            `json:"carried"`
}

// failures keeps what the client would only log.
type failures struct{ lines []string }

func (f *failures) Error(text string)                { f.lines = append(f.lines, text) }
func (f *failures) Infof(_ string, _ ...interface{}) {}

func main() {
	agent := flag.String("agent", "", "host:port of the agent's compact door")
	sampling := flag.String("sampling", "", "URL to ask how to sample")
	service := flag.String("service", "", "name of the service")
	flag.Parse()
	answer, err := send(*agent, *sampling, *service)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(answer)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func send(agent, sampling, service string) (*said, error) {
	failed := &failures{}
	sampler := jaeger.NewRemotelyControlledSampler(
		service,
		jaeger.SamplerOptions.SamplingServerURL(sampling),
		jaeger.SamplerOptions.SamplingRefreshInterval(time.Hour),
		jaeger.SamplerOptions.InitialSampler(jaeger.NewConstSampler(false)),
		jaeger.SamplerOptions.Logger(failed),
	)
	sampler.UpdateSampler()
	transport, err := jaeger.NewUDPTransport(agent, 65000)
	if err != nil {
		return nil, err
	}
	opened, closer := jaeger.NewTracer(
		service,
		sampler,
		jaeger.NewRemoteReporter(transport, jaeger.ReporterOptions.Logger(failed)),
		jaeger.TracerOptions.Gen128Bit(true),
		jaeger.TracerOptions.MaxTagValueLength(4096),
		jaeger.TracerOptions.Logger(failed),
		jaeger.TracerOptions.Tag("shop.región", "méxico"),
		jaeger.TracerOptions.Tag("shop.floors", 3),
		jaeger.TracerOptions.Tag("shop.share", 0.5),
		jaeger.TracerOptions.Tag("shop.open", true),
	)
	tracer := opened.(*jaeger.Tracer)
	answer := &said{Process: map[string]string{}, Spans: map[string]ids{}}
	process := jaeger.BuildJaegerProcessThrift(tracer.StartSpan("not finished").(*jaeger.Span))
	for _, tag := range process.Tags {
		if !strings.HasPrefix(tag.Key, "shop.") {
			answer.Process[tag.Key] = tag.GetVStr()
		}
	}
	if err := sendSpans(tracer, answer); err != nil {
		return nil, err
	}
	if err := closer.Close(); err != nil {
		return nil, err
	}
	if len(failed.lines) > 0 {
		return nil, fmt.Errorf("the client failed: %q", failed.lines)
	}
	return answer, nil
}

func sendSpans(tracer *jaeger.Tracer, answer *said) error {
	start := time.Now().Add(-10 * time.Second).Truncate(time.Microsecond)
	answer.StartUs = start.UnixMicro()
	after := func(us int64) time.Time { return start.Add(time.Duration(us) * time.Microsecond) }
	finish := func(span opentracing.Span, us int64) {
		span.FinishWithOptions(opentracing.FinishOptions{FinishTime: after(us)})
	}
	begin := func(name string, us int64, how ...opentracing.StartSpanOption) opentracing.Span {
		span := tracer.StartSpan(name, append(how, opentracing.StartTime(after(us)))...)
		context := span.Context().(jaeger.SpanContext)
		answer.Spans[name] = ids{
			TraceID: fmt.Sprintf("%016x%016x", context.TraceID().High, context.TraceID().Low),
			SpanID:  fmt.Sprintf("%016x", uint64(context.SpanID())),
		}
		return span
	}

	elsewhere := begin("elsewhere", 1_000_000)
	root := begin("GET /κόσμε", 0)
	// Given at the start, they would take the place of what the sampler says: a fault of the client.
	for key, value := range map[string]interface{}{
		"span.kind":  "server",
		"text":       "naïve 日本語 🦀",
		"text.empty": "",
		"int.max":    int64(math.MaxInt64),
		"int.min":    int64(math.MinInt64),
		"double":     -0.5,
		"yes":        true,
		"no":         false,
		"bytes":      []byte{0, 1, 0xfe, 0xff},
	} {
		root.SetTag(key, value)
	}
	ext.Error.Set(root, true)
	root.SetBaggageItem("user", "josé")
	logs := root.(*jaeger.Span).Logs()
	answer.BaggageUs = logs[len(logs)-1].Timestamp.UnixMicro()

	headers := opentracing.HTTPHeadersCarrier{}
	if err := tracer.Inject(root.Context(), opentracing.HTTPHeaders, headers); err != nil {
		return err
	}
	carried, err := tracer.Extract(opentracing.HTTPHeaders, headers)
	if err != nil {
		return err
	}
	child := begin("child", 0, opentracing.ChildOf(carried), ext.SpanKindRPCClient)
	answer.Carried = child.BaggageItem("user")
	follower := begin("after", 500_000, opentracing.FollowsFrom(child.Context()))
	joined := begin("joined", 250_000,
		opentracing.ChildOf(root.Context()),
		opentracing.FollowsFrom(child.Context()),
		opentracing.ChildOf(elsewhere.Context()),
		ext.SpanKindConsumer,
	)
	debugged := begin("debugged", 1_500_000)
	ext.SamplingPriority.Set(debugged, 1)

	finish(debugged, 1_750_000)
	finish(joined, 750_000)
	finish(follower, 500_000)
	finish(child, 250_000)
	root.FinishWithOptions(opentracing.FinishOptions{
		FinishTime: after(1_500_000),
		LogRecords: []opentracing.LogRecord{
			{Timestamp: after(500_000), Fields: []log.Field{
				log.String("event", "start"),
				log.Int64("attempt", 1),
				log.Float64("share", 0.25),
				log.Bool("is.first", true),
				log.String("note", "ünï"),
			}},
			{Timestamp: after(750_000), Fields: []log.Field{log.String("message", "no event here")}},
		},
	})
	finish(elsewhere, 1_250_000)
	return nil
}
