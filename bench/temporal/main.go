// Command temporal is a Temporal server on PostgreSQL, tuned like the one in deploy/temporal. The bench starts it in a separate
// process. It is a separate program so that no other part of the bench contains the server.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/membership/static"
	_ "go.temporal.io/server/common/persistence/sql/sqlplugin/postgresql" // the plugin
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/temporal"
	"go.temporal.io/server/tools/sql"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Config is the argument.
type Config struct {
	Host string // of PostgreSQL
	Port int
	User string
}

// announced is the line that the server prints once it answers.
type announced struct {
	Address string `json:"address"` // for clients of Temporal
	Control string `json:"control"` // GET /events sums the lengths of all histories
}

const (
	plugin    = "postgres12"
	database  = "temporal"
	shown     = "temporal_visibility"
	namespace = "default"
	cluster1  = "active"
	loopback  = "127.0.0.1"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	var c Config
	if len(args) != 1 {
		return errors.New("expected one argument, the configuration")
	}
	if err := json.Unmarshal([]byte(args[0]), &c); err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	for name, schema := range map[string]string{database: "temporal", shown: "visibility"} {
		if err := c.prepare(name, "postgresql/v12/"+schema); err != nil {
			return err
		}
	}
	ports, err := freePorts(len(services))
	if err != nil {
		return err
	}
	server, err := c.start(ports)
	if err != nil {
		return err
	}
	address := net.JoinHostPort(loopback, strconv.Itoa(ports[0]))
	answers, err := connect(address)
	if err != nil {
		return err
	}
	control, err := serveEvents(answers)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(announced{address, control}); err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // until the bench ends
	answers.Close()
	return server.Stop()
}

// prepare creates a database and its tables.
func (c Config) prepare(name, schema string) error {
	tool := func(args ...string) error {
		return sql.RunTool(append([]string{
			"temporal-sql-tool", "--plugin", plugin, "--endpoint", c.Host, "--port", strconv.Itoa(c.Port), "--user", c.User, "--database", name,
		}, args...))
	}
	for _, step := range [][]string{
		{"create-database"}, {"setup-schema", "--version", "0.0"}, {"update-schema", "--schema-name", schema},
	} {
		if err := tool(step...); err != nil {
			return fmt.Errorf("%s of %s: %w", step[0], name, err)
		}
	}
	return nil
}

// services are the server's services in the order of their ports.
var services = []primitives.ServiceName{
	primitives.FrontendService, primitives.HistoryService, primitives.MatchingService, primitives.WorkerService,
}

func (c Config) start(ports []int) (temporal.Server, error) {
	hosts := map[primitives.ServiceName]static.Hosts{}
	for i, service := range services {
		hosts[service] = static.SingleLocalHost(net.JoinHostPort(loopback, strconv.Itoa(ports[i])))
	}
	server, err := temporal.NewServer(
		temporal.WithConfig(c.server(ports)),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(hosts),
		temporal.WithLogger(log.NewNoopLogger()),
		temporal.WithDynamicConfigClient(dynamicconfig.StaticClient{
			dynamicconfig.TransferProcessorMaxPollRPS.Key():   1000,
			dynamicconfig.TimerProcessorMaxPollRPS.Key():      1000,
			dynamicconfig.VisibilityProcessorMaxPollRPS.Key(): 1000,
		}),
	)
	if err != nil {
		return nil, err
	}
	return server, server.Start()
}

func (c Config) server(ports []int) *config.Config {
	frontend := net.JoinHostPort(loopback, strconv.Itoa(ports[0]))
	store := func(name string) config.DataStore {
		return config.DataStore{SQL: &config.SQL{
			PluginName: plugin, DatabaseName: name, User: c.User, ConnectProtocol: "tcp",
			ConnectAddr: net.JoinHostPort(c.Host, strconv.Itoa(c.Port)), MaxConns: 20, MaxIdleConns: 20,
		}}
	}
	cfg := &config.Config{
		Global: config.Global{Membership: config.Membership{MaxJoinDuration: 30 * time.Second, BroadcastAddress: loopback}},
		Persistence: config.Persistence{
			DefaultStore: database, VisibilityStore: shown, NumHistoryShards: 4,
			DataStores: map[string]config.DataStore{database: store(database), shown: store(shown)},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10, MasterClusterName: cluster1, CurrentClusterName: cluster1,
			ClusterInformation: map[string]cluster.ClusterInformation{
				cluster1: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: frontend},
			},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		PublicClient:        config.PublicClient{HostPort: frontend},
		Archival:            config.Archival{History: config.HistoryArchival{State: "disabled"}, Visibility: config.VisibilityArchival{State: "disabled"}},
		NamespaceDefaults: config.NamespaceDefaults{Archival: config.ArchivalNamespaceDefaults{
			History: config.HistoryArchivalNamespaceDefaults{State: "disabled"}, Visibility: config.VisibilityArchivalNamespaceDefaults{State: "disabled"},
		}},
		Services: map[string]config.Service{},
	}
	for i, service := range services {
		cfg.Services[string(service)] = config.Service{RPC: config.RPC{GRPCPort: ports[i], BindOnLocalHost: true}}
	}
	return cfg
}

// connect waits until the server answers and has its namespace.
func connect(address string) (client.Client, error) {
	deadline := time.Now().Add(time.Minute)
	made := false
	for {
		c, err := client.Dial(client.Options{HostPort: address, Namespace: namespace, Logger: silent{}})
		if err == nil {
			if !made {
				_, err = c.WorkflowService().RegisterNamespace(context.Background(), &workflowservice.RegisterNamespaceRequest{
					Namespace: namespace, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
				})
				made = err == nil
			}
			// It takes a moment until all services know the namespace.
			if made {
				_, err = c.WorkflowService().ListWorkflowExecutions(context.Background(), &workflowservice.ListWorkflowExecutionsRequest{Namespace: namespace})
			}
			if err == nil {
				return c, nil
			}
			c.Close()
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("wait for the server: %w", err)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func serveEvents(c client.Client) (string, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(loopback, "0"))
	if err != nil {
		return "", err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) {
		n, err := events(r.Context(), c)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(w).Encode(n)
	})
	go func() { _ = http.Serve(l, mux) }()
	return "http://" + l.Addr().String(), nil
}

func events(ctx context.Context, c client.Client) (sum int64, err error) {
	for token := []byte(nil); ; {
		page, err := c.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{NextPageToken: token})
		if err != nil {
			return 0, err
		}
		for _, run := range page.Executions {
			sum += run.HistoryLength
		}
		if token = page.NextPageToken; len(token) == 0 {
			return sum, nil
		}
	}
}

func freePorts(n int) ([]int, error) {
	ports := make([]int, n)
	for i := range ports {
		l, err := net.Listen("tcp", net.JoinHostPort(loopback, "0"))
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close()
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}

type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}
