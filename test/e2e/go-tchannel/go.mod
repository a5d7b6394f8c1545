module spoor/tchannel

go 1.26.0

require (
	github.com/apache/thrift v0.24.0
	github.com/jaegertracing/jaeger-idl v0.14.0
	github.com/uber/tchannel-go v1.34.6
)

require (
	github.com/opentracing/opentracing-go v1.1.0 // indirect
	go.uber.org/atomic v1.6.0 // indirect
	go.uber.org/multierr v1.2.0 // indirect
	golang.org/x/net v0.58.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
)
