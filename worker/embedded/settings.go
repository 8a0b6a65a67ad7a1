//go:build !noembedded

package embedded

import (
	"net"
	"strconv"
	"time"

	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/membership/static"
	sqliteplugin "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/primitives"
)

const (
	storeName   = sqliteplugin.PluginName
	clusterName = "active"
)

// services are the server's services in the order of their ports.
var services = []primitives.ServiceName{
	primitives.FrontendService, primitives.HistoryService, primitives.MatchingService, primitives.WorkerService,
}

func serverConfig(database string, ports []int) *config.Config {
	frontend := net.JoinHostPort(loopback, strconv.Itoa(ports[0]))
	cfg := &config.Config{
		Global: config.Global{
			Membership: config.Membership{MaxJoinDuration: 30 * time.Second, BroadcastAddress: loopback},
		},
		Persistence: config.Persistence{
			DefaultStore:     storeName,
			VisibilityStore:  storeName,
			NumHistoryShards: 1,
			DataStores:       map[string]config.DataStore{storeName: {SQL: sqlConfig(database)}},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10,
			MasterClusterName:        clusterName,
			CurrentClusterName:       clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{
				clusterName: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: frontend},
			},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		PublicClient:        config.PublicClient{HostPort: frontend},
		Archival: config.Archival{
			History:    config.HistoryArchival{State: "disabled"},
			Visibility: config.VisibilityArchival{State: "disabled"},
		},
		NamespaceDefaults: config.NamespaceDefaults{Archival: config.ArchivalNamespaceDefaults{
			History:    config.HistoryArchivalNamespaceDefaults{State: "disabled"},
			Visibility: config.VisibilityArchivalNamespaceDefaults{State: "disabled"},
		}},
		Services: map[string]config.Service{},
	}
	for i, service := range services {
		cfg.Services[string(service)] = config.Service{RPC: config.RPC{GRPCPort: ports[i], BindOnIP: loopback}}
	}
	return cfg
}

func sqlConfig(database string) *config.SQL {
	return &config.SQL{
		PluginName:   storeName,
		DatabaseName: escaped(database),
		// More than one connection halves the throughput of SQLite.
		MaxConns:     1,
		MaxIdleConns: 1,
		// With these settings, a killed process loses nothing. A power cut may lose the last moments, which are then done again.
		ConnectAttributes: map[string]string{
			"mode": "rwc", "journal_mode": "wal", "synchronous": "normal", "busy_timeout": "10000",
		},
	}
}

func staticHosts(ports []int) map[primitives.ServiceName]static.Hosts {
	hosts := map[primitives.ServiceName]static.Hosts{}
	for i, service := range services {
		hosts[service] = static.SingleLocalHost(net.JoinHostPort(loopback, strconv.Itoa(ports[i])))
	}
	return hosts
}

// taskWorkers is how many goroutines work on each queue of the history service. The default is 512, for a database of a cluster. Here
// all of them share one connection, so more would only wait, and each takes memory.
const taskWorkers = 16

// timerShift is how late a timer may fire that is set while others are read. The default is a second, for clusters whose clocks differ:
// the next attempt of an activity then waits for a second, however soon it is due.
const timerShift = 20 * time.Millisecond

// dynamicConfig lifts limits that are meant for clusters: with the default of 20 polls per second and shard, a workflow
// completes only 20 activities a second. It lowers what only a cluster can use.
func dynamicConfig() dynamicconfig.Client {
	return dynamicconfig.StaticClient{
		dynamicconfig.TransferProcessorMaxPollRPS.Key():   1000,
		dynamicconfig.TimerProcessorMaxPollRPS.Key():      1000,
		dynamicconfig.VisibilityProcessorMaxPollRPS.Key(): 1000,
		dynamicconfig.TimerProcessorMaxTimeShift.Key():    timerShift,

		dynamicconfig.TransferProcessorSchedulerWorkerCount.Key():               taskWorkers,
		dynamicconfig.TimerProcessorSchedulerWorkerCount.Key():                  taskWorkers,
		dynamicconfig.MemoryTimerProcessorSchedulerWorkerCount.Key():            taskWorkers,
		dynamicconfig.VisibilityProcessorSchedulerWorkerCount.Key():             taskWorkers,
		dynamicconfig.ArchivalProcessorSchedulerWorkerCount.Key():               1,
		dynamicconfig.OutboundQueueGroupLimiterConcurrency.Key():                taskWorkers,
		dynamicconfig.ReplicationProcessorSchedulerWorkerCount.Key():            1,
		dynamicconfig.ReplicationLowPriorityProcessorSchedulerWorkerCount.Key(): 1,
	}
}
