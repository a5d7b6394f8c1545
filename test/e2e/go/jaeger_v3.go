package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/bufbuild/protocompile"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	_ "go.opentelemetry.io/proto/otlp/trace/v1"
	_ "google.golang.org/genproto/googleapis/api/annotations"
)

// What Jaeger's files import for the sake of its HTTP documentation: options without a meaning here.
const documentationOptions = `
syntax = "proto3";
package openapi.v3;
import "google/protobuf/descriptor.proto";
message Any { string yaml = 2; }
message Schema {
  repeated string required = 1;
  int64 max_items = 2;
  string type = 3;
  repeated Any enum = 4;
  Any example = 5;
  repeated Choice one_of = 6;
  int64 min_items = 7;
}
message Choice { Schema schema = 1; }
extend google.protobuf.MessageOptions { Schema schema = 1143; }
extend google.protobuf.FieldOptions { Schema property = 1143; }
`

// v3 is a client of api_v3.QueryService, made at run time from Jaeger's own definition.
type v3 struct {
	conn    *grpc.ClientConn
	service protoreflect.ServiceDescriptor
}

func openV3(ctx context.Context, o options) (*v3, error) {
	sources := &protocompile.SourceResolver{ImportPaths: []string{o.protos}}
	compiler := protocompile.Compiler{Resolver: protocompile.CompositeResolver{
		protocompile.ResolverFunc(resolve), protocompile.WithStandardImports(sources),
	}}
	files, err := compiler.Compile(ctx, "api_v3/query_service.proto")
	if err != nil {
		return nil, err
	}
	service := files[0].Services().ByName("QueryService")
	if service == nil {
		return nil, errors.New("no QueryService in api_v3/query_service.proto")
	}
	conn, err := grpc.NewClient(o.address,
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	return &v3{conn, service}, err
}

func resolve(path string) (protocompile.SearchResult, error) {
	if path == "gnostic/openapiv3/annotations.proto" {
		return protocompile.SearchResult{Source: strings.NewReader(documentationOptions)}, nil
	}
	file, err := protoregistry.GlobalFiles.FindFileByPath(path)
	if err != nil {
		return protocompile.SearchResult{}, err
	}
	return protocompile.SearchResult{Desc: file}, nil
}

// call sends one request, as protobuf's JSON, and returns all answers as such.
func (c *v3) call(ctx context.Context, name string, request string) ([]json.RawMessage, error) {
	method := c.service.Methods().ByName(protoreflect.Name(name))
	if method == nil {
		return nil, fmt.Errorf("no method %s", name)
	}
	message := dynamicpb.NewMessage(method.Input())
	if err := protojson.Unmarshal([]byte(request), message); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	desc := &grpc.StreamDesc{ServerStreams: true}
	path := fmt.Sprintf("/%s/%s", c.service.FullName(), name)
	stream, err := c.conn.NewStream(ctx, desc, path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := stream.SendMsg(message); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := stream.CloseSend(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	answers := []json.RawMessage{}
	for {
		answer := dynamicpb.NewMessage(method.Output())
		err := stream.RecvMsg(answer)
		if errors.Is(err, io.EOF) {
			return answers, nil
		}
		if err != nil {
			return answers, fmt.Errorf("%s: %w", name, err)
		}
		if unknown := answer.GetUnknown(); len(unknown) > 0 {
			return answers, fmt.Errorf("%s: %d bytes of fields that its definition lacks", name, len(unknown))
		}
		text, err := protojson.MarshalOptions{UseEnumNumbers: true}.Marshal(answer)
		if err != nil {
			return answers, fmt.Errorf("%s: %w", name, err)
		}
		answers = append(answers, text)
	}
}

// readV3 asks everything that today's clients of api_v3.QueryService ask.
func readV3(ctx context.Context, o options) (any, error) {
	client, err := openV3(ctx, o)
	if err != nil {
		return nil, err
	}
	defer client.conn.Close()
	start := time.Unix(0, o.startNs).UTC()
	before := start.Add(-time.Minute).Format(time.RFC3339Nano)
	behind := start.Add(time.Minute).Format(time.RFC3339Nano)
	search := fmt.Sprintf(`{"query":{"service_name":%q,"operation_name":"GET /κόσμε",
		"attributes":{"text":"naïve 日本語 🦀","yes":"true"},"start_time_min":%q,"start_time_max":%q,
		"duration_min":"0.001s","duration_max":"1s","search_depth":10}}`, o.service, before, behind)
	asked := map[string][2]string{
		"trace":        {"GetTrace", fmt.Sprintf(`{"trace_id":%q}`, o.traceID)},
		"found":        {"FindTraces", search},
		"summaries":    {"FindTraceSummaries", search},
		"services":     {"GetServices", `{}`},
		"operations":   {"GetOperations", fmt.Sprintf(`{"service":%q}`, o.service)},
		"dependencies": {"GetDependencies", fmt.Sprintf(`{"start_time":%q,"end_time":%q}`, before, behind)},
		"unknown":      {"GetTrace", `{"trace_id":"00000000000000070000000000000007"}`},
	}
	answers := map[string]any{}
	for what, call := range asked {
		answer, err := client.call(ctx, call[0], call[1])
		if err != nil {
			answers[what] = err.Error()
			continue
		}
		answers[what] = answer
	}
	return answers, nil
}
